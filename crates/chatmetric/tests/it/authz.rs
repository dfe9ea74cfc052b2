//! Who may call and see what: RAM, and the tenancy of spaces and numbers.

use crate::world::World;

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
    let enable = world.v3(&crate::world::key("reader"), "EnableWhatsappROIMetric", &[]);
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

/// The rule of tenancy, written down a second time: what a caller may see.
fn wanted(actor: &str, code: Option<&str>, space: Option<&str>) -> &'static str {
    let account = if actor == "isv" { "isv" } else { "acme" };
    let owner_of = |space: &str| match space {
        "space-a" | "space-sg" => "acme",
        "isv-own" | "isv-customer" | "isv-other" => "isv",
        _ => "nobody",
    };
    match code {
        None => {}
        // One grant is for everybody of acme, the other for its user `reader`.
        Some("isv-code") => {}
        // A list of users is exhaustive: not even the owner is added to it.
        Some("isv-reader") if matches!(actor, "reader" | "isv") => {}
        Some(_) => return "Ram.PermissionDeny",
    }
    let granted: &[&str] = match (account, code) {
        ("acme", Some("isv-code")) => &["isv-customer"],
        ("acme", Some("isv-reader")) => &["isv-other"],
        _ => &[],
    };
    match space {
        None => "OK",
        Some(space) if owner_of(space) == account || granted.contains(&space) => "OK",
        Some(_) => "Unknown.ResourceOwnerId",
    }
}

#[test]
fn tenancy_of_every_actor_code_and_space() {
    let world = World::start();
    world.apply(
        "[[account]]\nid = \"1000000000000001\"\n[[account.user]]\nname = \"other\"\npolicies = [\"MetricsRead\"]\n[[account.user.access_key]]\nid = \"LTAIother\"\nsecret = \"other-secret\"\n\
         [[account]]\nid = \"2000000000000002\"\n[[account.isv_grant]]\ncode = \"isv-code\"\naccount = \"1000000000000001\"\nspaces = [\"isv-customer\"]\n\
         [[account.isv_grant]]\ncode = \"isv-reader\"\naccount = \"1000000000000001\"\nusers = [\"reader\"]\nspaces = [\"isv-other\"]\n",
    );
    let actors = ["owner", "reader", "other", "isv"];
    let codes = [
        None,
        Some("isv-code"),
        Some("isv-reader"),
        Some("guess"),
        Some("ISV-CODE"),
    ];
    let spaces = [
        None,
        Some("space-a"),
        Some("space-sg"),
        Some("isv-own"),
        Some("isv-customer"),
        Some("isv-other"),
        Some("nowhere"),
        Some("SPACE-A"),
        Some("x y"),
    ];
    let mut cases = 0;
    for actor in actors {
        for code in codes {
            for space in spaces {
                let mut query = RANGE.to_vec();
                query.extend(code.map(|code| ("IsvCode", code)));
                query.extend(space.map(|space| ("CustSpaceId", space)));
                world.clock.advance_ms(100);
                let reply = world.metric(actor, &query);
                assert_eq!(
                    reply.code(),
                    wanted(actor, code, space),
                    "{actor} {code:?} {space:?}"
                );
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 180);
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
