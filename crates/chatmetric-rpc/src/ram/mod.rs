//! RAM: may this caller do this? Policies in the vendor's grammar, their evaluation, and the proof.
//!
//! It stores nothing: who has which policies is the program's directory. Invariants: an explicit
//! Deny beats every Allow, and without an Allow the answer is no; the owner of the account is not
//! limited; an [`Authorized`] is made from an admitted request and such an answer, or for an
//! operation that is open to every caller, and in no other way.

mod condition;
mod evaluate;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod policy;
pub mod trust;
mod wildcard;

pub use condition::Context;
pub use evaluate::{
    AttachedPolicy, Decision, MATCHED_POLICIES_MAX, StatementRef, evaluate, matched,
};
pub use policy::{
    Effect, IDENTITY_POLICY_CHARS_MAX, Policy, PolicyError, SESSION_POLICY_CHARS_MAX,
};

use crate::admission::AdmittedRequest;
use crate::error::{
    AccessDeniedDetail, ApiError, Diagnosis, MatchedPolicy, NoPermissionType, PrincipalType,
};
use crate::timestamp::format_utc_seconds;

/// How much of a resource or of a condition's value a diagnosis keeps, in bytes.
pub const DIAGNOSIS_TEXT_BYTES_MAX: usize = 512;

/// The permission that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission<'a> {
    /// `<ram code>:<Api>`.
    pub action: &'a str,
    /// `acs:<service>:<region>:<account>:<id>`, or `*` for operations on all resources.
    pub resource: &'a str,
}

/// What a caller may do, as the directory knows it.
#[derive(Clone, Copy, Debug)]
pub enum Rights<'a> {
    /// The owner of the account: RAM does not limit it.
    Owner,
    /// A user or a role session.
    Limited {
        /// The kind of principal.
        principal_type: PrincipalType,
        /// The user's name, or `<role>:<session>`.
        display_name: &'a str,
        /// Policies of the user and its groups, or of the role.
        identity: &'a [AttachedPolicy<'a>],
        /// The policy given when the role was assumed; it limits and never adds.
        session: Option<&'a Policy>,
    },
}

/// A request that was admitted and that its caller is entitled to. `R` starts as the admitted
/// request and becomes the operation's own parameters by [`Self::try_map`].
#[derive(Debug)]
pub struct Authorized<R> {
    request: R,
}

impl<R> Authorized<R> {
    /// What was authorized.
    pub fn get(&self) -> &R {
        &self.request
    }

    /// Takes it out of the proof.
    pub fn into_inner(self) -> R {
        self.request
    }

    /// Turns the request into something made from it, keeping the proof.
    ///
    /// # Errors
    /// What `f` refuses with.
    pub fn try_map<T>(
        self,
        f: impl FnOnce(R) -> Result<T, ApiError>,
    ) -> Result<Authorized<T>, ApiError> {
        f(self.request).map(|request| Authorized { request })
    }
}

/// Checks a permission for an admitted request, at `now_ms` (Unix time in ms).
///
/// # Errors
/// `Ram.PermissionDeny` with its `AccessDeniedDetail`; then `InvalidParameter.<Name>` for a parameter
/// that is in the query and in the body.
pub fn authorize<P, O>(
    request: AdmittedRequest<P, O>,
    permission: Permission<'_>,
    rights: Rights<'_>,
    now_ms: i64,
) -> Result<Authorized<AdmittedRequest<P, O>>, ApiError> {
    check(&request, permission, rights, now_ms)?;
    entitled(request)
}

impl<P, O> Authorized<AdmittedRequest<P, O>> {
    /// Checks a further permission, for operations that need more than one.
    ///
    /// # Errors
    /// `Ram.PermissionDeny`, as [`authorize`].
    pub fn also(
        self,
        permission: Permission<'_>,
        rights: Rights<'_>,
        now_ms: i64,
    ) -> Result<Self, ApiError> {
        check(&self.request, permission, rights, now_ms)?;
        Ok(self)
    }
}

fn check<P, O>(
    request: &AdmittedRequest<P, O>,
    permission: Permission<'_>,
    rights: Rights<'_>,
    now_ms: i64,
) -> Result<(), ApiError> {
    let Rights::Limited {
        principal_type,
        display_name,
        identity,
        session,
    } = rights
    else {
        return Ok(());
    };
    let context = context_of(request, now_ms);
    let decision = evaluate(permission, &context, identity, session);
    let (no_permission_type, policy_type) = match decision {
        Decision::Allow { .. } => return Ok(()),
        Decision::ExplicitDeny { policy_type, .. } => (NoPermissionType::ExplicitDeny, policy_type),
        Decision::ImplicitDeny { policy_type } => (NoPermissionType::ImplicitDeny, policy_type),
    };
    Err(ApiError::PermissionDeny {
        detail: Some(Box::new(AccessDeniedDetail {
            auth_action: permission.action.to_owned(),
            auth_principal_type: principal_type,
            auth_principal_display_name: display_name.to_owned(),
            auth_principal_owner_id: request.account().as_str().to_owned(),
            no_permission_type,
            policy_type,
            diagnosis: diagnosis(
                permission.resource,
                &context,
                matched(permission, &context, identity, session),
            ),
            encoded_diagnostic_message: None,
        })),
    })
}

/// What an administrator needs to know of a denial, cut to [`DIAGNOSIS_TEXT_BYTES_MAX`] a text:
/// resources and user agents are the caller's.
#[must_use]
pub fn diagnosis(resource: &str, context: &Context, matched: Vec<MatchedPolicy>) -> Diagnosis {
    let cut = |text: &str| {
        let mut end = text.len().min(DIAGNOSIS_TEXT_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.get(..end).unwrap_or_default().to_owned()
    };
    Diagnosis {
        resource: cut(resource),
        conditions: context
            .iter()
            .map(|(key, value)| (key.to_owned(), cut(value)))
            .collect(),
        matched,
    }
}

/// Lets every verified caller through, for operations that no policy can refuse.
///
/// # Errors
/// `InvalidParameter.<Name>` for a parameter that is in the query and in the body.
pub fn open_to_all<P, O>(
    request: AdmittedRequest<P, O>,
) -> Result<Authorized<AdmittedRequest<P, O>>, ApiError> {
    entitled(request)
}

/// Parameters are due from here on, so ambiguous ones are refused first.
fn entitled<P, O>(
    request: AdmittedRequest<P, O>,
) -> Result<Authorized<AdmittedRequest<P, O>>, ApiError> {
    request.params().check_unique()?;
    Ok(Authorized { request })
}

/// The condition keys that the protocol itself knows. `acs:MFAPresent` is absent: a call signed
/// with an AccessKey carries no second factor. `acs:UserAgent` is absent unless it was signed. The query parameters `SourceIp` and
/// `SecureTransport` that some clients send are never looked at.
#[must_use]
pub fn context_of<P, O>(request: &AdmittedRequest<P, O>, now_ms: i64) -> Context {
    let mut context = Context::new();
    context.set("acs:SourceIp", request.peer_ip().to_canonical().to_string());
    context.set("acs:SecureTransport", request.tls().to_string());
    if let Some(now) = format_utc_seconds(now_ms.div_euclid(1000)) {
        context.set("acs:CurrentTime", now);
    }
    if let Some(agent) = request.user_agent() {
        context.set("acs:UserAgent", agent);
    }
    context
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
