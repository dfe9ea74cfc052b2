//! What the operator of an installation does with accounts, spaces, grants, numbers and
//! webhooks, whoever's they are: one set of calls for the command line, the control
//! socket and HTTP.
//!
//! Reading order: this file (calls), `error`, `routes`, then one file a resource. Not
//! here: who may call (`server::operator`), how calls travel. Invariants: a call that is
//! refused has changed nothing; secrets are in an answer once, when they are made here.

mod accounts;
mod alerts;
mod erase;
mod error;
mod events;
mod grants;
mod numbers;
mod policies;
mod query;
mod routes;
mod spaces;
mod usage;
mod webhooks;

pub use error::OperatorError;
pub use query::PAGE_MAX;
pub use routes::{ROUTES, Route};

use crate::clock::Clock;
use crate::directory::{Actor, Directory};
use crate::ingest::claim::claim_held;
use chatmetric_store::Store;
use query::Query;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) use policies::{CONTEXT_KEYS_MAX, tried};
pub(crate) use usage::csv as usage_csv;

/// What a call does to what its path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Tells.
    Get,
    /// Makes.
    Post,
    /// Changes.
    Patch,
    /// Takes away.
    Delete,
}

/// A call. Secrets in it never leave the way to the instance.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorCall {
    /// What to do.
    pub verb: Verb,
    /// To what: the decoded parts of the path below `/operator/v1/`.
    pub path: Vec<String>,
    /// Filters and pages.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// Values, for [`Verb::Post`] and [`Verb::Patch`].
    #[serde(default)]
    pub body: Value,
}

impl OperatorCall {
    /// A call without query and body.
    #[must_use]
    pub fn new(verb: Verb, path: &[&str]) -> Self {
        Self {
            verb,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: Vec::new(),
            body: Value::Null,
        }
    }

    /// The call with a body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    /// The call with a filter, if there is one.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: Option<&str>) -> Self {
        let pair = value.map(|value| (name.to_owned(), value.to_owned()));
        self.query.extend(pair);
        self
    }
}

impl std::fmt::Debug for OperatorCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OperatorCall({:?} {:?}, redacted)", self.verb, self.path)
    }
}

/// What a call answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorReply {
    /// A JSON document.
    Json(Value),
    /// A CSV file.
    Csv(String),
}

/// What calls work on, and in whose name.
pub struct Desk<'a> {
    /// Accounts, spaces, webhooks.
    pub directory: &'a Arc<Directory>,
    /// Events and tallies.
    pub store: &'a Arc<dyn Store>,
    /// Times.
    pub clock: &'a Arc<dyn Clock>,
    /// Who calls, in the audit log.
    pub actor: Actor,
}

impl Desk<'_> {
    /// Counts what was held for numbers that have an owner now. A running server goes on
    /// with what fails here.
    fn claim(&self) {
        if let Err(error) = claim_held(self.store.as_ref(), &self.directory.snapshot()) {
            tracing::warn!(%error, "could not claim held events; a running server tries again");
        }
    }
}

/// Does what a call says.
///
/// # Errors
/// [`OperatorError`]
pub fn call(desk: &Desk<'_>, call: &OperatorCall) -> Result<OperatorReply, OperatorError> {
    use Verb::{Delete, Get, Patch, Post};
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let query = Query::of(call);
    let body = &call.body;
    let value = match (call.verb, path.as_slice()) {
        (Get, ["accounts"]) => accounts::list(desk, &query)?,
        (Post, ["accounts"]) => accounts::create(desk, of_body(body)?)?,
        (Patch, ["accounts", id]) => accounts::update(desk, id, of_body(body)?)?,
        (Get, ["accounts", id, "access-keys"]) => accounts::keys(desk, id)?,
        (Post, ["accounts", id, "access-keys"]) => accounts::create_key(desk, id)?,
        (Patch, ["accounts", id, "access-keys", key]) => {
            accounts::update_key(desk, id, key, &of_body(body)?)?
        }
        (Delete, ["accounts", id, "access-keys", key]) => accounts::delete_key(desk, id, key)?,
        (Get, ["alerts"]) => alerts::list(desk, &query)?,
        (Post, ["alerts", id, "acknowledge"]) => alerts::acknowledge(desk, id, &of_body(body)?)?,
        (Get, ["spaces"]) => spaces::list(desk, &query)?,
        (Post, ["spaces"]) => spaces::create(desk, of_body(body)?)?,
        (Patch, ["spaces", id]) => spaces::update(desk, id, of_body(body)?)?,
        (Get, ["grants"]) => grants::list(desk, &query)?,
        (Post, ["grants"]) => grants::create(desk, &of_body(body)?)?,
        (Delete, ["grants", code, account]) => grants::delete(desk, code, account)?,
        (Get, ["numbers"]) => numbers::list(desk, &query)?,
        (Get, ["numbers", number, "explanation"]) => numbers::explain(desk, number, &query)?,
        (Post, ["numbers"]) => numbers::bind(desk, &of_body(body)?)?,
        (Patch, ["numbers", number]) => numbers::move_to(desk, number, &of_body(body)?)?,
        (Delete, ["numbers", number]) => numbers::release(desk, number)?,
        (Get, ["webhooks"]) => webhooks::list(desk, &query)?,
        (Post, ["webhooks"]) => webhooks::create(desk, of_body(body)?)?,
        (Patch, ["webhooks", id]) => webhooks::update(desk, id, of_body(body)?)?,
        (Delete, ["webhooks", id]) => webhooks::delete(desk, id)?,
        (Post, ["erase"]) => erase::erase(desk, &of_body(body)?)?,
        (Post, ["events"]) => events::load(desk, &of_body(body)?)?,
        (Post, ["policies", "simulate"]) => policies::simulate(desk, &of_body(body)?)?,
        (Get, ["usage"]) => json!({ "usage": usage::rows(desk, &query)? }),
        (Get, ["usage.csv"]) => {
            return Ok(OperatorReply::Csv(usage::csv(&usage::rows(desk, &query)?)));
        }
        _ => return Err(OperatorError::NoSuchCall),
    };
    Ok(OperatorReply::Json(value))
}

fn of_body<'a, T: Deserialize<'a>>(body: &'a Value) -> Result<T, OperatorError> {
    T::deserialize(body).map_err(|error| OperatorError::invalid("body", error.to_string()))
}

/// An answer that says nothing but that it is done.
fn done() -> Value {
    json!({})
}
