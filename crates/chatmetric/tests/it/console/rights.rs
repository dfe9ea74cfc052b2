//! Rights and tenancy, judged on every call.

use super::{ACME, ISV, Page, code, console};
use serde_json::json;

const RANGE: &str = "start=1767139200000&end=1767225600000&granularity=daily";

#[test]
fn a_user_without_a_policy_is_told_the_missing_statement() {
    let world = console();
    let page = Page::of(&world, ACME, "nobody");
    assert_eq!(page.json("session")["rights"], json!([]));
    let calls = [
        ("metrics?space=space-a&", "cams:GetChatappPhoneNumberMetric"),
        (
            "metrics.csv?space=space-a&",
            "cams:GetChatappPhoneNumberMetric",
        ),
        ("live?space=space-a&", "cams:GetChatappPhoneNumberMetric"),
        ("numbers?space=space-a&", "cams:GetChatappPhoneNumberMetric"),
        ("spaces?", "cams:GetChatappPhoneNumberMetric"),
        ("webhooks?", "chatmetric:ReadDirectory"),
        ("grants?", "chatmetric:ReadDirectory"),
        ("ingest?", "chatmetric:ReadIngest"),
        ("quarantine?", "chatmetric:ReadIngest"),
        ("unclaimed?", "chatmetric:ReadIngest"),
        ("audit?", "chatmetric:ReadAudit"),
        ("alerts?", "chatmetric:ReadAlerts"),
        ("system?", "chatmetric:ReadSystem"),
        ("accounts?", "chatmetric:ManageAccounts"),
        ("usage.csv?", "chatmetric:ManageAccounts"),
        ("users/reader/console?", "ram:GetLoginProfile"),
    ];
    for (path, action) in calls {
        let reply = page.get(&format!("{path}{RANGE}"));
        assert_eq!(code(&reply), "403 Denied", "{path}");
        let denied = &reply.json()["denied"];
        assert_eq!(denied["action"], action, "{path}");
        assert_eq!(denied["statement"]["Action"], action);
        assert_eq!(denied["statement"]["Resource"], denied["resource"]);
        assert_eq!(denied["statement"]["Effect"], "Allow");
    }
    let changes = [
        (
            "POST",
            "numbers",
            json!({ "space": "space-a", "numbers": ["1"] }),
        ),
        ("POST", "spaces", json!({ "id": "new" })),
        ("PATCH", "spaces/space-a", json!({})),
        (
            "PATCH",
            "numbers/15550100101",
            json!({ "space": "space-a" }),
        ),
        ("POST", "webhooks", json!({ "id": "w", "kind": "whatsapp" })),
        ("PATCH", "webhooks/acme-wa", json!({})),
        ("DELETE", "webhooks/acme-wa", json!(null)),
        (
            "POST",
            "grants",
            json!({ "account": ISV, "users": ["*"], "spaces": [] }),
        ),
        ("DELETE", "grants/code/2000000000000002", json!(null)),
        ("POST", "unclaimed/1/claim", json!({ "space": "space-a" })),
        ("POST", "alerts/1/acknowledge", json!({})),
        ("POST", "quarantine/1/open", json!({})),
        ("POST", "quarantine/1/replay", json!({})),
        ("POST", "import?space=space-a", json!({})),
        ("PUT", "users/reader/console", json!({ "console": true })),
        ("POST", "users/reader/setup-token", json!({})),
        ("POST", "accounts", json!({ "name": "x" })),
        ("PATCH", "accounts/2000000000000002", json!({})),
    ];
    for (method, path, body) in changes {
        let reply = page.send(method, path, &body);
        assert_eq!(code(&reply), "403 Denied", "{method} {path}");
    }
    let simulate = json!({ "user": "admin", "action": "a:b", "resource": "*" });
    assert_eq!(
        code(&page.post("policies/simulate", &simulate)),
        "403 Denied"
    );
}

#[test]
fn rights_are_judged_on_each_call() {
    let world = console();
    let page = Page::of(&world, ACME, "nobody");
    assert_eq!(code(&page.get("webhooks")), "403 Denied");
    world.apply(
        r#"
[[account]]
id = "1000000000000001"
[[account.policy]]
name = "ReadsDirectory"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"chatmetric:ReadDirectory","Resource":"acs:chatmetric:*:1000000000000001:*"}]}'
[[account.user]]
name = "nobody"
policies = ["ReadsDirectory"]
"#,
    );
    assert_eq!(page.get("webhooks").status, 200);
    assert_eq!(
        page.json("session")["rights"],
        json!(["chatmetric:ReadDirectory"])
    );
}

