//! The parameters of a call to RAM, parsed once into types.
//!
//! Lengths are judged here, because RAM has a code for them; the forms of addresses
//! and documents are the directory's to judge. Nothing is looked up.
//!
//! Invariant: an empty parameter is an absent one.

use super::names::{self, GroupName, PolicyName, RoleName, UserName};
use super::page::Page;
use super::parameters::DELETE_OLDEST;
use super::prepared::Resource;
use crate::directory::limits::{
    COMMENTS_CHARS_MAX, DESCRIPTION_CHARS_MAX, DISPLAY_NAME_CHARS_MAX, SESSION_SECONDS_MAX,
};
use crate::directory::{Principal, VersionRotation};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};
use chatmetric_rpc::error::{NotExist, ParameterFault, RamError};
use chatmetric_rpc::params::Params;

/// Shortest longest session of a role that is made by the API, in seconds.
const SESSION_SECONDS_MIN: u32 = 3_600;

/// What a call to RAM brings, before it is authorized.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) params: &'a Params,
    pub(crate) principal: &'a Principal,
    pub(crate) account: &'a AccountId,
}

/// Whose AccessKeys a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyHolder {
    /// The account itself; only its owner gets here.
    Owner,
    /// A user.
    User(UserName),
}

impl KeyHolder {
    /// As the directory names holders.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::Owner => None,
            Self::User(name) => Some(name.as_str()),
        }
    }

    /// What rights are checked for.
    pub(super) fn resource(&self) -> Resource {
        match self {
            Self::Owner => Resource::account(),
            Self::User(name) => name.resource(),
        }
    }
}

