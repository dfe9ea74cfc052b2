//! Filters and pages of calls.

use super::{OperatorCall, OperatorError};
use crate::directory::{Account, Snapshot};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

    /// How many things a page has: from 1 to `most`, which is also usual.
    pub(super) fn limit(&self, most: usize) -> Result<usize, OperatorError> {
        let Some(text) = self.get("limit") else {
            return Ok(most);
        };
        let limit = text.parse().ok();
        let limit = limit.filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| OperatorError::invalid("limit", format!("it is 1 to {most}")))
    }

    /// A page of things, each with its key, in the order of the keys; what is not on the
    /// page is not kept.
    pub(super) fn page<T>(
        &self,
        name: &str,
        things: impl Iterator<Item = (String, T)>,
        json: impl Fn(T) -> Value,
    ) -> Result<Value, OperatorError> {
        let limit = self.limit(PAGE_MAX)?;
        let after = self.get("after");
        let mut kept = BTreeMap::new();
        for (key, thing) in things.filter(|(key, _)| after.is_none_or(|after| &**key > after)) {
            kept.insert(key, thing);
            if kept.len() > limit + 1 {
                kept.pop_last();
            }
        }
        let is_cut = kept.len() > limit;
        if is_cut {
            kept.pop_last();
        }
        let next = kept.last_key_value().filter(|_| is_cut);
        let next = next.map(|(key, _)| key.clone());
        let values: Vec<Value> = kept.into_values().map(json).collect();
        Ok(json!({ name: values, "next": next }))
    }
}

/// The account with this id.
pub(super) fn account_of(snapshot: &Snapshot, id: &str) -> Result<Arc<Account>, OperatorError> {
    let parsed = AccountId::parse(id).ok();
    let account = parsed.and_then(|id| snapshot.account(&id).cloned());
    account.ok_or_else(|| OperatorError::NotFound(format!("there is no account `{id}`")))
}
