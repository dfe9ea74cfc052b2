//! AssumeRole: temporary credentials of a role, for a user or another role session.
//!
//! Two things must say yes: the caller's own policies, for `sts:AssumeRole` on the
//! role (`call`, before this), and the role's trust policy (here). Of a role of
//! another account nobody learns whether it exists: it is one that does not trust
//! the caller.
//!
//! Invariant: credentials are given to authorized callers whom the role trusts,
//! for no longer than the role allows, and not before a replay of the call is
//! impossible even after a power cut.

use super::arn::{RoleArn, arn_of};
use super::asked::Asked;
use super::token::SessionToken;
use crate::api::call::Admitted;
use crate::api::diagnosis::told_as;
use crate::api::spec::{
    Access, ErrorSpec, FieldSpec, OperationSpec, ParameterSpec, Product, Scalar,
};
use crate::directory::{Principal, Role, Snapshot, session_key_id};
use crate::entropy::Entropy;
use crate::master_key::MessageSealer;
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccessKeyId, SecretKey};
use chatmetric_rpc::error::{AccessDeniedDetail, MatchedPolicy, NoPermissionType, PolicyType};
use chatmetric_rpc::ram::trust::{TrustCaller, TrustDecision};
use chatmetric_rpc::ram::{Authorized, Context, context_of, diagnosis};
use chatmetric_rpc::response::{Document, FieldWriter, RequestId};
use chatmetric_rpc::{ApiError, format_utc_seconds};
use std::sync::Arc;

/// What the caller's policies and the role's trust policy are asked for.
const ACTION: &str = "sts:AssumeRole";
/// The condition key of ExternalId, for trust policies only.
const EXTERNAL_ID_KEY: &str = "sts:ExternalId";

/// The operation.
pub(in crate::api) const SPEC: OperationSpec = OperationSpec {
    product: Product::Sts,
    name: "AssumeRole",
    title: "Get temporary credentials of a role",
    description: "For RAM users and role sessions whose policies allow `sts:AssumeRole` on the \
                  role and whom the role trusts; the role may be of another account. The session \
                  has the rights that the role has at the time of each call, limited by Policy.",
    // It changes nothing, and a replay of it would give credentials away.
    access: Access::Write,
    ram_action: Some(ACTION),
    calls_per_second: 100,
    parameters: &[
        ParameterSpec::required(
            "RoleArn",
            Scalar::Text,
            "The role: acs:ram::<account>:role/<name>.",
            "acs:ram::1000000000000001:role/metrics-role",
        ),
        ParameterSpec::required(
            "RoleSessionName",
            Scalar::Text,
            "Who uses the session: 2 to 64 letters, digits, `.`, `@`, `-` or `_`.",
            "alice",
        ),
        ParameterSpec::optional(
            "DurationSeconds",
            Scalar::Int64,
            "How long the session lasts: from 900 to what the role allows.",
            "3600",
        )
        .or("3600"),
        ParameterSpec::optional(
            "Policy",
            Scalar::Text,
            "A policy of at most 2,048 characters that limits the session; it never adds to what \
             the role may do.",
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:Get*","Resource":"*"}]}"#,
        ),
        ParameterSpec::optional(
            "ExternalId",
            Scalar::Text,
            "What the role's trust policy may ask for as `sts:ExternalId`: 2 to 1,224 letters, \
             digits, `=`, `,`, `.`, `@`, `:`, `/`, `+`, `-` or `_`.",
            "abcd1234",
        ),
        ParameterSpec::optional(
            "SourceIdentity",
            Scalar::Text,
            "Who is behind the session, for the log: of the form of RoleSessionName.",
            "alice",
        ),
    ],
    answer: &[
        FieldSpec::value(
            "RequestId",
            Scalar::Text,
            "The id of the request, an upper-case UUID.",
            "6894B13B-6D71-4EF5-88FA-F32781734A7F",
        ),
        FieldSpec::object(
            "AssumedRoleUser",
            "Who the session is.",
            &[
                FieldSpec::value(
                    "Arn",
                    Scalar::Text,
                    "The role's ARN and the session's name.",
                    "acs:ram::1000000000000001:role/metrics-role/alice",
                ),
                FieldSpec::value(
                    "AssumedRoleId",
                    Scalar::Text,
                    "The role's id and the session's name.",
                    "300000000000000001:alice",
                ),
            ],
        ),
        FieldSpec::object(
            "Credentials",
            "What to sign with; the three belong together.",
            &[
                FieldSpec::value("SecurityToken", Scalar::Text, "The token.", "ARAxMDAw…"),
                FieldSpec::value(
                    "AccessKeyId",
                    Scalar::Text,
                    "The id of the temporary key.",
                    "STS.NTdk4Wb7YzXq2LrC9mVfTn5H",
                ),
                FieldSpec::value(
                    "AccessKeySecret",
                    Scalar::Text,
                    "Its secret.",
                    "wyLTSmsyPGP1ohvvw8xYgB29dlGI8KMiH2pK…",
                ),
                FieldSpec::value(
                    "Expiration",
                    Scalar::Text,
                    "When the session is over, UTC.",
                    "2026-01-02T04:04:05Z",
                ),
            ],
        ),
        FieldSpec::value(
            "SourceIdentity",
            Scalar::Text,
            "As it was given; absent when it was not.",
            "alice",
        ),
    ],
    errors: &[
        ErrorSpec {
            http_status: 403,
            code: "NoPermission",
            message: NOT_AUTHORIZED,
        },
        ErrorSpec {
            http_status: 404,
            code: "EntityNotExist.Role",
            message: "The specified Role not exists.",
        },
    ],
};