impl Input<'_> {
    /// A user that should exist.
    pub(super) fn user(&self) -> Result<UserName, ApiError> {
        self.existing("UserName").map(UserName::new)
    }

    /// A group that should exist.
    pub(super) fn group(&self) -> Result<GroupName, ApiError> {
        self.existing("GroupName").map(GroupName::new)
    }

    /// A role that should exist.
    pub(super) fn role(&self) -> Result<RoleName, ApiError> {
        self.existing("RoleName").map(RoleName::new)
    }

    /// A policy that should exist.
    pub(super) fn policy(&self) -> Result<PolicyName, ApiError> {
        self.existing("PolicyName").map(PolicyName::new)
    }

    /// The name of a user, group or role to make.
    pub(super) fn new_name(&self, parameter: &'static str) -> Result<String, ApiError> {
        names::new_identity(parameter, self.params.required(parameter)?)
    }

    /// Another name of a user or group, if there is to be one.
    pub(super) fn other_name(&self, parameter: &'static str) -> Result<Option<String>, ApiError> {
        let text = self.params.optional(parameter);
        text.map(|text| names::new_identity(parameter, text))
            .transpose()
    }

    /// The name of a policy to make.
    pub(super) fn new_policy(&self) -> Result<String, ApiError> {
        names::new_policy("PolicyName", self.params.required("PolicyName")?)
    }

    /// A user's name for people.
    pub(super) fn display_name(&self, parameter: &'static str) -> Result<Option<String>, ApiError> {
        self.short(parameter, DISPLAY_NAME_CHARS_MAX)
    }

    /// Comments on a user or group.
    pub(super) fn comments(&self, parameter: &'static str) -> Result<Option<String>, ApiError> {
        self.short(parameter, COMMENTS_CHARS_MAX)
    }

    /// The description of a policy or role.
    pub(super) fn description(&self, parameter: &'static str) -> Result<Option<String>, ApiError> {
        self.short(parameter, DESCRIPTION_CHARS_MAX)
    }

    /// A text that the directory judges.
    pub(super) fn text(&self, parameter: &'static str) -> Option<String> {
        self.params.optional(parameter).map(str::to_owned)
    }

    /// A document of a policy or trust policy.
    pub(super) fn document(&self, parameter: &'static str) -> Result<String, ApiError> {
        self.params.required(parameter).map(str::to_owned)
    }

    /// Refuses system policies: there are none, so none of them is found.
    pub(super) fn custom_policy_type(&self) -> Result<(), ApiError> {
        self.params.required("PolicyType")?;
        if self.lists_custom_policies()? {
            Ok(())
        } else {
            Err(RamError::NotExist(NotExist::Policy).into())
        }
    }

    /// Whether custom policies are asked for, by name or by saying nothing.
    pub(super) fn lists_custom_policies(&self) -> Result<bool, ApiError> {
        match self.params.optional("PolicyType") {
            None | Some("Custom") => Ok(true),
            Some("System") => Ok(false),
            Some(_) => Err(wrong("PolicyType", "It is `Custom` or `System`.")),
        }
    }

    /// A version of a policy, by its number.
    pub(super) fn version(&self) -> Result<u32, ApiError> {
        let text = self.params.required("VersionId")?;
        let digits = text.strip_prefix('v').unwrap_or_default();
        let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| plain);
        number.ok_or_else(|| {
            let valid = "It is `v` and a number, as in `v1`.";
            parameter("VersionId", ParameterFault::Format, valid)
        })
    }

    /// Whose keys: those of the user that is named, else the caller's own.
    pub(super) fn key_holder(&self) -> Result<KeyHolder, ApiError> {
        if self.params.optional("UserName").is_some() {
            return self.user().map(KeyHolder::User);
        }
        match self.principal {
            Principal::Owner => Ok(KeyHolder::Owner),
            Principal::User(user) => Ok(KeyHolder::User(UserName::new(user.name.clone()))),
            // A session has no keys of its own, so the user must be named.
            Principal::Session(_) => Err(ApiError::missing("UserName")),
        }
    }

    /// An AccessKey. What cannot be an id is the id of no key.
    pub(super) fn access_key_id(&self) -> Result<AccessKeyId, ApiError> {
        let text = self.params.required("UserAccessKeyId")?;
        AccessKeyId::parse(text).map_err(|_| RamError::NotExist(NotExist::UserAccessKey).into())
    }

    /// Whether an AccessKey may sign calls.
    pub(super) fn key_status(&self) -> Result<KeyStatus, ApiError> {
        let status = KeyStatus::parse(self.params.required("Status")?);
        status.ok_or_else(|| wrong("Status", "It is `Active` or `Inactive`."))
    }

    /// What happens when a policy has all its versions.
    pub(super) fn rotation(&self) -> Result<VersionRotation, ApiError> {
        match self.params.optional("RotateStrategy") {
            None | Some("None") => Ok(VersionRotation::Refuse),
            Some(DELETE_OLDEST) => Ok(VersionRotation::DeleteOldest),
            Some(_) => {
                let valid = "It is `None` or `DeleteOldestNonDefaultVersionWhenLimitExceeded`.";
                Err(wrong("RotateStrategy", valid))
            }
        }
    }

    /// Refuses to let a role sign in to a console: only users can.
    pub(super) fn no_console_login(&self, name: &'static str) -> Result<(), ApiError> {
        if self.flag(name)? {
            let valid = "It is `false`: roles cannot sign in to the console here.";
            return Err(wrong(name, valid));
        }
        Ok(())
    }

    /// `true` or `false`; absent is false.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        match self.params.optional(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(_) => Err(wrong(name, "It is `true` or `false`.")),
        }
    }

    /// The longest session of a role, in seconds.
    pub(super) fn session_seconds(&self, name: &'static str) -> Result<Option<u32>, ApiError> {
        let Some(seconds) = self.params.optional_i64(name)? else {
            return Ok(None);
        };
        let valid = SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX;
        let seconds = u32::try_from(seconds).ok().filter(|s| valid.contains(s));
        match seconds {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(ApiError::from(RamError::Parameter {
                name: name.into(),
                fault: ParameterFault::Value,
                valid: format!("It is {SESSION_SECONDS_MIN} to {SESSION_SECONDS_MAX} seconds.")
                    .into(),
            })),
        }
    }

    /// Marker and MaxItems.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let items = self.params.optional_i64("MaxItems")?;
        Page::new(self.params.optional("Marker"), items)
    }

    /// Refuses a parameter that would change the meaning of the call and has no
    /// effect here: leaving it out silently would do something else than was asked.
    pub(super) fn without(&self, names: &[&'static str]) -> Result<(), ApiError> {
        let given = names.iter().find(|name| {
            self.params.iter().any(|param| {
                let rest = param.name().strip_prefix(**name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    && !param.value().is_empty()
            })
        });
        match given {
            None => Ok(()),
            Some(name) => Err(wrong(name, "It is not supported here: leave it out.")),
        }
    }

    fn existing(&self, parameter: &'static str) -> Result<String, ApiError> {
        names::existing(parameter, self.params.required(parameter)?)
    }

    fn short(&self, name: &'static str, chars_max: usize) -> Result<Option<String>, ApiError> {
        let Some(text) = self.params.optional(name) else {
            return Ok(None);
        };
        if text.chars().count() > chars_max {
            return Err(ApiError::from(RamError::Parameter {
                name: name.into(),
                fault: ParameterFault::Length,
                valid: format!("It has at most {chars_max} characters.").into(),
            }));
        }
        Ok(Some(text.to_owned()))
    }
}

fn wrong(name: &'static str, valid: &'static str) -> ApiError {
    parameter(name, ParameterFault::Value, valid)
}

fn parameter(name: &'static str, fault: ParameterFault, valid: &'static str) -> ApiError {
    ApiError::from(RamError::Parameter {
        name: name.into(),
        fault,
        valid: valid.into(),
    })
}
