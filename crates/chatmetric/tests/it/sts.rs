//! Sts: temporary credentials of roles, what they may do and when they are over;
//! and the diagnoses of denials.

use crate::process::{Served, call, data_dir, run_with_input};
use crate::ram_api::Ram;
use crate::world::{NOW_MS, Reply, World, key};
use chatmetric::directory::{Actor, PolicyHolder};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccountId, SecretKey};
use chatmetric_rpc::sign::Credentials;

const ACME: &str = "1000000000000001";
const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];

/// Who may assume what: roles of acme and of the isv, and users who may ask.
const ROLES: &str = r#"
[[account]]
id = "1000000000000001"
[[account.policy]]
name = "MayAssume"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}'
[[account.policy]]
name = "MayAssumeMetrics"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"acs:ram:*:1000000000000001:role/metrics"}]}'
[[account.policy]]
name = "Explain"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:DecodeDiagnosticMessage","Resource":"*"}]}'
[[account.user]]
name = "assumer"
policies = ["MayAssume"]
[[account.user.access_key]]
id = "LTAIassumer"
secret = "assumer-secret"
[[account.user]]
name = "narrow"
policies = ["MayAssumeMetrics", "Explain"]
[[account.user.access_key]]
id = "LTAInarrow"
secret = "narrow-secret"
[[account.user]]
name = "grouped"
[[account.user.access_key]]
id = "LTAIgrouped"
secret = "grouped-secret"
[[account.group]]
name = "silent"
users = ["grouped"]
policies = ["NoMetrics"]
[[account.role]]
name = "metrics"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:root"}}]}'
policies = ["MetricsRead", "MayAssume"]
max_session_seconds = 7200
[[account.role]]
name = "strict"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:user/assumer"},"Condition":{"StringEquals":{"sts:ExternalId":"the-id"}}}]}'
[[account.role]]
name = "chained"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:role/metrics"}}]}'
[[account.role]]
name = "denying"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Principal":{"RAM":"acs:ram::1000000000000001:root"}},{"Effect":"Deny","Action":"sts:*","Principal":{"RAM":"acs:ram::1000000000000001:user/assumer"}}]}'

[[account]]
id = "2000000000000002"
[[account.policy]]
name = "IsvRead"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:*","Resource":"*"}]}'
[[account.role]]
name = "partner"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1000000000000001:user/assumer"]}}]}'
policies = ["IsvRead"]
[[account.role]]
name = "private"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1000000000000001:root"]}}]}'
"#;

fn world() -> World {
    let world = World::start();
    world.apply(ROLES);
    world
}

fn arn(role: &str) -> String {
    format!("acs:ram::{ACME}:role/{role}")
}

/// AssumeRole by V3, with further parameters.
fn assume(world: &World, who: &Credentials, role: &str, more: &[(&str, &str)]) -> Reply {
    let mut query = vec![("RoleArn", role)];
    if !more.iter().any(|(name, _)| *name == "RoleSessionName") {
        query.push(("RoleSessionName", "alice"));
    }
    query.extend_from_slice(more);
    world.post(&world.v3(who, "AssumeRole", &query))
}

/// The credentials of an answer.
#[track_caller]
fn credentials(reply: &Reply) -> Credentials {
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    let text = |name: &str| {
        let value = &json["Credentials"][name];
        value.as_str().expect("a string").to_owned()
    };
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret: SecretKey::new(text("AccessKeySecret")),
        security_token: Some(SecretKey::new(text("SecurityToken"))),
    }
}

/// The token of a session, as text.
fn token_of(session: &Credentials) -> String {
    let token = session.security_token.as_ref().expect("a token");
    String::from_utf8(token.expose().to_vec()).expect("text")
}

/// A session of the role `metrics`.
#[track_caller]
fn session(world: &World, more: &[(&str, &str)]) -> Credentials {
    credentials(&assume(world, &key("assumer"), &arn("metrics"), more))
}