/// The message of every denial of STS.
pub(in crate::api) const NOT_AUTHORIZED: &str =
    "You are not authorized to do this action. You should be authorized by RAM.";
/// What the owner of an account is told.
const NOT_FOR_ROOT: &str = "Roles may not be assumed by root accounts.";

/// The role that a call is about, for the check of rights.
///
/// # Errors
/// `NoPermission` for the owner of an account, before anything else of the call is
/// looked at; what is wrong with RoleArn.
pub(in crate::api) fn role_of(request: &Admitted) -> Result<RoleArn, ApiError> {
    match request.principal() {
        Principal::Owner => Err(ApiError::NoPermission {
            message: NOT_FOR_ROOT.into(),
            detail: None,
        }),
        Principal::User(_) | Principal::Session(_) => {
            RoleArn::parse(request.params().required("RoleArn")?)
        }
    }
}

/// A role that the caller may assume, and how: not credentials yet.
#[derive(Debug)]
pub(in crate::api) struct Grant {
    role: Arc<Role>,
    arn: RoleArn,
    asked: Asked,
    assumed_by: String,
    seconds: u32,
    request_id: RequestId,
    now: EpochMs,
}

/// Judges an authorized call.
///
/// # Errors
/// What is wrong with the parameters; `EntityNotExist.Role` for the caller's own
/// account; `NoPermission` for a role that does not trust the caller, or that is
/// not there in another account.
pub(in crate::api) fn judge(
    request: &Authorized<Admitted>,
    arn: RoleArn,
    snapshot: &Snapshot,
    request_id: RequestId,
    now: EpochMs,
) -> Result<Grant, ApiError> {
    let request = request.get();
    let asked = Asked::read(request.params())?;
    let own = request.account() == arn.account();
    let role = snapshot
        .account(arn.account())
        .and_then(|account| snapshot.role(account.key, arn.name()));
    if own && role.is_none() {
        return Err(ApiError::RoleNotExist);
    }
    let context = trust_context(request, &asked, now);
    let decision = match (role, trust_caller(request)) {
        (Some(role), Some(caller)) => role.trust.evaluate(caller, ACTION, &context),
        (None, _) | (_, None) => TrustDecision::ImplicitDeny,
    };
    let (Some(role), TrustDecision::Allow { .. }) = (role, decision) else {
        return Err(untrusted(request, &arn, own, decision, &context));
    };
    let seconds = asked.seconds_within(role.max_session_seconds)?;
    Ok(Grant {
        role: Arc::clone(role),
        assumed_by: arn_of(request.account(), request.principal()),
        arn,
        asked,
        seconds,
        request_id,
        now,
    })
}

/// The owner has no place in trust policies, and does not get here.
fn trust_caller(request: &Admitted) -> Option<TrustCaller<'_>> {
    let account = request.account();
    match request.principal() {
        Principal::Owner => None,
        Principal::User(user) => Some(TrustCaller::User {
            account,
            name: &user.name,
        }),
        Principal::Session(session) => Some(TrustCaller::Role {
            account,
            name: &session.role.name,
        }),
    }
}

fn trust_context(request: &Admitted, asked: &Asked, now: EpochMs) -> Context {
    let mut context = context_of(request, now.0);
    if let Some(external_id) = &asked.external_id {
        context.set(EXTERNAL_ID_KEY, external_id.as_str());
    }
    context
}