#[test]
fn a_denial_beats_an_allowance_and_no_statement_would_help() {
    let world = console();
    let page = Page::of(&world, ACME, "denied");
    let reply = page.get(&format!("metrics?space=space-a&{RANGE}"));
    assert_eq!(code(&reply), "403 Denied");
    assert_eq!(reply.json()["denied"]["statement"], json!(null));
}

#[test]
fn an_account_never_sees_what_is_anothers() {
    let world = console();
    let isv = Page::of(&world, ISV, "isv-admin");
    for path in [
        format!("metrics?space=space-a&{RANGE}"),
        format!("metrics.csv?space=space-a&{RANGE}"),
        "explanation?space=space-a&number=15550100101&granularity=daily&bucket=2026-01-01"
            .to_owned(),
        "numbers?space=space-a".to_owned(),
        "live?space=space-a".to_owned(),
        format!("metrics?space=no-such-space&{RANGE}"),
        format!("audit?account={ACME}"),
        "users/reader/console".to_owned(),
        // Not the operator's account, whatever its policies say.
        "system".to_owned(),
        "accounts".to_owned(),
        format!("usage.csv?{RANGE}"),
    ] {
        assert_eq!(code(&isv.get(&path)), "404 NotFound", "{path}");
    }
    // How much waits to be counted is of all accounts together.
    let queued = |page: &Page| page.json("ingest")["queuedEvents"].clone();
    assert_eq!(queued(&isv), json!(null));
    assert_eq!(queued(&Page::of(&world, ACME, "admin")), json!(0));
    let number = json!({ "space": "space-a", "numbers": ["447700900999"] });
    assert_eq!(code(&isv.post("numbers", &number)), "404 NotFound");
    // Neither a number of others to an own space, nor an own one to a space of others.
    for (number, space) in [
        ("15550100101", json!("isv-own")),
        ("15550100101", json!(null)),
        ("447700900123", json!("space-a")),
    ] {
        let reply = isv.send(
            "PATCH",
            &format!("numbers/{number}"),
            &json!({ "space": space }),
        );
        assert_eq!(code(&reply), "404 NotFound", "{number} to {space}");
    }
    assert_eq!(
        code(&isv.send("PATCH", "spaces/space-a", &json!({}))),
        "404 NotFound"
    );
    assert_eq!(
        code(&isv.send("PATCH", "webhooks/acme-wa", &json!({}))),
        "404 NotFound"
    );
    assert_eq!(
        code(&isv.send("DELETE", "webhooks/acme-wa", &json!(null))),
        "404 NotFound"
    );
    assert_eq!(
        code(&isv.post("import?space=space-a", &json!({}))),
        "404 NotFound"
    );
    let taken = json!({ "id": "space-a" });
    assert_eq!(code(&isv.post("spaces", &taken)), "409 Conflict");
    // A number that another account has stays there.
    let number = json!({ "space": "isv-own", "numbers": ["15550100101"] });
    let results = isv.post("numbers", &number).json()["results"].clone();
    assert_eq!(results[0]["outcome"], "boundElsewhere");
    let webhooks = isv.json("webhooks");
    assert_eq!(webhooks["webhooks"], json!([]));
    let spaces = isv.json("spaces");
    let ids: Vec<_> = spaces["spaces"]
        .as_array()
        .expect("spaces")
        .iter()
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|space| space["owner"]["id"] == ISV));
}

#[test]
fn a_grant_opens_its_spaces_with_its_code_alone() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let spaces = page.json("spaces");
    let granted = spaces["spaces"]
        .as_array()
        .expect("spaces")
        .last()
        .expect("one")
        .clone();
    assert_eq!(granted["id"], "isv-customer");
    assert_eq!(granted["isvCode"], "isv-code");
    assert_eq!(granted["owner"]["name"], "isv");
    let ask = |space: &str| page.get(&format!("metrics?{space}&{RANGE}"));
    assert_eq!(ask("space=isv-customer&isv=isv-code").status, 200);
    assert_eq!(code(&ask("space=isv-customer")), "404 NotFound");
    assert_eq!(code(&ask("space=isv-other&isv=isv-code")), "404 NotFound");
    assert_eq!(code(&ask("space=isv-customer&isv=wrong")), "404 NotFound");
}
