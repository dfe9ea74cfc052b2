//! EncodedDiagnosticMessage: what administrators of the caller's account learn of a
//! denial, in the hands of whoever was denied.
//!
//! The message is sealed for the caller's account (`master_key`): it tells policies
//! and conditions, which the denied caller may not see. In base64: two bytes of
//! format, then the sealed text.
//!
//! Invariant: a message opens for the account of the caller that was denied, and
//! for every other account it is the same as noise.

use crate::directory::{PolicyHolder, Principal, Snapshot};
use crate::entropy::Entropy;
use crate::master_key::{MessageSealer, RecordKind, SealContext};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::AccountId;
use chatmetric_rpc::error::{
    AccessDeniedDetail, MatchedPolicy, NoPermissionType, PolicyType, PrincipalType,
};
use serde::{Deserialize, Serialize};

/// How a message begins: its format, and no flags.
const FORMAT: [u8; 2] = [1, 0];
/// Longest message, in characters. The longest that is made is shorter.
pub(super) const MESSAGE_CHARS_MAX: usize = 16 * 1024;
/// What stands for the name of a policy that has none.
const SESSION_POLICY: &str = "SessionPolicy";
/// See [`SESSION_POLICY`].
const TRUST_POLICY: &str = "AssumeRolePolicy";

/// Who a denial says was denied; the owner of an account is not denied anything.
pub(super) fn told_as(principal: &Principal) -> Option<(PrincipalType, String)> {
    match principal {
        Principal::Owner => None,
        Principal::User(user) => Some((PrincipalType::SubUser, user.id.to_string())),
        Principal::Session(session) => {
            Some((PrincipalType::AssumedRoleUser, session.display_name()))
        }
    }
}

/// A denial, as its message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Diagnosed {
    pub(super) explicit_deny: bool,
    pub(super) policy_type: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) principal_type: String,
    pub(super) principal_owner: String,
    pub(super) principal_name: String,
    pub(super) conditions: Vec<(String, String)>,
    pub(super) matched: Vec<Matched>,
}

/// A policy of which a statement was about the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matched {
    pub(super) denies: bool,
    pub(super) name: String,
    /// The version in effect at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    /// `RamUser`, `RamGroup` or `RamRole`.
    pub(super) attached_to: String,
}

/// Makes the message of a denial. `None` when it cannot be sealed: a denial is
/// answered all the same.
pub(super) fn seal(
    sealer: &MessageSealer,
    entropy: &dyn Entropy,
    snapshot: &Snapshot,
    principal: &Principal,
    detail: &AccessDeniedDetail,
) -> Option<String> {
    let diagnosis = &detail.diagnosis;
    let matched = diagnosis.matched.iter();
    let told = Diagnosed {
        explicit_deny: match detail.no_permission_type {
            NoPermissionType::ExplicitDeny => true,
            NoPermissionType::ImplicitDeny => false,
        },
        policy_type: detail.policy_type.as_str().to_owned(),
        action: detail.auth_action.clone(),
        resource: diagnosis.resource.clone(),
        principal_type: detail.auth_principal_type.as_str().to_owned(),
        principal_owner: detail.auth_principal_owner_id.clone(),
        principal_name: detail.auth_principal_display_name.clone(),
        conditions: diagnosis.conditions.clone(),
        matched: matched
            .map(|policy| describe(snapshot, &detail.auth_principal_owner_id, principal, policy))
            .collect(),
    };
    told.seal(sealer, entropy)
}

fn describe(
    snapshot: &Snapshot,
    account: &str,
    principal: &Principal,
    policy: &MatchedPolicy,
) -> Matched {
    let account = AccountId::parse(account).ok();
    let account = account.and_then(|id| snapshot.account(&id)).map(|a| a.key);
    let name = match (&policy.name, policy.policy_type) {
        (Some(name), _) => name.as_str(),
        (None, PolicyType::AssumeRolePolicy) => TRUST_POLICY,
        (None, PolicyType::SessionPolicy | PolicyType::AccountLevelIdentityBasedPolicy) => {
            SESSION_POLICY
        }
    };
    let info = account
        .zip(policy.name.as_deref())
        .and_then(|(account, name)| snapshot.policy_info(account, name));
    let attached_to = match (principal, policy.policy_type) {
        (Principal::User(user), PolicyType::AccountLevelIdentityBasedPolicy) => {
            let holder = PolicyHolder::User(user.name.clone());
            let own = account.is_some_and(|account| {
                let attached = snapshot.policies_of(account, &holder);
                attached.iter().any(|attached| attached.policy.name == name)
            });
            if own { "RamUser" } else { "RamGroup" }
        }
        (Principal::Owner | Principal::User(_) | Principal::Session(_), _) => "RamRole",
    };
    Matched {
        denies: policy.denies,
        name: name.to_owned(),
        version: info.map(|info| info.default_version),
        attached_to: attached_to.to_owned(),
    }
}