/// The denial of a role that does not trust the caller. Of another account's role
/// it tells the same, whatever is there.
fn untrusted(
    request: &Admitted,
    arn: &RoleArn,
    own: bool,
    decision: TrustDecision,
    context: &Context,
) -> ApiError {
    let denied = own && matches!(decision, TrustDecision::ExplicitDeny { .. });
    let matched = denied.then_some(MatchedPolicy {
        policy_type: PolicyType::AssumeRolePolicy,
        name: None,
        denies: true,
    });
    let no_permission_type = if denied {
        NoPermissionType::ExplicitDeny
    } else {
        NoPermissionType::ImplicitDeny
    };
    let detail = told_as(request.principal()).map(|(principal_type, display_name)| {
        Box::new(AccessDeniedDetail {
            auth_action: ACTION.to_owned(),
            auth_principal_type: principal_type,
            auth_principal_display_name: display_name,
            auth_principal_owner_id: request.account().to_string(),
            no_permission_type,
            policy_type: PolicyType::AssumeRolePolicy,
            diagnosis: diagnosis(&arn.to_string(), context, matched.into_iter().collect()),
            encoded_diagnostic_message: None,
        })
    });
    ApiError::NoPermission {
        message: NOT_AUTHORIZED.into(),
        detail,
    }
}

impl Grant {
    /// Makes the credentials. Whoever calls this has made sure that the call cannot
    /// be replayed.
    ///
    /// # Errors
    /// `InternalError` when sealing fails.
    pub(in crate::api) fn credentials(
        self,
        sealer: &MessageSealer,
        entropy: &dyn Entropy,
    ) -> Result<AssumedRole, ApiError> {
        let key_id = session_key_id(entropy).map_err(|_| ApiError::InternalError)?;
        // The end is told in whole seconds, so it is one.
        let expires_seconds = self.now.0.div_euclid(1_000) + i64::from(self.seconds);
        let token = SessionToken {
            key_id: key_id.clone(),
            account: self.arn.account().clone(),
            role: self.role.id.clone(),
            session: self.asked.session.clone(),
            assumed_by: self.assumed_by.clone(),
            source_identity: self.asked.source_identity.clone(),
            expires: EpochMs(expires_seconds.saturating_mul(1_000)),
            policy: self.asked.policy,
        };
        let sealed = token.seal(sealer, entropy).map_err(|error| {
            tracing::error!(%error, "a security token could not be sealed");
            ApiError::InternalError
        })?;
        tracing::info!(
            request_id = %self.request_id,
            role = %self.arn,
            session = token.session,
            assumed_by = token.assumed_by,
            source_identity = token.source_identity,
            access_key_id = %key_id,
            seconds = self.seconds,
            "role assumed"
        );
        Ok(AssumedRole {
            request_id: self.request_id,
            secret: sealer.session_secret(&key_id),
            key_id,
            token: sealed,
            expiration: format_utc_seconds(expires_seconds).ok_or(ApiError::InternalError)?,
            arn: format!("{}/{}", self.arn, token.session),
            id: format!("{}:{}", self.role.id, token.session),
            source_identity: token.source_identity,
        })
    }
}

/// The body of the answer. `Debug` shows neither secret nor token.
pub(in crate::api) struct AssumedRole {
    request_id: RequestId,
    key_id: AccessKeyId,
    secret: SecretKey,
    token: String,
    expiration: String,
    arn: String,
    id: String,
    source_identity: Option<String>,
}

impl std::fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssumedRole")
            .field("key_id", &self.key_id)
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

impl Document for AssumedRole {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        writer.text("RequestId", &self.request_id.to_string());
        writer.object("AssumedRoleUser", |writer| {
            writer.text("Arn", &self.arn);
            writer.text("AssumedRoleId", &self.id);
        });
        writer.object("Credentials", |writer| {
            writer.text("SecurityToken", &self.token);
            writer.text("AccessKeyId", self.key_id.as_str());
            // It is base64, so nothing is lost.
            let secret = self.secret.expose_text();
            writer.text("AccessKeySecret", &secret);
            writer.text("Expiration", &self.expiration);
        });
        if let Some(source_identity) = &self.source_identity {
            writer.text("SourceIdentity", source_identity);
        }
    }

    fn size_hint_bytes(&self) -> usize {
        512 + self.token.len()
    }
}
