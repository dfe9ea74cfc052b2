//! The directory as a document: what applying it would need to make it again.
//!
//! The order is stable (by id and name), so two exports of the same directory
//! are the same text. Not in it: former numbers, versions of policies that are
//! not in effect, and what is made here (ids, times, numeric keys).

use serde::Serialize;
use zeroize::Zeroizing;

use super::state::{AccountState, KeyState, Secret, State, WebhookSecrets, WebhookState};
use chatmetric_rpc::credential::AccessKeyId;
use std::collections::BTreeMap;

/// A document made of the directory. `Debug` shows no secret.
pub struct Export {
    document: DocumentOut,
    with_secrets: bool,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Export({} accounts, redacted)",
            self.document.account.len()
        )
    }
}

/// An export could not be written as text.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As TOML.
    #[error("cannot write the directory as TOML")]
    Toml(#[from] toml::ser::Error),
    /// As JSON.
    #[error("cannot write the directory as JSON")]
    Json(#[from] serde_json::Error),
}

impl Export {
    pub(super) fn new(state: &State, with_secrets: bool) -> Self {
        let accounts = state
            .accounts
            .iter()
            .map(|(id, account)| account_out(id.as_str(), account, with_secrets));
        Self {
            document: DocumentOut {
                account: accounts.collect(),
            },
            with_secrets,
        }
    }

    /// Whether the text holds secrets.
    #[must_use]
    pub const fn with_secrets(&self) -> bool {
        self.with_secrets
    }

    /// The TOML text.
    ///
    /// # Errors
    /// [`ExportError::Toml`].
    pub fn to_toml(&self) -> Result<Zeroizing<String>, ExportError> {
        Ok(Zeroizing::new(toml::to_string(&self.document)?))
    }

    /// The JSON text, indented.
    ///
    /// # Errors
    /// [`ExportError::Json`].
    pub fn to_json(&self) -> Result<Zeroizing<String>, ExportError> {
        Ok(Zeroizing::new(serde_json::to_string_pretty(
            &self.document,
        )?))
    }
}

/// A secret that is written out as text, and in no other way.
struct SecretOut(Secret);

impl Serialize for SecretOut {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.text())
    }
}

// Scalars stand before tables, as TOML wants it; an absent field is left out.

#[derive(Serialize)]
struct DocumentOut {
    account: Vec<AccountOut>,
}

#[derive(Serialize)]
struct AccountOut {
    id: String,
    name: String,
    subscribed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access_key: Vec<KeyOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    space: Vec<SpaceOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy: Vec<PolicyOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user: Vec<UserOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group: Vec<GroupOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    role: Vec<RoleOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    isv_grant: Vec<GrantOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhook: Vec<WebhookOut>,
}

#[derive(Serialize)]
struct KeyOut {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SecretOut>,
    status: &'static str,
}

#[derive(Serialize)]
struct SpaceOut {
    id: String,
    default: bool,
    time_zone: String,
    numbers: Vec<String>,
    unknown_numbers: &'static str,
    numbers_max: u32,
}

#[derive(Serialize)]
struct PolicyOut {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    document: String,
}

#[derive(Serialize)]
struct UserOut {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    display_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mobile_phone: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    comments: String,
    policies: Vec<String>,
    console: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access_key: Vec<KeyOut>,
}

#[derive(Serialize)]
struct GroupOut {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    comments: String,
    users: Vec<String>,
    policies: Vec<String>,
}

#[derive(Serialize)]
struct RoleOut {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    trust_policy: String,
    policies: Vec<String>,
    max_session_seconds: u32,
}

#[derive(Serialize)]
struct GrantOut {
    code: String,
    account: String,
    users: Vec<String>,
    spaces: Vec<String>,
}

#[derive(Serialize)]
struct WebhookOut {
    id: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_secrets: Option<Vec<SecretOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_token: Option<SecretOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<SecretOut>,
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn account_out(id: &str, account: &AccountState, with_secrets: bool) -> AccountOut {
    let spaces = account.spaces.iter().map(|(id, space)| SpaceOut {
        id: id.to_string(),
        default: space.is_default,
        time_zone: space.time_zone.clone(),
        numbers: texts(&space.numbers),
        unknown_numbers: space.unknown_numbers.as_str(),
        numbers_max: space.numbers_max,
    });
    let users = account.users.iter().map(|(name, user)| UserOut {
        name: name.clone(),
        display_name: user.display_name.clone(),
        mobile_phone: user.mobile_phone.clone(),
        email: user.email.clone(),
        comments: user.comments.clone(),
        policies: texts(&user.policies),
        console: user.console,
        access_key: keys_out(&user.keys, with_secrets),
    });
    let groups = account.groups.iter().map(|(name, group)| GroupOut {
        name: name.clone(),
        comments: group.comments.clone(),
        users: texts(&group.users),
        policies: texts(&group.policies),
    });
    let roles = account.roles.iter().map(|(name, role)| RoleOut {
        name: name.clone(),
        description: role.description.clone(),
        trust_policy: role.trust_policy.clone(),
        policies: texts(&role.policies),
        max_session_seconds: role.max_session_seconds,
    });
    let grants = account.grants.iter().map(|(id, grant)| GrantOut {
        code: id.code.clone(),
        account: id.account.to_string(),
        users: texts(&grant.users),
        spaces: texts(&grant.spaces),
    });
    let policies = account.policies.iter().map(|(name, policy)| PolicyOut {
        name: name.clone(),
        description: policy.description.clone(),
        document: policy.document().to_owned(),
    });
    let webhooks = account
        .webhooks
        .iter()
        .map(|(id, webhook)| webhook_out(id, webhook, with_secrets));
    AccountOut {
        id: id.to_owned(),
        name: account.name.clone(),
        subscribed: account.subscribed,
        calls_per_second: account.calls_per_second,
        access_key: keys_out(&account.keys, with_secrets),
        space: spaces.collect(),
        policy: policies.collect(),
        user: users.collect(),
        group: groups.collect(),
        role: roles.collect(),
        isv_grant: grants.collect(),
        webhook: webhooks.collect(),
    }
}

fn keys_out(keys: &BTreeMap<AccessKeyId, KeyState>, with_secrets: bool) -> Vec<KeyOut> {
    let keys = keys.iter().map(|(id, key)| KeyOut {
        id: id.to_string(),
        secret: with_secrets.then(|| SecretOut(key.secret.clone())),
        status: key.status.as_str(),
    });
    keys.collect()
}

fn webhook_out(id: &str, webhook: &WebhookState, with_secrets: bool) -> WebhookOut {
    let mut out = WebhookOut {
        id: id.to_owned(),
        kind: webhook.secrets.kind(),
        space: webhook.space.as_ref().map(ToString::to_string),
        app_secrets: None,
        verify_token: None,
        token: None,
    };
    if with_secrets {
        match &webhook.secrets {
            WebhookSecrets::Whatsapp {
                app_secrets,
                verify_token,
            } => {
                out.app_secrets = Some(app_secrets.iter().cloned().map(SecretOut).collect());
                out.verify_token = verify_token.clone().map(SecretOut);
            }
            WebhookSecrets::Cams { token } | WebhookSecrets::Events { token } => {
                out.token = Some(SecretOut(token.clone()));
            }
        }
    }
    out
}
