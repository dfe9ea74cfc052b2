//! What comes in: one file per source, one pipeline to the store.
//!
//! `whatsapp`, `cams` and `events` read bodies, `whatsapp_webhook`, `cams_webhook` and
//! `events_webhook` are their HTTP sides (handshake, signature, tokens), `receive` is what
//! these share, `binding` says where an event belongs, `claim` counts
//! what was held once its number has an owner, `replay` judges quarantined items anew,
//! `pipeline` hands batches to the store and waits until they are durable, `arrivals`
//! remembers when a source last brought one, `stream` reads streams of events. `lenient` is the JSON reader below.
//!
//! Invariant: 200 is answered only for what the store made durable.

pub(crate) mod arrivals;
mod binding;
pub(crate) mod cams;
pub(crate) mod cams_webhook;
pub(crate) mod claim;
mod events;
pub(crate) mod events_webhook;
pub mod file;
mod lenient;
pub mod pipeline;
pub(crate) mod receive;
pub(crate) mod replay;
#[cfg_attr(
    not(feature = "nats"),
    allow(dead_code, reason = "without the client nothing is read")
)]
pub mod stream;
pub mod whatsapp;
pub(crate) mod whatsapp_webhook;
