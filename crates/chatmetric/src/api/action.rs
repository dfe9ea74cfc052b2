//! The table of operations: what is resolved here is what is throttled,
//! authorized and executed.
//!
//! Invariant: names, versions, RAM actions and limits are those of the
//! operation's own [`OperationSpec`]; nothing is spelt twice.

use crate::api::ram::RamAction;
use crate::api::spec::{OperationSpec, Product};
use crate::api::sts::StsAction;
use crate::api::{enable_whatsapp_roi_metric, get_chatapp_phone_number_metric};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::signature::OperationTable;

/// The operations that we serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Counts of messages by number and bucket.
    GetChatappPhoneNumberMetric,
    /// Turns statistics on; they always are.
    EnableWhatsappRoiMetric,
    /// An operation of STS.
    Sts(StsAction),
    /// An operation of RAM.
    Ram(RamAction),
}

impl Action {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::GetChatappPhoneNumberMetric,
            Self::EnableWhatsappRoiMetric,
        ]
        .into_iter()
        .chain(StsAction::ALL.iter().copied().map(Self::Sts))
        .chain(RamAction::ALL.iter().copied().map(Self::Ram))
    }

    /// What it is.
    #[must_use]
    pub const fn spec(self) -> &'static OperationSpec {
        match self {
            Self::GetChatappPhoneNumberMetric => &get_chatapp_phone_number_metric::SPEC,
            Self::EnableWhatsappRoiMetric => &enable_whatsapp_roi_metric::SPEC,
            Self::Sts(action) => action.spec(),
            Self::Ram(action) => action.spec(),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// Whose operation it is.
    #[must_use]
    pub const fn product(self) -> Product {
        self.spec().product
    }

    /// Calls that an account has in any second; `of_account` is the account's own
    /// number, which stands for the metric operation only.
    #[must_use]
    pub fn calls_per_second(self, of_account: Option<u32>) -> u32 {
        let usual = self.spec().calls_per_second;
        match self {
            Self::GetChatappPhoneNumberMetric => of_account.unwrap_or(usual),
            Self::EnableWhatsappRoiMetric | Self::Sts(_) | Self::Ram(_) => usual,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::all().find(|action| action.name() == name)
    }
}

/// Finds operations for the verifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actions;

impl OperationTable for Actions {
    type Operation = Action;

    fn resolve(&self, action: &str, version: &str) -> Result<Action, ApiError> {
        let action = Action::named(action).ok_or(ApiError::ActionNotFound)?;
        if action.product().version() == version {
            Ok(action)
        } else {
            Err(ApiError::InvalidVersion)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_actions_are_those_of_their_product() {
        let names: BTreeSet<_> = Action::all().map(Action::name).collect();
        assert_eq!(names.len(), Action::all().count());
        for spec in Action::all().map(Action::spec) {
            if let Some(action) = spec.ram_action {
                let own = format!("{}:{}", spec.product.ram_code(), spec.name);
                assert_eq!(action, own);
            }
            assert!(spec.calls_per_second > 0, "{}", spec.name);
        }
    }
}
