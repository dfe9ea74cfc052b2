//! Workloads that look like real traffic, and an auditor that counts them.
//!
//! [`Workload`] makes status events in the order of their arrival, from a seed
//! and nothing else; [`render_body`] and [`render_receipts`] write them as webhooks of two providers.
//! [`Model`] keeps the plain set of events that it saw and computes every answer
//! from that set again.
//!
//! For simulations in virtual time: [`posts_of`] and [`Outbox`] are sources that send
//! again what was not acknowledged, [`Network`] loses and reorders what they send,
//! [`CachedDisk`] is what a crash leaves, [`Plan`] is what goes wrong and when, and
//! [`Audit`] knows what must, may and must not be counted. All of it is pure; who drives a
//! real server with it is `crates/chatmetric/tests/it/simulation`.
//!
//! The model is written from the specification of the counts alone. It shares no
//! code with the counting core and takes other ways on purpose (milliseconds
//! instead of slots, a walk over instants instead of calendar arithmetic), so
//! that one mistake cannot hide in both. Keep it so: this crate must not depend
//! on `chatmetric-core`.

mod audit;
mod calendar;
pub mod corpus;
mod disk;
mod event;
mod model;
mod network;
mod plan;
mod random;
mod receipts;
#[cfg(shuttle)]
pub mod schedules;
mod source;
mod waiting;
mod webhook;
mod workload;

pub use audit::{Audit, Bounds, Counts, Expected, Finding, Outcome};
pub use calendar::{Calendar, UnknownZone};
pub use disk::{CachedDisk, Crash, FileId};
pub use event::{CHANNEL, Event, Status};
pub use model::{Granularity, Model, Query, Reports, Row, Totals};
pub use network::{Network, Weather};
pub use plan::{Fault, FrameCall, Plan};
pub use random::Random;
pub use receipts::render_receipts;
pub use source::{ANSWER_TIMEOUT_MS, Outbox, PATIENCE_MS, Post, SourceKind, forged, posts_of};
pub use webhook::{Body, BodyStyle, render_body};
pub use workload::{Config, Workload};