fn metric(world: &World, who: &Credentials) -> Reply {
    world.post(&world.v3(who, "GetChatappPhoneNumberMetric", &RANGE))
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.code())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn temporary_credentials_sign_both_ways() {
    let world = world();
    for assumed in [
        assume(&world, &key("assumer"), &arn("metrics"), &[]),
        world.post(&world.v1(
            &key("assumer"),
            "AssumeRole",
            &[
                ("RoleArn", &arn("metrics")),
                ("RoleSessionName", "alice"),
                ("Format", "JSON"),
            ],
        )),
    ] {
        let json = assumed.json();
        assert_eq!(
            json["RequestId"],
            assumed.header("x-acs-request-id").unwrap()
        );
        let user = &json["AssumedRoleUser"];
        assert_eq!(user["Arn"], format!("{}/alice", arn("metrics")));
        let id = user["AssumedRoleId"].as_str().unwrap();
        let (role, name) = id.split_once(':').unwrap();
        assert!(role.len() == 18 && name == "alice", "{id}");
        assert_eq!(json["Credentials"]["Expiration"], "2026-01-01T01:16:40Z");
        let session = credentials(&assumed);
        assert!(session.access_key_id.starts_with("STS."));
        assert_eq!(metric(&world, &session).code(), "OK");
        let mut query = RANGE.to_vec();
        query.push(("Format", "JSON"));
        let v1 = world.v1(&session, "GetChatappPhoneNumberMetric", &query);
        assert_eq!(world.post(&v1).code(), "OK");
    }
}

