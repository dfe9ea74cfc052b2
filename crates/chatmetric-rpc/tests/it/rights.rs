//! From an admitted request to an authorized one: owners, policies, the denial that is told.

use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::{Admission, AdmissionSettings, AdmittedRequest, CallTime};
use chatmetric_rpc::error::{NoPermissionType, PolicyType, PrincipalType};
use chatmetric_rpc::ram::{AttachedPolicy, Permission, Policy, Rights, authorize};

use crate::actor::{NOW_MS, Operation, named, verify};

const PERMISSION: Permission<'_> = Permission {
    action: "cams:GetChatappPhoneNumberMetric",
    resource: "*",
};

fn admitted(vector: &str) -> AdmittedRequest<&'static str, Operation> {
    let admission = Admission::new(AdmissionSettings::for_skew_ms(900_000));
    let at = CallTime {
        now_ms: NOW_MS,
        monotonic_ns: 0,
    };
    admission
        .admit(verify(&named(vector).wire).unwrap(), 50, at)
        .unwrap()
}

fn ask(identity: &[&str], session: Option<&str>) -> Result<(), ApiError> {
    let identity: Vec<Policy> = identity
        .iter()
        .map(|text| Policy::parse(text).unwrap())
        .collect();
    let attached: Vec<AttachedPolicy<'_>> = identity
        .iter()
        .map(|policy| AttachedPolicy { name: "p", policy })
        .collect();
    let session = session.map(|text| Policy::parse_session(text).unwrap());
    let rights = Rights::Limited {
        principal_type: PrincipalType::SubUser,
        display_name: "reader",
        identity: &attached,
        session: session.as_ref(),
    };
    authorize(admitted("v3-py-new-basic"), PERMISSION, rights, NOW_MS).map(drop)
}

fn statement(effect: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"{effect}","Action":"cams:*","Resource":"*","Condition":{condition}}}]}}"#
    )
}

