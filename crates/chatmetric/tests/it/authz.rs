//! Who may call and see what: RAM, and the tenancy of spaces and numbers.

use crate::world::{World, key};
use chatmetric::api::action::Action;
use chatmetric::api::spec::Product;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::sign::Credentials;

const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];

#[test]
fn ram_decides_with_an_object_of_detail() {
    let world = World::start();
    assert_eq!(world.metric("reader", &RANGE).status, 200);
    let mut seen = String::new();
    for who in ["nobody", "denied"] {
        let reply = world.metric(who, &RANGE);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "Ram.PermissionDeny")
        );
        seen += &format!("{}\n", reply.stable());
    }
    expect_test::expect![[r#"
        400 {"RequestId":"<id>","Message":"You are not authorized to perform the operation.","Recommend":"/troubleshoot?q=Ram.PermissionDeny&product=Cams&requestId=<id>","HostId":"<host>","Code":"Ram.PermissionDeny","AccessDeniedDetail":{"PolicyType":"AccountLevelIdentityBasedPolicy","AuthPrincipalOwnerId":"1000000000000001","EncodedDiagnosticMessage":"<sealed>","AuthPrincipalType":"SubUser","AuthPrincipalDisplayName":"<user id>","NoPermissionType":"ImplicitDeny","AuthAction":"cams:GetChatappPhoneNumberMetric"}}
        400 {"RequestId":"<id>","Message":"You are not authorized to perform the operation.","Recommend":"/troubleshoot?q=Ram.PermissionDeny&product=Cams&requestId=<id>","HostId":"<host>","Code":"Ram.PermissionDeny","AccessDeniedDetail":{"PolicyType":"AccountLevelIdentityBasedPolicy","AuthPrincipalOwnerId":"1000000000000001","EncodedDiagnosticMessage":"<sealed>","AuthPrincipalType":"SubUser","AuthPrincipalDisplayName":"<user id>","NoPermissionType":"ExplicitDeny","AuthAction":"cams:GetChatappPhoneNumberMetric"}}
    "#]].assert_eq(&seen);
    // The right for one operation is none for another.
    let enable = world.v3(&key("reader"), "EnableWhatsappROIMetric", &[]);
    assert_eq!(world.post(&enable).code(), "Ram.PermissionDeny");
}

#[test]
fn a_changed_policy_takes_effect_at_once() {
    let world = World::start();
    let policy = |effect: &str| {
        format!(
            "[[account]]\nid = \"1000000000000001\"\n[[account.policy]]\nname = \"MetricsRead\"\ndocument = '{{\"Version\":\"1\",\"Statement\":[{{\"Effect\":\"{effect}\",\"Action\":\"cams:*\",\"Resource\":\"*\"}}]}}'\n"
        )
    };
    world.apply(&policy("Deny"));
    assert_eq!(world.metric("reader", &RANGE).code(), "Ram.PermissionDeny");
    world.apply(&policy("Allow"));
    assert_eq!(world.metric("reader", &RANGE).status, 200);
}

#[test]
fn all_resources_may_be_written_out() {
    let world = World::start();
    let policy = |effect: &str, resource: &str| {
        format!(
            "[[account]]\nid = \"1000000000000001\"\n[[account.policy]]\nname = \"MetricsRead\"\ndocument = '{{\"Version\":\"1\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\"}},{{\"Effect\":\"{effect}\",\"Action\":\"cams:*\",\"Resource\":\"{resource}\"}}]}}'\n"
        )
    };
    for (effect, resource, code) in [
        ("Deny", "acs:cams:*:*:*", "Ram.PermissionDeny"),
        (
            "Deny",
            "acs:cams:*:1000000000000001:*",
            "Ram.PermissionDeny",
        ),
        ("Deny", "acs:cams:*:2000000000000002:*", "OK"),
        ("Allow", "acs:cams:*:*:*", "OK"),
    ] {
        world.apply(&policy(effect, resource));
        let reply = world.metric("reader", &RANGE);
        assert_eq!(reply.code(), code, "{effect} {resource}");
    }
}

/// Spaces of the matrix, with their account and their number.
const SPACES: [(&str, &str, &str); 5] = [
    ("space-a", "acme", "15550100101"),
    ("space-sg", "acme", "6591234567"),
    ("isv-own", "isv", "447700900123"),
    ("isv-customer", "isv", "447700900124"),
    ("isv-other", "isv", "447700900125"),
];

/// One call of the matrix.
#[derive(Debug, Clone, Copy)]
struct Case {
    actor: &'static str,
    code: Option<&'static str>,
    space: Option<&'static str>,
    number: Option<&'static str>,
}

/// The rule of tenancy, written down a second time: what a caller may see.
fn wanted(case: Case, action: Action) -> &'static str {
    let account = if case.actor == "isv" { "isv" } else { "acme" };
    match case.code {
        // One grant is for everybody of acme, the other for its user `reader`.
        None | Some("isv-code") => {}
        // A list of users is exhaustive: neither the owner nor a session is added to it.
        Some("isv-reader") if matches!(case.actor, "reader" | "isv") => {}
        Some(_) => return "Ram.PermissionDeny",
    }
    let granted = match (account, case.code) {
        ("acme", Some("isv-code")) => "isv-customer",
        ("acme", Some("isv-reader")) => "isv-other",
        _ => "",
    };
    let default = if account == "isv" {
        "isv-own"
    } else {
        "space-a"
    };
    let space = case.space.unwrap_or(default);
    let seen = SPACES
        .into_iter()
        .find(|(id, owner, _)| *id == space && (*owner == account || *id == granted));
    let Some((_, _, own_number)) = seen else {
        return "Unknown.ResourceOwnerId";
    };
    // Only the metric operation has numbers; the other ignores what it does not know.
    let counts = action == Action::GetChatappPhoneNumberMetric;
    match case.number {
        Some(number) if counts && number != own_number => "Unknown.ResourceOwnerId",
        _ => "OK",
    }
}

