//! The keys of `[watch]`, a part of the table in `keys.rs`; the same rules hold.

use super::keys::{Key, key, put};
use crate::config::WatchSecret;

/// An address, in a fault: what was given may be a secret and is not repeated.
const URL: &str = "an address such as `https://hooks.example/path`, without a user in it";

#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    key("watch", "enabled", |s, v| put(&mut s.watch.enabled, v.boolean())),
    key("watch", "baseline_days", |s, v| put(&mut s.watch.baseline_days, v.integer())),
    key("watch", "for_minutes", |s, v| put(&mut s.watch.for_minutes, v.integer())),
    key("watch", "clear_minutes", |s, v| put(&mut s.watch.clear_minutes, v.integer())),
    key("watch", "delivery_rate", |s, v| put(&mut s.watch.delivery_rate, v.boolean())),
    key("watch", "delivery_rate_drop_percent", |s, v| {
        put(&mut s.watch.delivery_rate_drop_percent, v.integer())
    }),
    key("watch", "delivery_rate_sent_min", |s, v| {
        put(&mut s.watch.delivery_rate_sent_min, v.integer())
    }),
    key("watch", "settle_minutes", |s, v| put(&mut s.watch.settle_minutes, v.integer())),
    key("watch", "silent_source", |s, v| put(&mut s.watch.silent_source, v.boolean())),
    key("watch", "silent_source_minutes_min", |s, v| {
        put(&mut s.watch.silent_source_minutes_min, v.integer())
    }),
    key("watch", "no_report", |s, v| put(&mut s.watch.no_report, v.boolean())),
    key("watch", "no_report_rise_percent", |s, v| {
        put(&mut s.watch.no_report_rise_percent, v.integer())
    }),
    key("watch", "no_report_sent_min", |s, v| put(&mut s.watch.no_report_sent_min, v.integer())),
    key("watch", "disk_full", |s, v| put(&mut s.watch.disk_full, v.boolean())),
    key("watch", "disk_full_days", |s, v| put(&mut s.watch.disk_full_days, v.integer())),
    key("watch", "disk_free_bytes_min", |s, v| put(&mut s.watch.disk_free_bytes_min, v.integer())),
    key("watch", "group_from", |s, v| put(&mut s.watch.group_from, v.integer())),
    key("watch", "notifications_per_hour", |s, v| {
        put(&mut s.watch.notifications_per_hour, v.integer())
    }),
    key("watch", "history_days", |s, v| put(&mut s.watch.history_days, v.integer())),
    key("watch", "webhook_url", |s, v| {
        put(&mut s.watch.webhook_url, v.parsed_unshown(URL).map(Some))
    }),
    key("watch", "webhook_secret", |s, v| {
        put(&mut s.watch.webhook_secret, v.text().map(|text| Some(WatchSecret::new(text))))
    }),
    key("watch", "webhook_secret_file", |s, v| {
        put(&mut s.watch.webhook_secret_file, v.path().map(Some))
    }),
    key("watch", "alertmanager_url", |s, v| {
        put(&mut s.watch.alertmanager_url, v.parsed_unshown(URL).map(Some))
    }),
    key("watch", "ca_file", |s, v| put(&mut s.watch.ca_file, v.path().map(Some))),
    key("watch", "allow_private", |s, v| put(&mut s.watch.allow_private, v.boolean())),
];