impl Diagnosed {
    fn seal(&self, sealer: &MessageSealer, entropy: &dyn Entropy) -> Option<String> {
        let text = serde_json::to_vec(self).ok()?;
        let sealed = sealer.seal(place(&self.principal_owner), &text, entropy);
        let sealed = sealed
            .inspect_err(|error| tracing::error!(%error, "a diagnosis could not be sealed"))
            .ok()?;
        Some(STANDARD.encode([FORMAT.as_slice(), &sealed].concat()))
    }

    /// Reads a message for an administrator of `account`.
    ///
    /// # Errors
    /// `InvalidParameter.EncodedDiagnosticMessage`, the same for noise and for a
    /// message of another account or installation.
    pub(super) fn open(
        sealer: &MessageSealer,
        account: &AccountId,
        message: &str,
    ) -> Result<Self, ApiError> {
        let open = || {
            if message.len() > MESSAGE_CHARS_MAX {
                return None;
            }
            let bytes = STANDARD.decode(message).ok()?;
            let sealed = bytes.strip_prefix(&FORMAT)?;
            let text = sealer.open(place(account.as_str()), sealed).ok()?;
            serde_json::from_slice(&text).ok()
        };
        open().ok_or_else(|| {
            ApiError::invalid(
                "EncodedDiagnosticMessage",
                "It is no diagnostic message of a denial in this account.",
            )
        })
    }
}

fn place(account: &str) -> SealContext<'_> {
    SealContext {
        kind: RecordKind::DiagnosticMessage,
        tenant: account,
        record: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::master_key::MasterKey;
    use chatmetric_rpc::ram::{DIAGNOSIS_TEXT_BYTES_MAX, MATCHED_POLICIES_MAX};

    fn sealer(byte: u8) -> MessageSealer {
        MasterKey::from_bytes([byte; 32]).message_sealer()
    }

    fn account(text: &str) -> AccountId {
        AccountId::parse(text).expect("an id")
    }

    /// The longest that a denial can tell, of characters that JSON writes longer.
    fn longest() -> Diagnosed {
        let text = "\"".repeat(DIAGNOSIS_TEXT_BYTES_MAX);
        let matched = Matched {
            denies: true,
            name: "p".repeat(128),
            version: Some(u32::MAX),
            attached_to: "RamGroup".to_owned(),
        };
        Diagnosed {
            explicit_deny: true,
            policy_type: "AccountLevelIdentityBasedPolicy".to_owned(),
            action: "cams:GetChatappPhoneNumberMetric".to_owned(),
            resource: text.clone(),
            principal_type: "AssumedRoleUser".to_owned(),
            principal_owner: "1".repeat(32),
            principal_name: "r".repeat(193),
            conditions: vec![("acs:SecureTransport".to_owned(), text); 5],
            matched: vec![matched; MATCHED_POLICIES_MAX],
        }
    }

    #[test]
    fn the_longest_message_is_within_its_limit_and_goes_round() {
        let message = longest()
            .seal(&sealer(1), &SeededEntropy::new(1))
            .expect("seals");
        assert!(message.len() < MESSAGE_CHARS_MAX, "{}", message.len());
        assert!(message.starts_with("AQ"), "{message}");
        let own = account(&"1".repeat(32));
        let opened = Diagnosed::open(&sealer(1), &own, &message).expect("opens");
        assert_eq!(opened, longest());
    }

    #[test]
    fn noise_and_the_messages_of_others_are_the_same() {
        let message = longest()
            .seal(&sealer(1), &SeededEntropy::new(1))
            .expect("seals");
        let own = account(&"1".repeat(32));
        let refusal = |sealer: &MessageSealer, account: &AccountId, message: &str| {
            Diagnosed::open(sealer, account, message).expect_err("refused")
        };
        let noise = refusal(&sealer(1), &own, "AQAB");
        assert_eq!(noise.code(), "InvalidParameter.EncodedDiagnosticMessage");
        assert_eq!(refusal(&sealer(1), &account("2"), &message), noise);
        assert_eq!(refusal(&sealer(2), &own, &message), noise);
        assert_eq!(
            refusal(&sealer(1), &own, &message[..message.len() - 4]),
            noise
        );
        let padded = format!("{message}{}", "A".repeat(MESSAGE_CHARS_MAX));
        assert_eq!(refusal(&sealer(1), &own, &padded), noise);
        // A security token is none.
        let token = sealer(1).seal(
            SealContext {
                kind: RecordKind::SessionToken,
                ..place(own.as_str())
            },
            &serde_json::to_vec(&longest()).expect("JSON"),
            &SeededEntropy::new(1),
        );
        let token = [FORMAT.as_slice(), &token.expect("seals")].concat();
        assert_eq!(refusal(&sealer(1), &own, &STANDARD.encode(token)), noise);
    }
}