#[test]
fn everybody_may_ask_who_he_is() {
    let world = world();
    let ask = |who: &Credentials| {
        let reply = world.post(&world.v3(who, "GetCallerIdentity", &[]));
        let mut json = reply.json();
        json["RequestId"] = "-".into();
        for name in ["UserId", "RoleId", "PrincipalId"] {
            if let Some(id) = json[name].as_str().map(str::to_owned) {
                let digits = id.bytes().take_while(u8::is_ascii_digit).count();
                json[name] = format!("<{digits} digits>{}", &id[digits..]).into();
            }
        }
        format!("{json}\n")
    };
    let shown = ask(&key("owner")) + &ask(&key("nobody")) + &ask(&session(&world, &[]));
    expect_test::expect![[r#"
        {"AccountId":"1000000000000001","Arn":"acs:ram::1000000000000001:root","IdentityType":"Account","PrincipalId":"<16 digits>","RequestId":"-","UserId":"<16 digits>"}
        {"AccountId":"1000000000000001","Arn":"acs:ram::1000000000000001:user/nobody","IdentityType":"RAMUser","PrincipalId":"<18 digits>","RequestId":"-","UserId":"<18 digits>"}
        {"AccountId":"1000000000000001","Arn":"acs:ram::1000000000000001:assumed-role/metrics/alice","IdentityType":"AssumedRoleUser","PrincipalId":"<18 digits>:alice","RequestId":"-","RoleId":"<18 digits>"}
    "#]].assert_eq(&shown);
    // An account that has not subscribed to the counts can still ask.
    assert!(ask(&key("unsubscribed")).contains("3000000000000003"));
}

#[test]
fn a_session_is_over_at_the_moment_that_was_told() {
    let world = world();
    let short = session(&world, &[("DurationSeconds", "900")]);
    let usual = session(&world, &[]);
    let most = session(&world, &[("DurationSeconds", "7200")]);
    let too_long = assume(
        &world,
        &key("assumer"),
        &arn("metrics"),
        &[("DurationSeconds", "7201")],
    );
    assert_eq!(
        code(&too_long),
        refused(400, "InvalidParameter.DurationSeconds")
    );
    let mut passed_ms = 0;
    let mut at = |ms: i64| {
        world.clock.advance_ms(ms - passed_ms);
        passed_ms = ms;
        [&short, &usual, &most].map(|session| metric(&world, session).code())
    };
    let over = "InvalidSecurityToken.Expired";
    assert_eq!(at(899_999), ["OK", "OK", "OK"]);
    assert_eq!(at(900_000), [over, "OK", "OK"]);
    assert_eq!(at(3_599_999), [over, "OK", "OK"]);
    assert_eq!(at(3_600_000), [over, over, "OK"]);
    assert_eq!(at(7_199_999), [over, over, "OK"]);
    assert_eq!(at(7_200_000), [over, over, over]);
}

#[test]
fn a_session_outlives_the_server() {
    let mut world = world();
    let session = session(&world, &[]);
    world.stop();
    world.serve();
    assert_eq!(metric(&world, &session).code(), "OK");
}

/// A call that a power cut could make possible a second time gives nothing away;
/// sessions that there are go on.
#[test]
fn without_a_place_for_its_nonce_no_role_is_assumed() {
    let (folder, data_dir) = data_dir();
    let user = "[[account]]\nid = \"1000000000000001\"\n[[account.policy]]\nname = \"MayAssume\"\ndocument = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"*\"}]}'\n[[account.user]]\nname = \"assumer\"\npolicies = [\"MayAssume\"]\n[[account.user.access_key]]\nid = \"LTAIassumer\"\nsecret = \"assumer-secret\"\n[[account.role]]\nname = \"metrics\"\ntrust_policy = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"RAM\":\"acs:ram::1000000000000001:root\"}}]}'\n";
    let arguments = ["apply", "-f", "-", "--data-dir", &data_dir];
    let ran = run_with_input(&arguments, user.as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
    let served = Served::start_ignoring_file_limits(&data_dir);
    let arn = arn("metrics");
    let query = [("RoleArn", arn.as_str()), ("RoleSessionName", "alice")];
    let assume = || call(&served.url, &key("assumer"), "AssumeRole", &query);
    let (status, body) = assume();
    assert_eq!(status, 200, "{body}");
    let session = credentials(&Reply {
        status,
        headers: Vec::new(),
        body,
    });
    let nonces = folder.path().join("data/nonces.log");
    let bytes = std::fs::metadata(&nonces).expect("a file").len();
    served.limit_files(Some(bytes));
    let (status, body) = assume();
    assert_eq!(status, 503, "{body}");
    assert!(!body.contains("Credentials"), "{body}");
    let who = call(&served.url, &session, "GetCallerIdentity", &[]);
    assert_eq!(who.0, 200, "{who:?}");
    served.limit_files(None);
    assert_eq!(assume().0, 200);
}

#[test]
fn a_session_has_no_keys_of_its_own() {
    let world = world();
    let session = session(&world, &[]);
    let mine = world.v3(&session, "ListAccessKeys", &[]);
    assert_eq!(world.post(&mine).code(), "MissingUserName");
}

fn change(
    world: &World,
    change: impl FnOnce(
        &mut chatmetric::directory::IdentityChange<'_>,
    ) -> Result<(), chatmetric::directory::ChangeIdentitiesError>,
) {
    let account = AccountId::parse(ACME).expect("an id");
    let actor = Actor::operator("test");
    world
        .directory
        .change_identities(&account, &actor, EpochMs(NOW_MS), change)
        .expect("changed");
}

#[test]
fn a_session_has_the_rights_that_its_role_has_now() {
    let world = world();
    let session = session(&world, &[]);
    let role = PolicyHolder::Role("metrics".to_owned());
    change(&world, |identities| {
        identities.detach_policy("MetricsRead", &role)
    });
    let denied = metric(&world, &session);
    assert_eq!(code(&denied), refused(400, "Ram.PermissionDeny"));
    let detail = &denied.json()["AccessDeniedDetail"];
    assert_eq!(detail["AuthPrincipalType"], "AssumedRoleUser");
    assert_eq!(detail["AuthPrincipalDisplayName"], "metrics:alice");
    assert_eq!(detail["AuthPrincipalOwnerId"], ACME);
    change(&world, |identities| {
        identities.attach_policy("MetricsRead", &role)
    });
    assert_eq!(metric(&world, &session).code(), "OK");
    change(&world, |identities| {
        identities.detach_policy("MetricsRead", &role)?;
        identities.detach_policy("MayAssume", &role)?;
        identities.delete_role("metrics")
    });
    let gone = refused(400, "InvalidSecurityToken.Expired");
    assert_eq!(code(&metric(&world, &session)), gone);
    // The same name is another role, whatever it may do.
    world.apply(ROLES);
    let again = assume(&world, &key("assumer"), &arn("metrics"), &[]);
    assert_eq!(metric(&world, &credentials(&again)).code(), "OK");
    assert_eq!(code(&metric(&world, &session)), gone);
}

#[test]
fn a_session_policy_limits_and_never_adds() {
    let world = world();
    let policy = |effect: &str, action: &str| {
        format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let with = |policy: &str| session(&world, &[("Policy", policy)]);
    let everything = with(&policy("Allow", "*"));
    assert_eq!(metric(&world, &everything).code(), "OK");
    // The role may not, so the session may not.
    let enable = world.v3(&everything, "EnableWhatsappROIMetric", &[]);
    assert_eq!(world.post(&enable).code(), "Ram.PermissionDeny");
    for limited in [policy("Allow", "cams:Enable*"), policy("Deny", "cams:Get*")] {
        let denied = metric(&world, &with(&limited));
        assert_eq!(
            code(&denied),
            refused(400, "Ram.PermissionDeny"),
            "{limited}"
        );
        let detail = &denied.json()["AccessDeniedDetail"];
        assert_eq!(detail["PolicyType"], "SessionPolicy", "{limited}");
    }
}

#[test]
fn a_role_is_assumed_by_whom_both_policies_allow() {
    let world = world();
    let ask =
        |who: &str, role: &str, more: &[(&str, &str)]| assume(&world, &key(who), &arn(role), more);
    // The owner of an account is refused before anything else is looked at.
    let root = ask("owner", "metrics", &[]);
    assert_eq!(code(&root), refused(403, "NoPermission"));
    assert_eq!(
        root.json()["Message"],
        "Roles may not be assumed by root accounts."
    );
    let no = refused(403, "NoPermission");
    // The caller's own policies.
    let denied = ask("nobody", "metrics", &[]);
    assert_eq!(code(&denied), no);
    assert_eq!(
        denied.json()["Message"],
        "You are not authorized to do this action. You should be authorized by RAM."
    );
    let detail = &denied.json()["AccessDeniedDetail"];
    assert_eq!(detail["PolicyType"], "AccountLevelIdentityBasedPolicy");
    assert_eq!(detail["AuthAction"], "sts:AssumeRole");
    assert_eq!(ask("narrow", "metrics", &[]).status, 200);
    assert_eq!(code(&ask("narrow", "strict", &[])), no);
    // The role's trust policy.
    let untrusted = ask("assumer", "chained", &[]);
    assert_eq!(code(&untrusted), no);
    let detail = &untrusted.json()["AccessDeniedDetail"];
    assert_eq!(detail["PolicyType"], "AssumeRolePolicy");
    assert_eq!(detail["NoPermissionType"], "ImplicitDeny");
    let denying = ask("assumer", "denying", &[]);
    let detail = &denying.json()["AccessDeniedDetail"];
    assert_eq!(detail["NoPermissionType"], "ExplicitDeny");
    // ExternalId is a condition of trust.
    assert_eq!(code(&ask("assumer", "strict", &[])), no);
    let wrong = ask("assumer", "strict", &[("ExternalId", "another")]);
    assert_eq!(code(&wrong), no);
    let right = ask("assumer", "strict", &[("ExternalId", "the-id")]);
    assert_eq!(right.status, 200);
    // A role that is not there is told to who may assume it, in the own account.
    let missing = refused(404, "EntityNotExist.Role");
    assert_eq!(code(&ask("assumer", "nowhere", &[])), missing);
    assert_eq!(code(&ask("nobody", "nowhere", &[])), no);
    // A session may assume the role that trusts its role.
    let session = session(&world, &[]);
    let chained = assume(&world, &session, &arn("chained"), &[]);
    assert_eq!(chained.status, 200, "{chained:?}");
    assert_eq!(code(&assume(&world, &session, &arn("strict"), &[])), no);
}

#[test]
fn roles_of_other_accounts_are_assumed_and_do_not_leak() {
    let world = world();
    let ask = |role: &str| {
        let arn = format!("acs:ram::2000000000000002:role/{role}");
        assume(&world, &key("assumer"), &arn, &[])
    };
    let partner = credentials(&ask("partner"));
    let caller = world.post(&world.v3(&partner, "GetCallerIdentity", &[]));
    assert_eq!(caller.json()["AccountId"], "2000000000000002");
    let mut query = RANGE.to_vec();
    query.push(("CustSpaceId", "isv-customer"));
    let rows = world.v3(&partner, "GetChatappPhoneNumberMetric", &query);
    assert_eq!(world.post(&rows).code(), "OK");
    // One that does not trust the caller and one that is not there: names of the
    // same length, so that the sealed diagnosis could differ only by what it says.
    let told = |role: &str| {
        let reply = ask(role);
        (reply.stable(), diagnosis(&reply).len())
    };
    let untrusting = told("private");
    assert_eq!(untrusting, told("nowhere"));
    assert!(untrusting.0.contains("NoPermission"), "{untrusting:?}");
    let nobody = "acs:ram::9000000000000009:role/nowhere";
    let reply = assume(&world, &key("assumer"), nobody, &[]);
    assert_eq!(code(&reply), refused(403, "NoPermission"));
}

#[test]
fn keys_and_tokens_that_do_not_belong_together_are_refused() {
    let world = world();
    let (one, other) = (session(&world, &[]), session(&world, &[]));
    let token = token_of(&one);
    let with = |credentials: &Credentials, token: Option<&str>| Credentials {
        security_token: token.map(SecretKey::new),
        ..credentials.clone()
    };
    let unknown = Credentials {
        access_key_id: "LTAIguess".to_owned(),
        ..key("owner")
    };
    let forged = Credentials {
        secret: SecretKey::new("a guess"),
        ..one.clone()
    };
    let mut flipped = token.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).expect("text");
    let malformed = "InvalidSecurityToken.Malformed";
    let mismatch = "InvalidSecurityToken.MismatchWithAccessKey";
    for (who, wanted) in [
        (with(&one, Some(&token)), "OK"),
        (with(&one, None), "MissingSecurityToken"),
        (with(&one, Some("")), "MissingSecurityToken"),
        (with(&other, Some(&token)), mismatch),
        (with(&one, Some(&flipped)), malformed),
        (with(&one, Some(&token[..token.len() - 4])), malformed),
        (with(&one, Some(&format!("{token}AAAA"))), malformed),
        (with(&one, Some("CAISguess")), malformed),
        (with(&key("owner"), Some(&token)), mismatch),
        (with(&key("owner"), Some("CAISguess")), malformed),
        (
            with(&key("inactive"), Some(&token)),
            "InvalidAccessKeyId.Inactive",
        ),
        (with(&unknown, Some(&token)), "InvalidAccessKeyId.NotFound"),
        (forged, "SignatureDoesNotMatch"),
    ] {
        world.clock.advance_ms(100);
        assert_eq!(metric(&world, &who).code(), wanted, "{who:?}");
        let mut query = RANGE.to_vec();
        query.push(("Format", "JSON"));
        let v1 = world.v1(&who, "GetChatappPhoneNumberMetric", &query);
        assert_eq!(world.post(&v1).code(), wanted, "{who:?}");
    }
}

#[test]
fn the_longest_session_policy_fits_into_a_header_and_into_a_url() {
    let world = world();
    let policy = |padding: usize| {
        let text = "𝟙".repeat(padding);
        format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny","Action":"cams:*","Resource":"*","Condition":{{"StringEquals":{{"acs:UserAgent":"{text}"}}}}}}]}}"#
        )
    };
    let longest = policy(2_048 - policy(0).chars().count());
    assert_eq!(longest.chars().count(), 2_048);
    let session = session(&world, &[("Policy", &longest)]);
    let token = token_of(&session);
    assert!((10_000..16_384).contains(&token.len()), "{}", token.len());
    assert_eq!(metric(&world, &session).code(), "OK");
    let mut query = RANGE.to_vec();
    query.push(("Format", "JSON"));
    let v1 = world.v1(&session, "GetChatappPhoneNumberMetric", &query);
    assert!(v1.target.len() > token.len());
    assert_eq!(world.post(&v1).code(), "OK");
    let reply = assume(
        &world,
        &key("assumer"),
        &arn("metrics"),
        &[("Policy", &policy(2_049 - policy(0).chars().count()))],
    );
    assert_eq!(code(&reply), refused(400, "InvalidParameter.PolicySize"));
}

#[test]
fn parameters_are_refused_by_name() {
    let world = world();
    let long = "x".repeat(1_225);
    let name = "n".repeat(65);
    for (parameter, value, wanted) in [
        ("RoleSessionName", "", "MissingRoleSessionName"),
        ("RoleSessionName", "a", "InvalidParameter.RoleSessionName"),
        ("RoleSessionName", &name, "InvalidParameter.RoleSessionName"),
        ("RoleSessionName", "a b", "InvalidParameter.RoleSessionName"),
        ("RoleSessionName", "a/b", "InvalidParameter.RoleSessionName"),
        ("DurationSeconds", "899", "InvalidParameter.DurationSeconds"),
        (
            "DurationSeconds",
            "43201",
            "InvalidParameter.DurationSeconds",
        ),
        (
            "DurationSeconds",
            "-900",
            "InvalidParameter.DurationSeconds",
        ),
        (
            "DurationSeconds",
            "an hour",
            "InvalidParameter.DurationSeconds",
        ),
        ("Policy", "{}", "InvalidParameter.PolicyGrammar"),
        ("ExternalId", "x", "InvalidParameter.ExternalId"),
        ("ExternalId", &long, "InvalidParameter.ExternalId"),
        ("ExternalId", "a b", "InvalidParameter.ExternalId"),
        ("SourceIdentity", "a b", "InvalidParameter.SourceIdentity"),
    ] {
        let reply = assume(
            &world,
            &key("assumer"),
            &arn("metrics"),
            &[(parameter, value)],
        );
        assert_eq!(code(&reply), refused(400, wanted), "{parameter}={value}");
    }
    for (role, wanted) in [
        ("", "MissingRoleArn"),
        ("metrics", "InvalidParameter.RoleArn"),
        (
            "acs:ram::1000000000000001:role/*",
            "InvalidParameter.RoleArn",
        ),
    ] {
        let reply = assume(&world, &key("assumer"), role, &[]);
        assert_eq!(code(&reply), refused(400, wanted), "{role}");
    }
    // What is valid at its limits is taken.
    for (parameter, value) in [
        ("ExternalId", &long[1..]),
        ("RoleSessionName", &name[1..]),
        ("SourceIdentity", "Alice.1@x-y_z"),
    ] {
        let reply = assume(
            &world,
            &key("assumer"),
            &arn("metrics"),
            &[(parameter, value)],
        );
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[test]
fn an_answer_has_the_members_that_are_declared() {
    let world = world();
    let arn = arn("metrics");
    let query = [
        ("RoleArn", arn.as_str()),
        ("RoleSessionName", "alice"),
        ("SourceIdentity", "behind-it"),
    ];
    let sts = Ram::new(&world);
    let made = sts.ok_as("assumer", "AssumeRole", &query);
    assert_eq!(made["SourceIdentity"], "behind-it");
    let without = sts.call_as("assumer", "AssumeRole", &query[..2]).json();
    assert_eq!(without.get("SourceIdentity"), None);
}

#[test]
fn a_grant_for_named_users_is_none_for_sessions() {
    let world = world();
    world.apply(
        "[[account]]\nid = \"1000000000000001\"\n[[account.user]]\nname = \"metrics\"\n[[account.user]]\nname = \"alice\"\n\
         [[account]]\nid = \"2000000000000002\"\n[[account.isv_grant]]\ncode = \"isv-reader\"\naccount = \"1000000000000001\"\nusers = [\"metrics\", \"alice\"]\nspaces = [\"isv-other\"]\n",
    );
    let session = session(&world, &[]);
    let ask = |code: &str, space: &str| {
        let mut query = RANGE.to_vec();
        query.extend([("IsvCode", code), ("CustSpaceId", space)]);
        let call = world.v3(&session, "GetChatappPhoneNumberMetric", &query);
        world.post(&call).code()
    };
    assert_eq!(ask("isv-code", "isv-customer"), "OK");
    assert_eq!(ask("isv-reader", "isv-other"), "Ram.PermissionDeny");
}

/// DecodeDiagnosticMessage.
fn decode(world: &World, who: &Credentials, message: &str) -> Reply {
    let query = [("EncodedDiagnosticMessage", message)];
    world.post(&world.v3(who, "DecodeDiagnosticMessage", &query))
}

fn diagnosis(denied: &Reply) -> String {
    let message = denied.detail_member("EncodedDiagnosticMessage");
    message.expect("a message")
}

#[test]
fn an_administrator_reads_why_a_call_was_denied() {
    let world = world();
    let mut shown = String::new();
    let policy =
        r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"cams:*","Resource":"*"}]}"#;
    for who in [
        key("nobody"),
        key("denied"),
        key("grouped"),
        session(&world, &[("Policy", policy)]),
    ] {
        let enable = world.v3(&who, "EnableWhatsappROIMetric", &[]);
        let denied = world.post(&enable);
        let decoded = decode(&world, &key("owner"), &diagnosis(&denied));
        let mut told = decoded.json()["DecodedDiagnosticMessage"].clone();
        // Users are told by their ids.
        let name = &mut told["AuthPrincipal"]["AuthPrincipalDisplayName"];
        if name.as_str().is_some_and(|name| name.len() == 18) {
            *name = "<id>".into();
        }
        shown += &format!("{}\n", serde_json::to_string(&told).unwrap());
    }
    expect_test::expect![[r#"
        {"AuthAction":"cams:EnableWhatsappROIMetric","AuthConditions":[{"ConditionKey":"acs:CurrentTime","ConditionValues":["2026-01-01T00:16:40Z"]},{"ConditionKey":"acs:SecureTransport","ConditionValues":["false"]},{"ConditionKey":"acs:SourceIp","ConditionValues":["127.0.0.1"]}],"AuthPrincipal":{"AuthPrincipalDisplayName":"<id>","AuthPrincipalOwnerId":"1000000000000001","AuthPrincipalType":"SubUser"},"AuthResource":"acs:cams:*:1000000000000001:*","ExplicitDeny":false,"MatchedPolicies":[],"NoPermissionPolicyType":"AccountLevelIdentityBasedPolicy"}
        {"AuthAction":"cams:EnableWhatsappROIMetric","AuthConditions":[{"ConditionKey":"acs:CurrentTime","ConditionValues":["2026-01-01T00:16:40Z"]},{"ConditionKey":"acs:SecureTransport","ConditionValues":["false"]},{"ConditionKey":"acs:SourceIp","ConditionValues":["127.0.0.1"]}],"AuthPrincipal":{"AuthPrincipalDisplayName":"<id>","AuthPrincipalOwnerId":"1000000000000001","AuthPrincipalType":"SubUser"},"AuthResource":"acs:cams:*:1000000000000001:*","ExplicitDeny":true,"MatchedPolicies":[{"AttachedEntityType":"RamUser","AttachedScope":"Account","Effect":"Deny","PolicyIdentifier":"NoMetrics","PolicyType":"Custom","PolicyVersion":"v1"}],"NoPermissionPolicyType":"AccountLevelIdentityBasedPolicy"}
        {"AuthAction":"cams:EnableWhatsappROIMetric","AuthConditions":[{"ConditionKey":"acs:CurrentTime","ConditionValues":["2026-01-01T00:16:40Z"]},{"ConditionKey":"acs:SecureTransport","ConditionValues":["false"]},{"ConditionKey":"acs:SourceIp","ConditionValues":["127.0.0.1"]}],"AuthPrincipal":{"AuthPrincipalDisplayName":"<id>","AuthPrincipalOwnerId":"1000000000000001","AuthPrincipalType":"SubUser"},"AuthResource":"acs:cams:*:1000000000000001:*","ExplicitDeny":true,"MatchedPolicies":[{"AttachedEntityType":"RamGroup","AttachedScope":"Account","Effect":"Deny","PolicyIdentifier":"NoMetrics","PolicyType":"Custom","PolicyVersion":"v1"}],"NoPermissionPolicyType":"AccountLevelIdentityBasedPolicy"}
        {"AuthAction":"cams:EnableWhatsappROIMetric","AuthConditions":[{"ConditionKey":"acs:CurrentTime","ConditionValues":["2026-01-01T00:16:40Z"]},{"ConditionKey":"acs:SecureTransport","ConditionValues":["false"]},{"ConditionKey":"acs:SourceIp","ConditionValues":["127.0.0.1"]}],"AuthPrincipal":{"AuthPrincipalDisplayName":"metrics:alice","AuthPrincipalOwnerId":"1000000000000001","AuthPrincipalType":"AssumedRoleUser"},"AuthResource":"acs:cams:*:1000000000000001:*","ExplicitDeny":true,"MatchedPolicies":[{"AttachedEntityType":"RamRole","AttachedScope":"Account","Effect":"Deny","PolicyIdentifier":"SessionPolicy","PolicyType":"Custom"}],"NoPermissionPolicyType":"SessionPolicy"}
    "#]].assert_eq(&shown);
    // The trust policy of a role of the own account is told as well.
    let untrusted = assume(&world, &key("assumer"), &arn("denying"), &[]);
    let told = decode(&world, &key("narrow"), &diagnosis(&untrusted)).json();
    let told = &told["DecodedDiagnosticMessage"];
    assert_eq!(told["AuthResource"], arn("denying"));
    assert_eq!(told["NoPermissionPolicyType"], "AssumeRolePolicy");
    assert_eq!(told["MatchedPolicies"][0]["Effect"], "Deny");
}

#[test]
fn a_diagnosis_is_for_administrators_of_the_callers_account() {
    let world = world();
    let message = diagnosis(&world.metric("nobody", &RANGE));
    assert!(message.starts_with("AQ"), "{message}");
    assert_eq!(decode(&world, &key("narrow"), &message).status, 200);
    let no = refused(403, "NoPermission");
    assert_eq!(code(&decode(&world, &key("nobody"), &message)), no);
    assert_eq!(code(&decode(&world, &session(&world, &[]), &message)), no);
    // Another account learns as much as from noise.
    let foreign = decode(&world, &key("isv"), &message);
    assert_eq!(foreign.code(), "InvalidParameter.EncodedDiagnosticMessage");
    let noise = decode(&world, &key("isv"), "AQABAAAA");
    assert_eq!(foreign.stable(), noise.stable());
    assert_eq!(
        decode(&world, &key("owner"), "").code(),
        "MissingEncodedDiagnosticMessage"
    );
}

#[test]
fn the_log_names_sessions_and_holds_no_secret() {
    crate::log::collect();
    let world = world();
    let session = session(&world, &[("SourceIdentity", "behind-it")]);
    assert_eq!(metric(&world, &session).code(), "OK");
    let log = crate::log::text();
    for wanted in [
        "role assumed",
        "assumed-role/metrics/alice",
        "acs:ram::1000000000000001:user/assumer",
        "behind-it",
        &session.access_key_id,
    ] {
        assert!(log.contains(wanted), "{wanted}");
    }
    let secret = String::from_utf8(session.secret.expose().to_vec()).expect("text");
    let token = token_of(&session);
    assert!(!log.contains(&secret));
    assert!(!log.contains(&token[..100]));
}
