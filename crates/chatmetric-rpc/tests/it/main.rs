//! The protocol as its callers meet it: requests captured from official SDKs, mutations of them,
//! the order of checks, admission and rights.

mod actor;
mod admission;
mod clients;
#[cfg(shuttle)]
mod concurrency;
mod dialects;
mod explain;
mod explain_mistakes;
mod mutations;
mod order;
mod rights;
mod vectors;
