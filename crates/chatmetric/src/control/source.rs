//! Switches which feed counts for a number: of two that call the same message by
//! different ids only one does.

use super::Refusal;
use crate::directory::{Actor, Directory, IdFamily, SwitchError};
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_rpc::credential::AccountId;
use serde::{Deserialize, Serialize};

/// Which number, and what counts for it from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSwitch {
    /// The number, as people write it.
    pub number: String,
    /// `meta`, `cams` or `other`.
    pub family: String,
    /// Whose events of it; without it the account that owns the number.
    pub account: Option<String>,
}

/// What was switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchedSource {
    /// The digits of the number.
    pub number: String,
    /// In which account.
    pub account: String,
    /// What counted before, if anything did.
    pub before: Option<String>,
    /// What counts now.
    pub after: String,
}

fn refuse(message: String) -> Refusal {
    Refusal {
        message,
        is_usage: true,
    }
}

pub(super) fn switch(
    directory: &Directory,
    wanted: &SourceSwitch,
    now: EpochMs,
) -> Result<SwitchedSource, Refusal> {
    let number = PhoneNumber::parse(&wanted.number).map_err(|error| Refusal::usage(&error))?;
    let family = IdFamily::parse(&wanted.family);
    let family = family.ok_or_else(|| refuse(format!("`{}` is no feed", wanted.family)))?;
    let account = wanted
        .account
        .as_deref()
        .map(|id| AccountId::parse(id).map_err(|_| refuse(format!("there is no account `{id}`"))));
    let account = account.transpose()?;
    let actor = Actor::operator("admin");
    let switched = directory.switch_family(account.as_ref(), number, family, &actor, now);
    let switched = switched.map_err(|error| match error {
        SwitchError::NoOwner { .. } | SwitchError::UnknownAccount { .. } => Refusal::usage(&error),
        SwitchError::Directory(error) => Refusal::failed(&error),
    })?;
    Ok(SwitchedSource {
        number: number.to_string(),
        account: switched.account.to_string(),
        before: switched.before.map(|family| family.as_str().to_owned()),
        after: family.as_str().to_owned(),
    })
}
