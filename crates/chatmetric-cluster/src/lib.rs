//! Many machines: NATS JetStream keeps the log, replicas fold it into embedded stores.
//!
//! Reading order: [`settings`], [`topology`], [`partition`], [`entry`], [`log`] (what is
//! written), [`tally`], [`follow`], [`replica`] (what folds it), [`query`] (who is asked),
//! [`store`] (the [`Store`](chatmetric_store::Store) of a program on a cluster),
//! [`members`], [`assignment`], [`node`] (who holds what), [`snapshot`], [`audit`],
//! [`owner`], [`capacity`] (how many machines), [`migrate`].
//!
//! Not here: HTTP, the protocol of clients, the configuration of the program, accounts.
//!
//! Invariants:
//! 1. What was acknowledged is in the log, on a majority of the servers that keep it.
//! 2. A replica is the fold of a prefix of its partition's log; the length of the prefix is
//!    in the commit of what it counted.
//! 3. A replica answers a query only after it has folded what was acknowledged before it.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::as_conversions
    )
)]

pub mod assignment;
pub mod audit;
pub mod capacity;
pub mod engine;
pub mod entry;
mod error;
pub mod follow;
pub mod log;
pub mod members;
pub mod migrate;
pub mod node;
pub mod owner;
pub mod partition;
mod placement;
pub mod query;
pub mod replica;
pub mod settings;
pub mod snapshot;
pub mod store;
pub mod tally;
pub mod topology;

pub use error::ClusterError;
pub use node::Node;
pub use partition::{Partition, Partitions};
pub use settings::Settings;
pub use store::ClusterStore;
