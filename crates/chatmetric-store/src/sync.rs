//! Locks and atomics of this crate: those of std, and shuttle's where its tests choose the order
//! of threads (`--cfg shuttle`, see `cargo xtask concurrency`).
//!
//! Not here: anything of our own. Invariant: without that flag these are std's types and
//! nothing else.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic::AtomicU64;
#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock};
#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic::AtomicU64;
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, RwLock};