fn denied(outcome: Result<(), ApiError>) -> (NoPermissionType, PolicyType) {
    match outcome {
        Err(ApiError::PermissionDeny {
            detail: Some(detail),
        }) => {
            assert_eq!(detail.auth_action, "cams:GetChatappPhoneNumberMetric");
            assert_eq!(detail.auth_principal_display_name, "reader");
            assert_eq!(detail.auth_principal_owner_id, "1000000000000001");
            assert_eq!(detail.encoded_diagnostic_message, None);
            (detail.no_permission_type, detail.policy_type)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_owner_is_not_limited() {
    let authorized = authorize(
        admitted("v3-py-new-basic"),
        PERMISSION,
        Rights::Owner,
        NOW_MS,
    )
    .unwrap();
    let start = authorized
        .try_map(|request| request.params().required_i64("Start"))
        .unwrap();
    assert_eq!(*start.get(), 1_693_107_714_687);
}

#[test]
fn every_permission_of_several_is_needed() {
    let policy = Policy::parse(
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:AddUserToGroup","Resource":["acs:ram:*:*:user/alice","acs:ram:*:*:group/staff"]}]}"#,
    )
    .unwrap();
    let attached = [AttachedPolicy {
        name: "p",
        policy: &policy,
    }];
    let rights = Rights::Limited {
        principal_type: PrincipalType::SubUser,
        display_name: "reader",
        identity: &attached,
        session: None,
    };
    let permission = |resource| Permission {
        action: "ram:AddUserToGroup",
        resource,
    };
    let ask = |first, second| {
        authorize(
            admitted("v3-py-new-basic"),
            permission(first),
            rights,
            NOW_MS,
        )
        .and_then(|authorized| authorized.also(permission(second), rights, NOW_MS))
        .is_ok()
    };
    let (alice, bob) = ("acs:ram:*:1:user/alice", "acs:ram:*:1:user/bob");
    let (staff, admins) = ("acs:ram:*:1:group/staff", "acs:ram:*:1:group/admins");
    assert!(ask(alice, staff));
    assert!(!ask(alice, admins));
    assert!(!ask(bob, staff));
}

#[test]
fn nothing_is_allowed_by_default_and_deny_beats_allow() {
    use {NoPermissionType as N, PolicyType as P};
    let allow = statement("Allow", "{}");
    let deny = statement("Deny", "{}");
    let identity = P::AccountLevelIdentityBasedPolicy;
    assert_eq!(denied(ask(&[], None)), (N::ImplicitDeny, identity));
    assert!(ask(&[&allow], None).is_ok());
    assert_eq!(
        denied(ask(&[&allow, &deny], None)),
        (N::ExplicitDeny, identity)
    );
    assert_eq!(
        denied(ask(&[&deny, &allow], None)),
        (N::ExplicitDeny, identity)
    );
    assert!(ask(&[&allow], Some(&allow)).is_ok());
    assert_eq!(
        denied(ask(&[&allow], Some(&deny))),
        (N::ExplicitDeny, P::SessionPolicy)
    );
    assert_eq!(denied(ask(&[], Some(&allow))), (N::ImplicitDeny, identity));
    let other = allow.replace("cams:*", "oss:*");
    assert_eq!(
        denied(ask(&[&allow], Some(&other))),
        (N::ImplicitDeny, P::SessionPolicy)
    );
}

#[test]
fn conditions_see_the_request_and_not_its_parameters() {
    for (condition, holds) in [
        (r#"{"IpAddress":{"acs:SourceIp":"127.0.0.0/8"}}"#, true),
        (
            r#"{"IpAddress":{"acs:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}"#,
            false,
        ),
        (
            r#"{"NotIpAddress":{"acs:SourceIp":["10.0.0.0/8","127.0.0.1"]}}"#,
            false,
        ),
        (r#"{"Bool":{"acs:SecureTransport":"false"}}"#, true),
        (r#"{"Bool":{"acs:SecureTransport":"true"}}"#, false),
        (
            r#"{"DateLessThan":{"acs:CurrentTime":"2026-01-02T03:04:06Z"}}"#,
            true,
        ),
        (
            r#"{"DateLessThan":{"acs:CurrentTime":"2026-01-02T11:04:05+08:00"}}"#,
            false,
        ),
        (
            r#"{"StringLike":{"acs:UserAgent":"AlibabaCloud*Python*"}}"#,
            true,
        ),
        (r#"{"Bool":{"acs:MFAPresent":"false"}}"#, false),
        (r#"{"Bool":{"acs:MFAPresent":"true"}}"#, false),
    ] {
        assert_eq!(
            ask(&[&statement("Allow", condition)], None).is_ok(),
            holds,
            "{condition}"
        );
        let allow = statement("Allow", "{}");
        let deny = statement("Deny", condition);
        assert_eq!(
            ask(&[&allow, &deny], None).is_err(),
            holds,
            "Deny with {condition}"
        );
    }
}

#[test]
fn an_unsigned_user_agent_decides_nothing() {
    let allow = Policy::parse(&statement("Allow", "{}")).unwrap();
    let deny = statement("Deny", r#"{"StringLike":{"acs:UserAgent":"*"}}"#);
    let deny = Policy::parse(&deny).unwrap();
    let identity = [&allow, &deny].map(|policy| AttachedPolicy { name: "p", policy });
    for (vector, is_signed) in [
        ("v3-py-new-basic", true),
        ("v3-node-basic", false),
        ("v1-py-new-post", false),
        ("v1-popcore-get", false),
    ] {
        let mut wire = named(vector).wire;
        if !is_signed {
            wire.set_header("User-Agent", "whatever is convenient");
        }
        let verified = verify(&wire).unwrap();
        assert_eq!(verified.user_agent().is_some(), is_signed, "{vector}");
        let admission = Admission::new(AdmissionSettings::for_skew_ms(900_000));
        let at = CallTime {
            now_ms: NOW_MS,
            monotonic_ns: 0,
        };
        let rights = Rights::Limited {
            principal_type: PrincipalType::SubUser,
            display_name: "reader",
            identity: &identity,
            session: None,
        };
        let admitted = admission.admit(verified, 50, at).unwrap();
        let denied = authorize(admitted, PERMISSION, rights, NOW_MS).is_err();
        assert_eq!(denied, is_signed, "{vector}");
    }
}

#[test]
fn a_parameter_in_query_and_body_is_refused_after_the_policy() {
    // SDKs that put lists into both sign them rightly, so the request is verified and admitted;
    // but two values for one name are ambiguous, whether or not they are equal.
    for vector in ["v3-py-new-nested-form", "v3-node-nested-form"] {
        let refused = authorize(admitted(vector), PERMISSION, Rights::Owner, NOW_MS).unwrap_err();
        assert_eq!(refused.code(), "InvalidParameter.Filter.Key");
    }
}
