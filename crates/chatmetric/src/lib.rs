//! The program: HTTP in and out, the directory, the command line. The only crate
//! that opens sockets, reads the clock and draws randomness.
//!
//! `main.rs` is thin; everything is here so that integration tests can use it.
//!
//! Invariant: no input ends the process; the lints below refuse what could.

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

pub mod api;
pub mod backup;
pub mod cli;
pub mod client;
pub mod clock;
#[cfg(feature = "nats")]
mod cluster;
pub mod config;
pub mod conformance;
mod console;
pub mod control;
pub mod directory;
pub mod entropy;
mod explanation;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod ingest;
pub mod master_key;
pub mod operator;
pub mod query;
pub mod reconcile;
pub mod server;
mod spreadsheet;
pub mod telemetry;
pub mod tls;
pub mod usage;
pub mod watch;

pub use console::ROUTES as CONSOLE_ROUTES;
