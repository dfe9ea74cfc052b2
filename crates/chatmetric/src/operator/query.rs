//! Filters and pages of calls.

use super::{OperatorCall, OperatorError};
use crate::directory::{Account, Snapshot};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most things of one page, and what a page has when nothing is said.
pub const PAGE_MAX: usize = 1_000;

/// The query of a call.
pub(super) struct Query<'a>(&'a [(String, String)]);

impl<'a> Query<'a> {
    pub(super) fn of(call: &'a OperatorCall) -> Self {
        Self(&call.query)
    }

    /// A parameter; empty is absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let pairs = self.0.iter();
        let mut found = pairs.filter(|(own, value)| own == name && !value.is_empty());
        found.next().map(|(_, value)| value.as_str())
    }

    /// A time in ms since the epoch.
    pub(super) fn time(&self, name: &str) -> Result<EpochMs, OperatorError> {
        let text = self.get(name);
        let text = text.ok_or_else(|| OperatorError::invalid(name, "it is missing"))?;
        let time = text.parse().ok().and_then(EpochMs::checked);
        time.ok_or_else(|| OperatorError::invalid(name, "it is a time in ms since the epoch"))
    }

    /// The account of the filter, if there is one.
    pub(super) fn account(
        &self,
        snapshot: &Snapshot,
    ) -> Result<Option<Arc<Account>>, OperatorError> {
        let named = self.get("account").map(|id| account_of(snapshot, id));
        named.transpose()
    }

    /// A page of things, each with its key, in the order of the keys.
    pub(super) fn page(
        &self,
        name: &str,
        mut things: Vec<(String, Value)>,
    ) -> Result<Value, OperatorError> {
        let limit = match self.get("limit") {
            None => PAGE_MAX,
            Some(text) => {
                let limit = text.parse().ok();
                let limit = limit.filter(|limit| (1..=PAGE_MAX).contains(limit));
                let reason = || OperatorError::invalid("limit", format!("it is 1 to {PAGE_MAX}"));
                limit.ok_or_else(reason)?
            }
        };
        if let Some(after) = self.get("after") {
            things.retain(|(key, _)| key.as_str() > after);
        }
        things.sort_by(|(a, _), (b, _)| a.cmp(b));
        let is_cut = things.len() > limit;
        things.truncate(limit);
        let next = things.last().filter(|_| is_cut).map(|(key, _)| key.clone());
        let values: Vec<Value> = things.into_iter().map(|(_, value)| value).collect();
        Ok(json!({ name: values, "next": next }))
    }
}

/// The account with this id.
pub(super) fn account_of(snapshot: &Snapshot, id: &str) -> Result<Arc<Account>, OperatorError> {
    let parsed = AccountId::parse(id).ok();
    let account = parsed.and_then(|id| snapshot.account(&id).cloned());
    account.ok_or_else(|| OperatorError::NotFound(format!("there is no account `{id}`")))
}
