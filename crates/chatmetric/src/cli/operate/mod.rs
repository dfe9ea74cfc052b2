//! `chatmetric account|alerts|explain|space|grant|number|webhook|usage`: what an operator of many
//! tenants does, one call of the operator API each.
//!
//! Not here: what a call does (`crate::operator`). Invariant: secrets come from files or
//! stdin, never from the command line, and go to stdout once.

mod account;
mod alert;
mod explain;
mod grant;
mod number;
mod reach;
mod show;
mod space;
mod usage;
mod webhook;

pub(super) use account::AccountCommand;
pub(super) use alert::AlertCommand;
pub(super) use explain::ExplainArguments;
pub(super) use grant::GrantCommand;
pub(super) use number::NumberCommand;
pub(super) use reach::{Http, Reach, ReachArguments, secret_of};
pub(super) use show::{ListOutput, ask, print};
pub(super) use space::SpaceCommand;
pub(super) use usage::UsageArguments;
pub(super) use webhook::WebhookCommand;

pub(super) use account::run as run_account;
pub(super) use alert::run as run_alert;
pub(super) use explain::run as run_explain;
pub(super) use grant::run as run_grant;
pub(super) use number::run as run_number;
pub(super) use space::run as run_space;
pub(super) use usage::run as run_usage;
pub(super) use webhook::run as run_webhook;