/// Every code, space and number that means something, and some that mean nothing.
fn cases(actor: &'static str) -> impl Iterator<Item = Case> {
    let codes = ["isv-code", "isv-reader", "guess", "ISV-CODE"];
    let known = SPACES.map(|(id, ..)| id);
    let spaces = known.into_iter().chain(["nowhere", "SPACE-A", "x y"]);
    let numbers = SPACES
        .map(|(.., number)| number)
        .into_iter()
        .chain(["99999"]);
    let or_none = |values: Vec<&'static str>| -> Vec<Option<&'static str>> {
        std::iter::once(None)
            .chain(values.into_iter().map(Some))
            .collect()
    };
    let (codes, spaces) = (or_none(codes.to_vec()), or_none(spaces.collect()));
    let numbers = or_none(numbers.collect());
    let mut cases = Vec::new();
    for code in codes {
        for space in &spaces {
            cases.extend(numbers.iter().map(|number| Case {
                actor,
                code,
                space: *space,
                number: *number,
            }));
        }
    }
    cases.into_iter()
}

/// The directory's own objects, a user whom no grant names, and a role to assume.
const MATRIX: &str = r#"
[[account]]
id = "1000000000000001"
[[account.policy]]
name = "MetricsRead"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:*","Resource":"*"}]}'
[[account.policy]]
name = "MayAssume"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}'
[[account.user]]
name = "other"
policies = ["MetricsRead", "MayAssume"]
[[account.user.access_key]]
id = "LTAIother"
secret = "other-secret"
[[account.role]]
name = "reader"
trust_policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:root"}}]}'
policies = ["MetricsRead"]
[[account]]
id = "2000000000000002"
[[account.isv_grant]]
code = "isv-code"
account = "1000000000000001"
spaces = ["isv-customer"]
[[account.isv_grant]]
code = "isv-reader"
account = "1000000000000001"
users = ["reader"]
spaces = ["isv-other"]
"#;

