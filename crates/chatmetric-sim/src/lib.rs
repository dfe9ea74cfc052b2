//! Workloads that look like real traffic, and an auditor that counts them.
//!
//! [`Workload`] makes status events in the order of their arrival, from a seed
//! and nothing else; [`render_body`] writes them as a provider's webhook.
//! [`Model`] keeps the plain set of events that it saw and computes every answer
//! from that set again.
//!
//! The model is written from the specification of the counts alone. It shares no
//! code with the counting core and takes other ways on purpose (milliseconds
//! instead of slots, a walk over instants instead of calendar arithmetic), so
//! that one mistake cannot hide in both. Keep it so: this crate must not depend
//! on `chatmetric-core`.

mod calendar;
pub mod corpus;
mod event;
mod model;
mod random;
#[cfg(shuttle)]
pub mod schedules;
mod webhook;
mod workload;

pub use calendar::{Calendar, UnknownZone};
pub use event::{CHANNEL, Event, Status};
pub use model::{Granularity, Model, Query, Reports, Row, Totals};
pub use random::Random;
pub use webhook::{Body, BodyStyle, render_body};
pub use workload::{Config, Workload};
