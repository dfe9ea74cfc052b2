//! What a caller may do: rights for an action, and the words in which each product
//! refuses.
//!
//! Not here: how policies are evaluated (`chatmetric-rpc`), the trust policies of
//! roles (`sts`). Invariant: what is authorized is the operation's own action, on
//! what its own parameters name.

use crate::api::action::Action;
use crate::api::call::Admitted;
use crate::api::diagnosis::told_as;
use crate::api::spec::Product;
use crate::api::sts::assume_role;
use crate::directory::Principal;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::ram::{
    AttachedPolicy, Authorized, Permission, Policy, Rights, authorize, open_to_all,
};

/// Whether an account has to subscribe to a product before it may call it; who it
/// is and what it may do, it may always ask and change.
pub(super) const fn needs_subscription(product: Product) -> bool {
    match product {
        Product::Cams => true,
        Product::Sts | Product::Ram => false,
    }
}

/// Checks the right for the action on all that is needed.
pub(super) fn authorize_by_ram(
    admitted: Admitted,
    action: Action,
    needed: (String, Option<String>),
    now_ms: i64,
) -> Result<Authorized<Admitted>, ApiError> {
    let Some(ram_action) = action.spec().ram_action else {
        return open_to_all(admitted);
    };
    let principal = admitted.principal().clone();
    let identity = attached(&principal);
    let told_as = told_as(&principal);
    let rights = match &told_as {
        None => Rights::Owner,
        Some((principal_type, display_name)) => Rights::Limited {
            principal_type: *principal_type,
            display_name,
            identity: &identity,
            session: session_policy(&principal),
        },
    };
    let product = action.product();
    let permission = |resource| Permission {
        action: ram_action,
        resource,
    };
    let first = permission(needed.0.as_str());
    let authorized = authorize(admitted, first, rights, now_ms)
        .map_err(|error| in_words_of(product, error, Some(first)))?;
    let Some(second) = needed.1.as_deref().map(permission) else {
        return Ok(authorized);
    };
    authorized
        .also(second, rights, now_ms)
        .map_err(|error| in_words_of(product, error, Some(second)))
}

/// The policies that limit a principal.
fn attached(principal: &Principal) -> Vec<AttachedPolicy<'_>> {
    let policies = match principal {
        Principal::Owner => &[][..],
        Principal::User(user) => &user.policies,
        Principal::Session(session) => &session.role.policies,
    };
    let attached = policies.iter().map(|named| AttachedPolicy {
        name: &named.name,
        policy: &named.policy,
    });
    attached.collect()
}

/// The policy that a role session was given; it limits what the role may do.
fn session_policy(principal: &Principal) -> Option<&Policy> {
    match principal {
        Principal::Owner | Principal::User(_) => None,
        Principal::Session(session) => session.policy.as_ref(),
    }
}

/// The words of a refusal are the product's: CAMS has codes of its own for a denial
/// and for too many calls, RAM and STS have the gateway's. Nothing else knows this.
pub(super) fn in_words_of(
    product: Product,
    error: ApiError,
    denied: Option<Permission<'_>>,
) -> ApiError {
    match (product, error) {
        (Product::Cams, error) => error,
        (Product::Sts, ApiError::PermissionDeny { detail }) => ApiError::NoPermission {
            message: assume_role::NOT_AUTHORIZED.into(),
            detail,
        },
        (Product::Ram, ApiError::PermissionDeny { detail }) => {
            let message = "You are not authorized to do this action.";
            let message = match denied {
                Some(Permission { action, resource }) => {
                    format!("{message} Resource: {resource} Action: {action}").into()
                }
                None => message.into(),
            };
            ApiError::NoPermission { message, detail }
        }
        (Product::Ram | Product::Sts, ApiError::LimitControl { retry_after_ms }) => {
            ApiError::UserThrottled { retry_after_ms }
        }
        (Product::Ram | Product::Sts, error) => error,
    }
}
