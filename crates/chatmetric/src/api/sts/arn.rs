//! Names of roles and callers as `acs:ram::<account>:…`.
//!
//! Invariant: a [`RoleArn`] has no character with a meaning in a policy's resource
//! (`*`, `?`, a further `:` or `/`), so what rights are checked for is one role.

use crate::directory::Principal;
use crate::directory::limits::NAME_BYTES_MAX;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::AccountId;
use chatmetric_rpc::params::echo;
use std::fmt;

/// A role, perhaps of another account, perhaps of none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct RoleArn {
    account: AccountId,
    name: String,
}

impl RoleArn {
    /// Reads `acs:ram::<account>:role/<name>`.
    ///
    /// # Errors
    /// `InvalidParameter.RoleArn` for anything else.
    pub(in crate::api) fn parse(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let (account, role) = text.strip_prefix("acs:ram::")?.split_once(':')?;
            let name = role.strip_prefix("role/").filter(|name| is_name(name))?;
            Some(Self {
                account: AccountId::parse(account).ok()?,
                name: name.to_owned(),
            })
        };
        parse().ok_or_else(|| {
            let reason = format!(
                "'{}' is not of the form acs:ram::<account>:role/<name>.",
                echo(text)
            );
            ApiError::invalid("RoleArn", reason)
        })
    }

    pub(super) fn account(&self) -> &AccountId {
        &self.account
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acs:ram::{}:role/{}", self.account, self.name)
    }
}

/// The names that the directory gives to roles.
fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'))
}

/// A caller: `acs:ram::<account>:root`, `…:user/<name>` or
/// `…:assumed-role/<role>/<session>`.
pub(in crate::api) fn arn_of(account: &AccountId, principal: &Principal) -> String {
    format!("acs:ram::{account}:{}", principal.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_of_one_role() {
        let text = "acs:ram::1000000000000001:role/Metrics.Reader-1_a@b";
        assert_eq!(RoleArn::parse(text).expect("an ARN").to_string(), text);
        let longest = format!("acs:ram::1:role/{}", "r".repeat(NAME_BYTES_MAX));
        assert!(RoleArn::parse(&longest).is_ok());
        for bad in [
            "",
            "reader",
            "acs:ram::1:user/reader",
            "acs:ram::1:role/",
            "acs:ram::1:role/a/b",
            "acs:ram::1:role/*",
            "acs:ram::1:role/a?",
            "acs:ram::*:role/a",
            "acs:ram:*:1:role/a",
            "acs:ram::one:role/a",
            "acs:ram::1:role/a b",
            " acs:ram::1:role/a",
            &format!("{longest}r"),
        ] {
            let error = RoleArn::parse(bad).expect_err(bad);
            assert_eq!(error.code(), "InvalidParameter.RoleArn", "{bad}");
        }
    }
}
