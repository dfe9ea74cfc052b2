//! The RPC API: answers, errors, their order and their shape.

use crate::log;
use crate::world::{NOW_MS, Reply, World, key, sample};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::sign::Credentials;

const GET_METRIC: &str = "GetChatappPhoneNumberMetric";
const ENABLE: &str = "EnableWhatsappROIMetric";
/// The two days around the samples.
const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];

/// A world in which the sample batch was counted.
fn counted() -> World {
    let world = World::start();
    for name in [
        "wa_02_sent_v24.json",
        "wa_03_delivered_v24.json",
        "wa_04_read.json",
    ] {
        let secret = if name.contains("03") {
            "another-secret"
        } else {
            "app-secret-one"
        };
        assert_eq!(
            world.webhook("acme-wa", secret, &sample(name)).status,
            200,
            "{name}"
        );
    }
    world
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut query = RANGE.to_vec();
    query.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    query.extend_from_slice(more);
    query
}

#[test]
fn a_signed_webhook_is_in_the_next_signed_query() {
    let world = counted();
    let reply = world.metric("owner", &RANGE);
    expect_test::expect![[r#"200 {"RequestId":"<id>","Code":"OK","Message":"None","Data":[{"SentCount":1,"DeliveredCount":0,"Start":1767139200000,"End":1767225600000,"PhoneNumber":"15550100101","Granularity":"DAILY"},{"SentCount":0,"DeliveredCount":1,"Start":1767225600000,"End":1767312000000,"PhoneNumber":"15550100101","Granularity":"DAILY"}],"AccessDeniedDetail":"NONE"}"#]].assert_eq(&reply.stable());
    let reply = world.metric(
        "owner",
        &with(&[
            ("Granularity", "HALF_HOUR"),
            ("PhoneNumber", "+1 555-010-0101"),
        ]),
    );
    expect_test::expect![[r#"200 {"RequestId":"<id>","Code":"OK","Message":"None","Data":[{"SentCount":1,"DeliveredCount":0,"Start":1767223800000,"End":1767225600000,"PhoneNumber":"15550100101","Granularity":"HALF_HOUR"},{"SentCount":0,"DeliveredCount":1,"Start":1767225600000,"End":1767227400000,"PhoneNumber":"15550100101","Granularity":"HALF_HOUR"}],"AccessDeniedDetail":"NONE"}"#]].assert_eq(&reply.stable());
}

#[test]
fn headers_of_an_answer() {
    let world = World::start();
    for reply in [
        world.metric("owner", &RANGE),
        world.metric("owner", &[]),
        world.get("/nowhere"),
    ] {
        let id = reply.header("x-acs-request-id").expect("an id").to_owned();
        assert_eq!(reply.json()["RequestId"], id.as_str());
        assert_eq!(id.len(), 36);
        assert_eq!(id, id.to_uppercase());
        let trace = reply.header("x-acs-trace-id").expect("a trace id");
        assert!(
            trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit()),
            "{trace}"
        );
        assert_eq!(
            reply.header("content-type"),
            Some("application/json;charset=utf-8")
        );
        assert_eq!(reply.header("content-encoding"), None);
    }
}

#[test]
fn a_number_without_counts_has_no_rows() {
    let world = World::start();
    let reply = world.metric("owner", &with(&[("PhoneNumber", "15550100101")]));
    expect_test::expect![[r#"200 {"RequestId":"<id>","Code":"OK","Message":"None","Data":[],"AccessDeniedDetail":"NONE"}"#]].assert_eq(&reply.stable());
}

/// An account of one test alone: its lines are found among those of all tests.
const LOGGED: &str = r#"
[[account]]
id = "7000000000000007"
[[account.access_key]]
id = "LTAIlogged"
secret = "logged-secret"
[[account.space]]
id = "logged"
default = true
numbers = ["15550100107"]
[[account.space]]
id = "empty"
[[account.webhook]]
id = "logged-wa"
kind = "whatsapp"
space = "logged"
app_secrets = ["app-secret-one"]
"#;

/// What the log says of a call without rows.
fn logged(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = reply.header("x-acs-request-id").expect("an id");
    let text = log::text();
    let mut lines = text.lines();
    let line = lines.find(|line| line.contains(id) && line.contains("7000000000000007"));
    let empty = line.expect("logged").split_once("empty=");
    let text = empty.and_then(|(_, rest)| rest.split('"').nth(1));
    text.unwrap_or("-").to_owned()
}

#[test]
fn the_log_says_why_an_answer_has_no_rows() {
    log::collect();
    let world = World::start();
    world.apply(LOGGED);
    let ask = |query: &[(&str, &str)]| logged(&world.metric("logged", query));
    let bound = "; bound since 2026-01-01T00:16:40Z";
    let never = format!("nothing was ever counted{bound}");
    assert_eq!(ask(&RANGE), never);
    assert_eq!(ask(&with(&[("PhoneNumber", "15550100107")])), never);
    let body = String::from_utf8(sample("wa_02_sent_v24.json")).expect("text");
    let body = body.replace("15550100101", "15550100107");
    let reply = world.webhook("logged-wa", "app-secret-one", body.as_bytes());
    assert_eq!(reply.status, 200);
    assert_eq!(ask(&RANGE), "-");
    let later = [("Start", "1769904000000"), ("End", "1769990400000")];
    assert_eq!(ask(&later), "nothing was counted in the range");
    let earlier = [("Start", "1766966400000"), ("End", "1767052800000")];
    assert_eq!(
        ask(&earlier),
        format!("nothing was counted in the range{bound}, after its end")
    );
    let empty = with(&[("CustSpaceId", "empty")]);
    assert_eq!(ask(&empty), "the space has no number");
}

#[test]
fn a_range_that_is_too_long_is_refused_before_its_space_is_looked_up() {
    let world = World::start();
    let foreign = ("CustSpaceId", "isv-own");
    let end = |ms: i64| (1_767_139_200_000 + ms).to_string();
    let (fits, long) = (end(1_489 * 1_800_000), end(1_489 * 1_800_000 + 1));
    for (end, code) in [
        (&fits, "Unknown.ResourceOwnerId"),
        (&long, "InvalidParameter.TimeRange"),
    ] {
        let query = with(&[foreign, ("Granularity", "HALF_HOUR"), ("End", end)]);
        assert_eq!(world.metric("owner", &query).code(), code);
    }
    // Some zone has 401 days that are seven hours longer than others.
    let day_ms = 86_400_000;
    let (fits, long) = (
        end(401 * day_ms + 25_200_000),
        end(401 * day_ms + 25_200_001),
    );
    for (end, code) in [
        (&fits, "Unknown.ResourceOwnerId"),
        (&long, "InvalidParameter.TimeRange"),
    ] {
        let query = with(&[foreign, ("End", end)]);
        assert_eq!(world.metric("owner", &query).code(), code);
    }
}

#[test]
fn daily_rows_follow_the_zone_of_the_space() {
    let world = World::start();
    let body = String::from_utf8(sample("wa_02_sent_v24.json")).expect("text");
    let body = body.replace("15550100101", "6591234567");
    assert_eq!(
        world
            .webhook("acme-sg", "app-secret-one", body.as_bytes())
            .status,
        200
    );
    let reply = world.metric("owner", &with(&[("CustSpaceId", "space-sg")]));
    let row = &reply.json()["Data"][0];
    // 31 December 23:59:53 UTC is 1 January in Singapore, which begins at 16:00 UTC.
    assert_eq!(row["Start"], 1_767_196_800_000_i64, "{reply:?}");
    assert_eq!(row["End"], 1_767_283_200_000_i64, "{reply:?}");
}

#[test]
fn enabling_is_idempotent() {
    let world = World::start();
    for _ in 0..2 {
        let reply = world.post(&world.v3(&key("owner"), ENABLE, &[]));
        expect_test::expect![[
            r#"200 {"RequestId":"<id>","Code":"OK","Message":"None","AccessDeniedDetail":"NONE"}"#
        ]]
        .assert_eq(&reply.stable());
    }
}

/// Every fault of a parameter, as `code: message`.
#[test]
fn parameters_that_are_wrong_say_what_would_be_right() {
    let world = World::start();
    let long_daily = (NOW_MS + 500 * 86_400_000).to_string();
    let half = |bound: i64| (1_767_139_200_001 + bound * 1_800_000).to_string();
    let (fits, too_long) = (half(1488), half(1489));
    let cases: Vec<Vec<(&str, &str)>> = vec![
        vec![("End", "5")],
        vec![("Start", ""), ("End", "5")],
        vec![("Start", "5")],
        with(&[("Start", "x")]),
        with(&[("Start", "-1")]),
        with(&[("Start", "1.5")]),
        with(&[("End", "99999999999999999999")]),
        with(&[
            ("Start", "9223372036854775806"),
            ("End", "9223372036854775807"),
        ]),
        with(&[("End", "9223372036854775807")]),
        with(&[("Start", "1767312000000")]),
        with(&[("Start", "1767312000001")]),
        with(&[("End", &long_daily)]),
        with(&[
            ("Granularity", "HALF_HOUR"),
            ("Start", "1767139200001"),
            ("End", &too_long),
        ]),
        with(&[("Granularity", "daily")]),
        with(&[("Granularity", "HOURLY\u{7}")]),
        with(&[("PhoneNumber", "none")]),
        with(&[("PhoneNumber", "123456789012345678901")]),
    ];
    let mut seen = String::new();
    for query in &cases {
        let reply = world.metric("owner", query);
        assert_eq!(reply.status, 400, "{query:?}");
        let json = reply.json();
        seen += &format!(
            "{}: {}\n",
            reply.code(),
            json["Message"].as_str().expect("a message")
        );
    }
    expect_test::expect![[r#"
        MissingStart: Start is mandatory for this action.
        MissingStart: Start is mandatory for this action.
        MissingEnd: End is mandatory for this action.
        InvalidParameter.Start: Specified parameter Start is not valid. 'x' is not a 64-bit decimal integer.
        InvalidParameter.Start: Specified parameter Start is not valid. -1 is negative; it must be 0 or more.
        InvalidParameter.Start: Specified parameter Start is not valid. '1.5' is not a 64-bit decimal integer.
        InvalidParameter.End: Specified parameter End is not valid. '99999999999999999999' is not a 64-bit decimal integer.
        InvalidParameter.Start: Specified parameter Start is not valid. The last valid time is 253370764799999 (ms since the epoch).
        InvalidParameter.TimeRange: Specified parameter TimeRange is not valid. The last valid time is 253370764799999 (ms since the epoch).
        InvalidParameter.TimeRange: Specified parameter TimeRange is not valid. Start must be less than End.
        InvalidParameter.TimeRange: Specified parameter TimeRange is not valid. Start must be less than End.
        InvalidParameter.TimeRange: Specified parameter TimeRange is not valid. The range overlaps more than 401 day buckets.
        InvalidParameter.TimeRange: Specified parameter TimeRange is not valid. The range overlaps more than 1489 half-hour buckets.
        InvalidParameter.Granularity: Specified parameter Granularity is not valid. 'daily' is neither DAILY nor HALF_HOUR.
        InvalidParameter.Granularity: Specified parameter Granularity is not valid. 'HOURLY�' is neither DAILY nor HALF_HOUR.
        InvalidParameter.PhoneNumber: Specified parameter PhoneNumber is not valid. It needs at least one digit.
        InvalidParameter.PhoneNumber: Specified parameter PhoneNumber is not valid. It has more than 20 digits.
    "#]].assert_eq(&seen);
    let reply = world.metric(
        "owner",
        &with(&[
            ("Granularity", "HALF_HOUR"),
            ("Start", "1767139200001"),
            ("End", &fits),
        ]),
    );
    assert_eq!(reply.status, 200, "{reply:?}");
    // Empty optional parameters are absent, newer ones are ignored.
    let reply = world.metric(
        "owner",
        &with(&[
            ("Granularity", ""),
            ("PhoneNumber", ""),
            ("CustSpaceId", ""),
            ("IsvCode", ""),
            ("OwnerId", "1"),
            ("ResourceOwnerAccount", "x"),
            ("ResourceOwnerId", "2"),
            ("RegionId", "ap-southeast-1"),
        ]),
    );
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn parameters_of_newer_sdks_are_ignored() {
    let world = counted();
    let plain = world.metric("owner", &RANGE).stable();
    assert!(plain.contains("\"SentCount\":1"), "{plain}");
    for (name, values) in [
        ("OwnerId", ["1000000000000001", "7", "x"]),
        ("ResourceOwnerAccount", ["acme", "somebody", ""]),
        (
            "ResourceOwnerId",
            ["1000000000000001", "2000000000000002", "-1"],
        ),
        ("RegionId", ["ap-southeast-1", "nowhere", ""]),
    ] {
        for value in values {
            let more = with(&[(name, value)]);
            for reply in [
                world.metric("owner", &more),
                world.post(&world.v1(
                    &key("owner"),
                    GET_METRIC,
                    &with(&[(name, value), ("Format", "JSON")]),
                )),
            ] {
                assert_eq!(reply.stable(), plain, "{name}={value}");
            }
        }
    }
}

#[test]
fn the_limits_of_buckets_are_exact_in_the_zone_of_the_space() {
    let world = World::start();
    // 401 days of Singapore, from its midnight.
    let start = 1_767_196_800_000_i64 - 401 * 86_400_000;
    let (from, to) = (start.to_string(), (start + 401 * 86_400_000).to_string());
    let late = (start + 401 * 86_400_000 + 1).to_string();
    let ask = |end: &str| {
        world.metric(
            "owner",
            &[("CustSpaceId", "space-sg"), ("Start", &from), ("End", end)],
        )
    };
    assert_eq!(ask(&to).status, 200);
    let reply = ask(&late);
    assert_eq!(reply.code(), "InvalidParameter.TimeRange", "{reply:?}");
    // The same range cuts 402 days of UTC.
    let reply = world.metric("owner", &[("Start", &from), ("End", &to)]);
    assert_eq!(reply.code(), "InvalidParameter.TimeRange", "{reply:?}");
}

#[test]
fn too_many_rows_are_refused_with_the_limit() {
    let world = World::start_with(
        |settings| settings.limits.rows_max = 2,
        std::sync::Arc::new(chatmetric_store::MemoryStore::new()),
    );
    for (id, seconds) in [
        ("a", 1_767_225_590_i64),
        ("b", 1_767_223_590),
        ("c", 1_767_221_590),
    ] {
        let body = format!(
            r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"15550100101"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"{seconds}"}}]}}}}]}}]}}"#
        );
        assert_eq!(
            world
                .webhook("acme-wa", "app-secret-one", body.as_bytes())
                .status,
            200
        );
    }
    let half = |end: &str| {
        world.metric(
            "owner",
            &with(&[("Granularity", "HALF_HOUR"), ("End", end)]),
        )
    };
    let reply = half("1767312000000");
    assert_eq!(reply.code(), "InvalidParameter.TooManyRows");
    assert!(
        reply.json()["Message"]
            .as_str()
            .is_some_and(|text| text.contains("more than 2 rows")),
        "{reply:?}"
    );
    // Two of the three buckets are rows enough.
    assert_eq!(
        half("1767223800000").json()["Data"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[test]
fn gateway_errors_have_their_bodies() {
    let world = World::start();
    let owner = key("owner");
    let wrong_secret = Credentials {
        secret: SecretKey::new("wrong"),
        ..key("owner")
    };
    let unknown_key = Credentials {
        access_key_id: "LTAIghost".into(),
        ..key("owner")
    };
    let mut replies: Vec<(&str, Reply)> = vec![
        ("nothing", world.get("/")),
        ("unknown path", world.get("/nowhere")),
        ("method", world.send("PUT", "/", &[], b"")),
        (
            "unknown action",
            world.post(&world.v3(&owner, "SendChatappMessage", &RANGE)),
        ),
        (
            "unknown key",
            world.post(&world.v3(&unknown_key, GET_METRIC, &RANGE)),
        ),
        ("inactive key", world.metric("inactive", &RANGE)),
        ("unsubscribed", world.metric("unsubscribed", &RANGE)),
        ("no policy", world.metric("nobody", &RANGE)),
        (
            "foreign space",
            world.metric("owner", &with(&[("CustSpaceId", "isv-own")])),
        ),
        (
            "foreign number",
            world.metric("owner", &with(&[("PhoneNumber", "447700900123")])),
        ),
        (
            "wrong code",
            world.metric("owner", &with(&[("IsvCode", "guess")])),
        ),
        (
            "no action",
            world.send("GET", "/?Version=2020-06-06", &[], b""),
        ),
        (
            "no version",
            world.send("GET", "/?Action=GetChatappPhoneNumberMetric", &[], b""),
        ),
        (
            "anonymous",
            world.send(
                "GET",
                "/?Action=GetChatappPhoneNumberMetric&Version=2020-06-06",
                &[],
                b"",
            ),
        ),
        ("twice", world.send("GET", "/?Action=a&Action=b", &[], b"")),
        (
            "bad authorization",
            world.send(
                "POST",
                "/",
                &[
                    ("authorization".into(), "ACS3-HMAC-SHA256 nonsense".into()),
                    ("x-acs-action".into(), GET_METRIC.into()),
                    ("x-acs-version".into(), "2020-06-06".into()),
                ],
                b"",
            ),
        ),
    ];
    let signed = world.v3(&owner, GET_METRIC, &RANGE);
    assert_eq!(world.post(&signed).status, 200);
    replies.push(("replayed", world.post(&signed)));
    let mut version = world.v3(&owner, GET_METRIC, &RANGE);
    for (name, value) in &mut version.headers {
        if name == "x-acs-version" {
            "2019-01-01".clone_into(value);
        }
    }
    replies.push(("wrong version", world.post(&version)));
    let early = world.v3(&owner, GET_METRIC, &RANGE);
    world.clock.advance_ms(900_000);
    assert_eq!(world.post(&early).status, 200, "the bound itself passes");
    let late = world.v3(&owner, GET_METRIC, &RANGE);
    world.clock.advance_ms(901_000);
    replies.push(("expired", world.post(&late)));
    let reply = world.post(&world.v3(&wrong_secret, GET_METRIC, &RANGE));
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "SignatureDoesNotMatch")
    );
    assert!(
        reply.json()["Message"]
            .as_str()
            .is_some_and(|text| text.contains("server StringToSign is [ACS3-HMAC-SHA256\n")),
        "{reply:?}"
    );

    let seen: String = replies
        .iter()
        .map(|(name, reply)| format!("{name}: {}\n", reply.stable()))
        .collect();
    expect_test::expect![[r#"
        nothing: 400 {"RequestId":"<id>","Message":"Action is mandatory for this action.","Recommend":"/troubleshoot?q=MissingAction&product=Cams&requestId=<id>","HostId":"<host>","Code":"MissingAction"}
        unknown path: 404 {"RequestId":"<id>","Message":"Specified api is not found, please check your url and method.","Recommend":"/troubleshoot?q=InvalidAction.NotFound&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidAction.NotFound"}
        method: 405 {"RequestId":"<id>","Message":"This http method is not supported.","Recommend":"/troubleshoot?q=UnsupportedHTTPMethod&product=Cams&requestId=<id>","HostId":"<host>","Code":"UnsupportedHTTPMethod"}
        unknown action: 404 {"RequestId":"<id>","Message":"Specified api is not found, please check your url and method.","Recommend":"/troubleshoot?q=InvalidAction.NotFound&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidAction.NotFound"}
        unknown key: 404 {"RequestId":"<id>","Message":"Specified access key is not found.","Recommend":"/troubleshoot?q=InvalidAccessKeyId.NotFound&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidAccessKeyId.NotFound"}
        inactive key: 400 {"RequestId":"<id>","Message":"Specified access key is disabled.","Recommend":"/troubleshoot?q=InvalidAccessKeyId.Inactive&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidAccessKeyId.Inactive"}
        unsubscribed: 400 {"RequestId":"<id>","Message":"You have not subscribed to the specified product.","Recommend":"/troubleshoot?q=Product.Unsubscript&product=Cams&requestId=<id>","HostId":"<host>","Code":"Product.Unsubscript"}
        no policy: 400 {"RequestId":"<id>","Message":"You are not authorized to perform the operation.","Recommend":"/troubleshoot?q=Ram.PermissionDeny&product=Cams&requestId=<id>","HostId":"<host>","Code":"Ram.PermissionDeny","AccessDeniedDetail":{"PolicyType":"AccountLevelIdentityBasedPolicy","AuthPrincipalOwnerId":"1000000000000001","EncodedDiagnosticMessage":"<sealed>","AuthPrincipalType":"SubUser","AuthPrincipalDisplayName":"<user id>","NoPermissionType":"ImplicitDeny","AuthAction":"cams:GetChatappPhoneNumberMetric"}}
        foreign space: 400 {"RequestId":"<id>","Message":"The resource does not belong to the current user.","Recommend":"/troubleshoot?q=Unknown.ResourceOwnerId&product=Cams&requestId=<id>","HostId":"<host>","Code":"Unknown.ResourceOwnerId"}
        foreign number: 400 {"RequestId":"<id>","Message":"The resource does not belong to the current user.","Recommend":"/troubleshoot?q=Unknown.ResourceOwnerId&product=Cams&requestId=<id>","HostId":"<host>","Code":"Unknown.ResourceOwnerId"}
        wrong code: 400 {"RequestId":"<id>","Message":"You are not authorized to perform the operation.","Recommend":"/troubleshoot?q=Ram.PermissionDeny&product=Cams&requestId=<id>","HostId":"<host>","Code":"Ram.PermissionDeny"}
        no action: 400 {"RequestId":"<id>","Message":"Action is mandatory for this action.","Recommend":"/troubleshoot?q=MissingAction&product=Cams&requestId=<id>","HostId":"<host>","Code":"MissingAction"}
        no version: 400 {"RequestId":"<id>","Message":"Version is mandatory for this action.","Recommend":"/troubleshoot?q=MissingVersion&product=Cams&requestId=<id>","HostId":"<host>","Code":"MissingVersion"}
        anonymous: 400 {"RequestId":"<id>","Message":"AccessKeyId is mandatory for this action.","Recommend":"/troubleshoot?q=MissingAccessKeyId&product=Cams&requestId=<id>","HostId":"<host>","Code":"MissingAccessKeyId"}
        twice: 400 {"RequestId":"<id>","Message":"Specified parameter Action is not valid. It is given more than once; query and body count together.","Recommend":"/troubleshoot?q=InvalidParameter.Action&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidParameter.Action"}
        bad authorization: 400 {"RequestId":"<id>","Message":"The request signature does not conform to Aliyun standards. The Authorization header must be '<algorithm> Credential=<AccessKeyId>,SignedHeaders=<names>,Signature=<hex>'.","Recommend":"/troubleshoot?q=IncompleteSignature&product=Cams&requestId=<id>","HostId":"<host>","Code":"IncompleteSignature"}
        replayed: 400 {"RequestId":"<id>","Message":"Specified signature nonce was used already.","Recommend":"/troubleshoot?q=SignatureNonceUsed&product=Cams&requestId=<id>","HostId":"<host>","Code":"SignatureNonceUsed"}
        wrong version: 400 {"RequestId":"<id>","Message":"Specified parameter Version is not valid.","Recommend":"/troubleshoot?q=InvalidVersion&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidVersion"}
        expired: 400 {"RequestId":"<id>","Message":"Specified time stamp or date value is expired.","Recommend":"/troubleshoot?q=InvalidTimeStamp.Expired&product=Cams&requestId=<id>","HostId":"<host>","Code":"InvalidTimeStamp.Expired"}
    "#]].assert_eq(&seen);
}

/// What is wrong is told in the order of the checks: repairing one fault after
/// the other walks through them all.
#[test]
fn the_order_of_checks() {
    let world = World::start();
    let bad = [
        ("Start", "x"),
        ("End", "5"),
        ("CustSpaceId", "isv-own"),
        ("PhoneNumber", "none"),
    ];
    let mut codes = Vec::new();
    let wrong_secret = |name: &str| Credentials {
        secret: SecretKey::new("wrong"),
        ..key(name)
    };
    let mut push = |reply: Reply| codes.push(format!("{} {}", reply.status, reply.code()));

    // Everything at once is wrong; each next request has the earlier faults repaired.
    let mut signed = world.v3(&wrong_secret("ghost"), "Nothing", &bad);
    push(world.send("PUT", &signed.target, &signed.headers, b""));
    push(world.post(&signed));
    signed = world.v3(&wrong_secret("ghost"), GET_METRIC, &bad);
    let without = |name: &str| {
        let mut headers = signed.headers.clone();
        headers.retain(|(known, _)| known != name);
        headers
    };
    push(world.send("POST", &signed.target, &without("x-acs-version"), b""));
    push(world.send("POST", &signed.target, &without("x-acs-date"), b""));
    let replaced = |value: &str| {
        let mut headers = signed.headers.clone();
        headers
            .iter_mut()
            .filter(|(name, _)| name == "x-acs-date")
            .for_each(|(_, date)| value.clone_into(date));
        headers
    };
    push(world.send(
        "POST",
        &signed.target,
        &replaced("2026-01-01T00:00:10.5Z"),
        b"",
    ));
    push(world.send(
        "POST",
        &signed.target,
        &replaced("2025-01-01T00:00:10Z"),
        b"",
    ));
    push(world.post(&signed));
    push(world.post(&world.v3(&wrong_secret("inactive"), GET_METRIC, &bad)));
    push(world.post(&world.v3(&wrong_secret("unsubscribed"), GET_METRIC, &bad)));
    push(world.metric("unsubscribed", &bad));
    push(world.metric("nobody", &bad));
    push(world.metric("reader", &bad));
    push(world.metric(
        "reader",
        &[
            ("Start", "4"),
            ("End", "5"),
            ("CustSpaceId", "isv-own"),
            ("PhoneNumber", "none"),
        ],
    ));
    push(world.metric(
        "reader",
        &[
            ("Start", "4"),
            ("End", "5"),
            ("CustSpaceId", "isv-own"),
            ("PhoneNumber", "1"),
        ],
    ));
    push(world.metric(
        "reader",
        &[("Start", "4"), ("End", "5"), ("PhoneNumber", "1")],
    ));
    expect_test::expect![[r#"
        405 UnsupportedHTTPMethod
        404 InvalidAction.NotFound
        400 MissingVersion
        400 MissingTimestamp
        400 InvalidTimeStamp.Format
        400 InvalidTimeStamp.Expired
        404 InvalidAccessKeyId.NotFound
        400 InvalidAccessKeyId.Inactive
        400 SignatureDoesNotMatch
        400 Product.Unsubscript
        400 Ram.PermissionDeny
        400 InvalidParameter.Start
        400 InvalidParameter.PhoneNumber
        400 Unknown.ResourceOwnerId
        400 Unknown.ResourceOwnerId"#]]
    .assert_eq(&codes.join("\n"));
}

#[test]
fn a_refused_signature_neither_burns_a_nonce_nor_counts() {
    let world = World::start();
    let signed = world.v3(&key("owner"), GET_METRIC, &RANGE);
    let mut broken = signed.clone();
    for (name, value) in &mut broken.headers {
        if name == "authorization" {
            let end = value.len() - 4;
            value.replace_range(end.., "0000");
        }
    }
    for _ in 0..60 {
        assert_eq!(world.post(&broken).code(), "SignatureDoesNotMatch");
    }
    assert_eq!(world.post(&signed).status, 200);
}

#[test]
fn a_restart_does_not_make_replays_possible() {
    let mut world = World::start();
    let signed = world.v3(&key("owner"), GET_METRIC, &RANGE);
    assert_eq!(world.post(&signed).status, 200);
    world.stop();
    world.serve();
    // The signature is for the host that was asked first.
    assert_eq!(world.post(&signed).code(), "SignatureNonceUsed");
    assert_eq!(world.metric("owner", &RANGE).status, 200);
}

#[test]
fn v1_speaks_xml_unless_json_is_asked_for() {
    let world = counted();
    let owner = key("owner");
    let reply = world.post(&world.v1(&owner, GET_METRIC, &RANGE));
    assert_eq!(reply.header("content-type"), Some("text/xml;charset=utf-8"));
    let id = reply.header("x-acs-request-id").expect("an id").to_owned();
    expect_test::expect!["<?xml version='1.0' encoding='UTF-8'?><GetChatappPhoneNumberMetricResponse><RequestId><id></RequestId><Code>OK</Code><Message>None</Message><Data><SentCount>1</SentCount><DeliveredCount>0</DeliveredCount><Start>1767139200000</Start><End>1767225600000</End><PhoneNumber>15550100101</PhoneNumber><Granularity>DAILY</Granularity></Data><Data><SentCount>0</SentCount><DeliveredCount>1</DeliveredCount><Start>1767225600000</Start><End>1767312000000</End><PhoneNumber>15550100101</PhoneNumber><Granularity>DAILY</Granularity></Data><AccessDeniedDetail>NONE</AccessDeniedDetail></GetChatappPhoneNumberMetricResponse>"].assert_eq(&reply.body.replace(&id, "<id>"));

    for format in ["JSON", "json"] {
        let reply = world.post(&world.v1(&owner, GET_METRIC, &with(&[("Format", format)])));
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (200, "OK"),
            "{format}"
        );
    }
    let reply = world.post(&world.v1(&owner, GET_METRIC, &[("Format", "XML")]));
    assert_eq!(reply.status, 400);
    assert!(
        reply
            .body
            .starts_with("<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>"),
        "{reply:?}"
    );
    assert!(
        reply.body.contains("<Code>MissingStart</Code>"),
        "{reply:?}"
    );
    // By GET as well.
    let (host, date) = (world.address.to_string(), world.date());
    let call = chatmetric_rpc::sign::Call {
        method: chatmetric_rpc::request::Method::Get,
        host: &host,
        action: GET_METRIC,
        version: "2020-06-06",
        query: &RANGE,
        headers: &[],
        body: b"",
        content_type: None,
        form: &[],
        date: &date,
        nonce: "by-get",
    };
    let signed = chatmetric_rpc::sign::sign_v1(&owner, &call);
    assert_eq!(world.send("GET", &signed.target, &[], b"").status, 200);
    // Everything in a form, as pop-core posts it.
    let call = chatmetric_rpc::sign::Call {
        method: chatmetric_rpc::request::Method::Post,
        query: &[],
        form: &RANGE,
        nonce: "by-form",
        ..call
    };
    let signed = chatmetric_rpc::sign::sign_v1(&owner, &call);
    let query = signed.target.trim_start_matches("/?");
    let body = format!(
        "{query}&{}",
        String::from_utf8(signed.body.clone()).expect("text")
    );
    let form = [(
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )];
    let reply = world.send("POST", "/", &form, body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_number_that_moved_shows_each_space_its_own() {
    let world = World::start();
    let body = |id: &str, seconds: i64| {
        format!(
            r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"15550100101"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"{seconds}"}}]}}}}]}}]}}"#
        )
    };
    assert_eq!(
        world
            .webhook(
                "acme-all",
                "app-secret-one",
                body("a", 1_767_225_590).as_bytes()
            )
            .status,
        200
    );
    world.apply("[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"space-a\"\nnumbers = []\n[[account.space]]\nid = \"space-sg\"\nnumbers = [\"6591234567\", \"15550100101\"]\n");
    // A new message goes to the new space, a further report of an old one to the old.
    assert_eq!(
        world
            .webhook(
                "acme-all",
                "app-secret-one",
                body("b", 1_767_225_591).as_bytes()
            )
            .status,
        200
    );
    let again = body("a", 1_767_225_592).replace("sent", "delivered");
    assert_eq!(
        world
            .webhook("acme-all", "app-secret-one", again.as_bytes())
            .status,
        200
    );
    for (space, sent, delivered) in [("space-a", 1, 1), ("space-sg", 1, 0)] {
        for number in ["", "15550100101"] {
            let reply = world.metric(
                "owner",
                &with(&[("CustSpaceId", space), ("PhoneNumber", number)]),
            );
            let data = reply.json()["Data"].clone();
            assert_eq!(data.as_array().map(Vec::len), Some(1), "{space}: {reply:?}");
            assert_eq!(
                (&data[0]["SentCount"], &data[0]["DeliveredCount"]),
                (&sent.into(), &delivered.into()),
                "{space}"
            );
        }
    }
}

#[test]
fn rows_are_sorted_by_start_then_number() {
    let world = World::start();
    for number in ["15559", "15551", "155501"] {
        for seconds in [1_767_225_590_i64, 1_767_140_000] {
            let body = format!(
                r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{seconds}","status":"read","timestamp":"{seconds}"}}]}}}}]}}]}}"#
            );
            assert_eq!(
                world
                    .webhook("acme-wa", "app-secret-one", body.as_bytes())
                    .status,
                200
            );
        }
    }
    let reply = world.metric("owner", &with(&[("Granularity", "HALF_HOUR")]));
    let rows: Vec<String> = reply.json()["Data"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            format!(
                "{} {}",
                row["Start"],
                row["PhoneNumber"].as_str().expect("a number")
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "1767139200000 155501",
            "1767139200000 15551",
            "1767139200000 15559",
            "1767225600000 155501",
            "1767225600000 15551",
            "1767225600000 15559",
        ]
        .map(|row| row.replace("1767225600000", "1767223800000"))
    );
    assert_eq!(world.store.floor(), Some(EpochMs(NOW_MS - 45 * 86_400_000)));
}
