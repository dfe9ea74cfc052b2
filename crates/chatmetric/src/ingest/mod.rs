//! What comes in: one file per source, one pipeline to the store.
//!
//! `whatsapp` reads bodies, `whatsapp_webhook` is its HTTP side (handshake,
//! signature, answers), `binding` says where an event belongs, `claim` counts
//! what was held once its number has an owner, `replay` judges quarantined items anew,
//! `pipeline` hands batches to the store and waits until they are durable, `arrivals`
//! remembers when a source last brought one. `lenient` is the JSON reader below.
//!
//! Invariant: 200 is answered only for what the store made durable.

pub(crate) mod arrivals;
mod binding;
pub(crate) mod claim;
pub mod file;
mod lenient;
pub mod pipeline;
pub(crate) mod replay;
pub mod whatsapp;
pub(crate) mod whatsapp_webhook;
