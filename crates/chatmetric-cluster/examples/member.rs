//! A member of a cluster as a process of its own, for tests that kill it: joins, holds its
//! replicas, and goes on until it is killed.
//!
//! Not for users: the program is a member by itself. Arguments: name, directory, partitions,
//! urls.

use chatmetric_cluster::{ClusterStore, Node, Settings};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let settings = Settings {
        member: next()?,
        dir: next()?.into(),
        partitions: next()?.parse()?,
        urls: next()?.split(',').map(str::to_owned).collect(),
        states_sync_always: true,
        ..Settings::default()
    };
    let store = Arc::new(ClusterStore::open(settings)?);
    let _node = Node::start(store, true)?;
    loop {
        std::thread::park();
    }
}
