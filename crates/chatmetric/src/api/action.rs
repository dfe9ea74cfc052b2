//! The table of operations: what is resolved here is what is throttled,
//! authorized and executed.

use chatmetric_rpc::ApiError;
use chatmetric_rpc::signature::OperationTable;

/// The API version of the product `cams`.
pub const CAMS_VERSION: &str = "2020-06-06";

/// The operations that we serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Counts of messages by number and bucket.
    GetChatappPhoneNumberMetric,
    /// Turns statistics on; they always are.
    EnableWhatsappRoiMetric,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 2] = [
        Self::GetChatappPhoneNumberMetric,
        Self::EnableWhatsappRoiMetric,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetChatappPhoneNumberMetric => "GetChatappPhoneNumberMetric",
            Self::EnableWhatsappRoiMetric => "EnableWhatsappROIMetric",
        }
    }

    /// The version in which it exists.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::GetChatappPhoneNumberMetric | Self::EnableWhatsappRoiMetric => CAMS_VERSION,
        }
    }

    /// What a RAM policy calls it.
    #[must_use]
    pub const fn ram_action(self) -> &'static str {
        match self {
            Self::GetChatappPhoneNumberMetric => "cams:GetChatappPhoneNumberMetric",
            Self::EnableWhatsappRoiMetric => "cams:EnableWhatsappROIMetric",
        }
    }

    /// Calls that an account has in any second; `of_account` is the account's own
    /// number, which stands for the metric operation only.
    #[must_use]
    pub fn calls_per_second(self, of_account: Option<u32>) -> u32 {
        match self {
            Self::GetChatappPhoneNumberMetric => of_account.unwrap_or(50),
            Self::EnableWhatsappRoiMetric => 5,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// Finds operations for the verifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actions;

impl OperationTable for Actions {
    type Operation = Action;

    fn resolve(&self, action: &str, version: &str) -> Result<Action, ApiError> {
        let action = Action::named(action).ok_or(ApiError::ActionNotFound)?;
        if action.version() == version {
            Ok(action)
        } else {
            Err(ApiError::InvalidVersion)
        }
    }
}
