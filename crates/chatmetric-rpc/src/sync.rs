//! Locks of this crate: those of std, and shuttle's where its tests choose the order
//! of threads (`--cfg shuttle`, see `cargo xtask concurrency`).
//!
//! Not here: anything of our own. Invariant: without that flag these are std's types and
//! nothing else.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};
