//! The keys of `[cluster]`, a part of the table in `keys.rs`; the same rules hold.

use super::keys::{Key, key, put};

/// A name, in a fault.
const ROLE: &str = "a role";

#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    key("cluster", "nats_urls", |s, v| put(&mut s.cluster.nats_urls, v.list("an address"))),
    key("cluster", "credentials_file", |s, v| {
        put(&mut s.cluster.credentials_file, v.path().map(Some))
    }),
    key("cluster", "tls_ca_file", |s, v| {
        put(&mut s.cluster.tls_ca_file, v.path().map(Some))
    }),
    key("cluster", "system_credentials_file", |s, v| {
        put(&mut s.cluster.system_credentials_file, v.path().map(Some))
    }),
    key("cluster", "node", |s, v| {
        put(&mut s.cluster.node, v.text().map(str::to_owned))
    }),
    key("cluster", "name", |s, v| {
        put(&mut s.cluster.name, v.text().map(str::to_owned))
    }),
    key("cluster", "role", |s, v| put(&mut s.cluster.role, v.list(ROLE))),
    key("cluster", "replicas", |s, v| put(&mut s.cluster.replicas, v.integer())),
    key("cluster", "tally_replicas", |s, v| put(&mut s.cluster.tally_replicas, v.integer())),
    key("cluster", "partitions", |s, v| put(&mut s.cluster.partitions, v.integer())),
    key("cluster", "servers_sync_always", |s, v| {
        put(&mut s.cluster.servers_sync_always, v.boolean())
    }),
    key("cluster", "allow_weak_durability", |s, v| {
        put(&mut s.cluster.allow_weak_durability, v.boolean())
    }),
];