/// Temporary credentials of the role `reader`, which has the name of a user.
fn session(world: &World) -> Credentials {
    let query = [
        ("RoleArn", "acs:ram::1000000000000001:role/reader"),
        ("RoleSessionName", "reader"),
    ];
    let reply = world.post(&world.v3(&key("other"), "AssumeRole", &query));
    let json = reply.json();
    let text = |name: &str| {
        let value = json["Credentials"][name].as_str();
        value.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    };
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret: SecretKey::new(text("AccessKeySecret")),
        security_token: Some(SecretKey::new(text("SecurityToken"))),
    }
}

#[test]
fn tenancy_of_every_actor_operation_and_object() {
    let world = World::start();
    world.apply(MATRIX);
    let session = session(&world);
    let operations = || Action::all().filter(|action| action.product() == Product::Cams);
    let mut tried = 0;
    for actor in ["owner", "reader", "other", "isv", "session"] {
        let credentials = match actor {
            "session" => session.clone(),
            named => key(named),
        };
        for case in cases(actor) {
            for action in operations() {
                let mut query = RANGE.to_vec();
                query.extend(case.code.map(|code| ("IsvCode", code)));
                query.extend(case.space.map(|space| ("CustSpaceId", space)));
                query.extend(case.number.map(|number| ("PhoneNumber", number)));
                // Five calls a second is the least that an operation has.
                world.clock.advance_ms(250);
                let reply = world.post(&world.v3(&credentials, action.name(), &query));
                assert_eq!(reply.code(), wanted(case, action), "{case:?} {action:?}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 5 * 5 * 9 * 7 * operations().count());
}

#[test]
fn foreign_and_unknown_are_the_same_answer() {
    let world = World::start();
    let ask = |query: &[(&str, &str)]| {
        let mut all = RANGE.to_vec();
        all.extend_from_slice(query);
        world.metric("owner", &all).stable()
    };
    let foreign = ask(&[("CustSpaceId", "isv-own")]);
    assert_eq!(foreign, ask(&[("CustSpaceId", "no-such-space")]));
    assert_eq!(foreign, ask(&[("CustSpaceId", "isv-customer")]));
    assert_eq!(foreign, ask(&[("PhoneNumber", "447700900123")]));
    assert_eq!(foreign, ask(&[("PhoneNumber", "99999")]));
    // A number of another space of the same account is not this space's.
    assert_eq!(foreign, ask(&[("PhoneNumber", "6591234567")]));
    assert_eq!(
        foreign,
        ask(&[("PhoneNumber", "447700900123"), ("CustSpaceId", "isv-own")])
    );
    assert!(foreign.contains("Unknown.ResourceOwnerId"), "{foreign}");
}

#[test]
fn a_granted_space_shows_its_own_rows_and_zone() {
    let world = World::start();
    world.apply("[[account]]\nid = \"2000000000000002\"\n[[account.webhook]]\nid = \"isv-wa\"\nkind = \"whatsapp\"\napp_secrets = [\"isv-app\"]\nverify_token = \"isv-verify\"\n");
    let body = String::from_utf8(crate::world::sample("wa_02_sent_v24.json")).expect("text");
    let body = body.replace("15550100101", "447700900124");
    assert_eq!(
        world.webhook("isv-wa", "isv-app", body.as_bytes()).status,
        200
    );
    let mut query = RANGE.to_vec();
    query.extend([("IsvCode", "isv-code"), ("CustSpaceId", "isv-customer")]);
    let reply = world.metric("reader", &query);
    assert_eq!(
        reply.json()["Data"][0]["PhoneNumber"],
        "447700900124",
        "{reply:?}"
    );
    // With the code and no space it is the caller's own default space.
    let mut query = RANGE.to_vec();
    query.push(("IsvCode", "isv-code"));
    assert_eq!(
        world.metric("reader", &query).json()["Data"],
        serde_json::json!([])
    );
}
