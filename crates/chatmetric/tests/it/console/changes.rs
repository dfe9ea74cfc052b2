//! Changes of the directory by pages, and the audit log of them.

use super::{ACME, ISV, PASSWORD, Page, ask, code, console};
use serde_json::{Value, json};

fn last_entry(page: &Page<'_>) -> Value {
    page.json("audit?limit=1")["entries"][0].clone()
}

#[test]
fn spaces_are_made_and_changed() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let new = json!({ "id": "space-new", "timeZone": "asia/tokyo", "unknownNumbers": "hold", "numbersMax": 5 });
    assert_eq!(page.post("spaces", &new).status, 204);
    assert_eq!(code(&page.post("spaces", &new)), "409 Conflict");
    let entry = last_entry(&page);
    assert_eq!(entry["action"], "CreateSpace");
    assert_eq!(entry["target"], "space/space-new");
    assert_eq!(entry["actor"], "console/admin");
    assert_eq!(entry["after"]["time_zone"], "Asia/Tokyo");
    let change = json!({ "timeZone": "Europe/Paris" });
    assert_eq!(page.send("PATCH", "spaces/space-new", &change).status, 204);
    let spaces = page.json("spaces");
    let space = spaces["spaces"]
        .as_array()
        .expect("spaces")
        .iter()
        .find(|space| space["id"] == "space-new")
        .cloned();
    let space = space.expect("listed");
    assert_eq!(space["timeZone"], "Europe/Paris");
    assert_eq!(space["unknownNumbers"], "hold");
    assert_eq!(space["default"], false);
    for (body, field) in [
        (json!({ "timeZone": "Mars/Base" }), "timeZone"),
        (json!({ "unknownNumbers": "maybe" }), "unknownNumbers"),
        (json!({ "numbersMax": 1_000_000 }), "numbersMax"),
    ] {
        let reply = page.send("PATCH", "spaces/space-new", &body);
        assert_eq!(code(&reply), "400 InvalidField");
        assert_eq!(reply.json()["field"], field);
    }
    assert_eq!(
        code(&page.send("PATCH", "spaces/none", &json!({}))),
        "404 NotFound"
    );
}

#[test]
fn numbers_are_bound_and_never_taken_away() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let body = json!({
        "space": "space-sg",
        "numbers": ["+65 9000-0001", "6591234567", "15550100101", "none", "+65 9000 0001"],
    });
    let reply = page.post("numbers", &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let outcomes: Vec<_> = reply.json()["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| result["outcome"].as_str().expect("a word").to_owned())
        .collect();
    assert_eq!(
        outcomes,
        [
            "bound",
            "alreadyBound",
            "boundElsewhere",
            "invalid",
            "alreadyBound"
        ]
    );
    let entry = last_entry(&page);
    assert_eq!(entry["action"], "BindNumbers");
    assert_eq!(entry["after"]["numbers"], json!(["6590000001"]));
    assert_eq!(entry["actor"], "console/admin");
    let none = json!({ "space": "space-sg", "numbers": [] });
    assert_eq!(code(&page.post("numbers", &none)), "400 InvalidField");
}

#[test]
fn a_number_goes_to_another_space_of_the_account_or_to_nobody() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let listed = |space: &str| {
        let numbers = page.json(&format!("numbers?space={space}"))["numbers"].clone();
        let numbers = numbers.as_array().expect("numbers").clone();
        numbers.iter().any(|row| row["number"] == "15550100101")
    };
    let change =
        |space: Value| page.send("PATCH", "numbers/15550100101", &json!({ "space": space }));
    assert!(listed("space-a"));
    assert_eq!(
        change(json!("space-sg")).json(),
        json!({ "from": "space-a" })
    );
    assert!(!listed("space-a") && listed("space-sg"));
    let entry = last_entry(&page);
    assert_eq!(entry["action"], "MoveNumber");
    assert_eq!(entry["actor"], "console/admin");
    assert_eq!(code(&change(json!("space-sg"))), "400 InvalidField");
    assert_eq!(code(&change(json!("no-such-space"))), "404 NotFound");
    assert_eq!(change(Value::Null).json(), json!({ "from": "space-sg" }));
    assert!(!listed("space-sg"));
    assert_eq!(last_entry(&page)["action"], "ReleaseNumber");
    assert_eq!(code(&change(Value::Null)), "404 NotFound");
    let nobodys = page.send("PATCH", "numbers/none", &json!({ "space": null }));
    assert_eq!(code(&nobodys), "404 NotFound");
}

#[test]
fn a_webhook_is_made_its_secrets_exchanged_and_taken_away() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let new = json!({ "id": "new-wa", "kind": "whatsapp", "space": "space-a", "appSecret": "first-secret" });
    let reply = page.post("webhooks", &new);
    assert_eq!(reply.status, 200, "{reply:?}");
    let made = reply.json();
    let url = made["url"].as_str().expect("a URL");
    assert!(url.ends_with("/webhooks/whatsapp/new-wa"), "{url}");
    let token = made["verifyToken"].as_str().expect("a token");
    let handshake = |token: &str| {
        world.get(&format!(
            "/webhooks/whatsapp/new-wa?hub.mode=subscribe&hub.challenge=42&hub.verify_token={token}"
        ))
    };
    assert_eq!(handshake(token).body, "42");
    let change = json!({ "addAppSecret": "second-secret", "newVerifyToken": true });
    let changed = page.send("PATCH", "webhooks/new-wa", &change).json();
    let new_token = changed["verifyToken"].as_str().expect("a token");
    assert_eq!(handshake(new_token).body, "42");
    assert_eq!(handshake(token).status, 403);
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    assert_eq!(world.webhook("new-wa", "first-secret", body).status, 200);
    assert_eq!(world.webhook("new-wa", "second-secret", body).status, 200);
    let third = json!({ "addAppSecret": "third-secret" });
    assert_eq!(
        code(&page.send("PATCH", "webhooks/new-wa", &third)),
        "400 InvalidField"
    );
    let drop_old = json!({ "dropOldAppSecret": true });
    assert_eq!(page.send("PATCH", "webhooks/new-wa", &drop_old).status, 200);
    assert_eq!(world.webhook("new-wa", "first-secret", body).status, 401);
    assert_eq!(world.webhook("new-wa", "second-secret", body).status, 200);
    let listed = page.get("webhooks");
    assert!(!listed.body.contains("second-secret") && !listed.body.contains(new_token));
    let log = page.get("audit");
    assert!(!log.body.contains("second-secret") && !log.body.contains(new_token));
    assert_eq!(
        page.send("DELETE", "webhooks/new-wa", &Value::Null).status,
        204
    );
    assert_eq!(world.webhook("new-wa", "second-secret", body).status, 404);
    let import = json!({ "id": "import", "kind": "whatsapp", "appSecret": "x" });
    assert_eq!(page.post("webhooks", &import).json()["field"], "id");
    for (body, field) in [
        (
            json!({ "id": "a/b", "kind": "whatsapp", "appSecret": "x" }),
            "id",
        ),
        (
            json!({ "id": "w", "kind": "cams", "appSecret": "x" }),
            "appSecret",
        ),
        (json!({ "id": "w", "kind": "sms" }), "kind"),
        (json!({ "id": "w", "kind": "whatsapp" }), "appSecret"),
        (
            json!({ "id": "w", "kind": "whatsapp", "appSecret": "x", "space": "isv-own" }),
            "space",
        ),
    ] {
        let reply = page.post("webhooks", &body);
        assert_eq!(reply.json()["field"], field, "{reply:?}");
    }
}

#[test]
fn a_webhook_of_receipts_or_events_has_a_token_that_is_exchanged_at_once() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let cams = json!({ "id": "receipts", "kind": "cams", "space": "space-a" });
    let made = page.post("webhooks", &cams).json();
    let token = made["token"].as_str().expect("a token").to_owned();
    let url = made["url"].as_str().expect("a URL");
    assert!(
        url.ends_with(&format!("/webhooks/cams/receipts/{token}")),
        "{url}"
    );
    let send = |token: &str| {
        let target = format!("/webhooks/cams/receipts/{token}");
        world.send("POST", &target, &[], b"[]").status
    };
    assert_eq!((send(&token), send("another-token")), (200, 404));
    let rotate = json!({ "newToken": true });
    let new = page.send("PATCH", "webhooks/receipts", &rotate).json();
    let new = new["token"].as_str().expect("a token").to_owned();
    assert_eq!((send(&token), send(&new)), (404, 200));
    let events = json!({ "id": "feed", "kind": "events" });
    let made = page.post("webhooks", &events).json();
    let token = made["token"].as_str().expect("a token").to_owned();
    assert!(
        made["url"]
            .as_str()
            .expect("a URL")
            .ends_with("/webhooks/events/feed")
    );
    let bearer = [("authorization".to_owned(), format!("Bearer {token}"))];
    let sent = world.send("POST", "/webhooks/events/feed", &bearer, b"[]");
    assert_eq!(sent.status, 200, "{sent:?}");
    let listed = page.get("webhooks").body;
    assert!(
        !listed.contains(&token) && !listed.contains(&new),
        "{listed}"
    );
    // What a kind has not, is refused.
    for (id, change, field) in [
        ("feed", json!({ "newVerifyToken": true }), "appSecret"),
        ("acme-wa", rotate, "newToken"),
    ] {
        let reply = page.send("PATCH", &format!("webhooks/{id}"), &change);
        assert_eq!(reply.json()["field"], field, "{reply:?}");
    }
}

#[test]
fn books_are_never_taken_over() {
    let world = console();
    let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"display_phone_number":"15550100101"},"statuses":[{"id":"wamid.A","status":"sent","timestamp":"1767139200","recipient_id":"1"}]}}]}]}"#;
    let admin = Page::of(&world, ACME, "admin");
    let new =
        json!({ "id": "once", "kind": "whatsapp", "space": "space-a", "appSecret": "secret" });
    assert_eq!(admin.post("webhooks", &new).status, 200);
    assert_eq!(world.webhook("once", "secret", body).status, 200);
    let gone = admin.send("DELETE", "webhooks/once", &Value::Null);
    assert_eq!(gone.status, 204);
    let other = Page::of(&world, ISV, "isv-admin");
    let again = json!({ "id": "once", "kind": "whatsapp", "appSecret": "secret" });
    assert_eq!(code(&other.post("webhooks", &again)), "409 Conflict");
}

#[test]
fn a_grant_opens_a_space_until_it_is_taken_back() {
    let world = console();
    let isv = Page::of(&world, ISV, "isv-admin");
    let reader = Page::of(&world, ACME, "reader");
    let new = json!({ "account": ACME, "users": ["reader"], "spaces": ["isv-other"] });
    let reply = isv.post("grants", &new);
    assert_eq!(reply.status, 200, "{reply:?}");
    let made = reply.json()["code"].as_str().expect("a code").to_owned();
    let path = format!(
        "metrics?space=isv-other&isv={made}&start=1767139200000&end=1767225600000&granularity=daily"
    );
    assert_eq!(reader.get(&path).status, 200);
    let admin = Page::of(&world, ACME, "admin");
    assert_eq!(code(&admin.get(&path)), "404 NotFound");
    let given = isv.json("grants");
    assert!(given["given"].to_string().contains(&made));
    let back = isv.send("DELETE", &format!("grants/{made}/{ACME}"), &Value::Null);
    assert_eq!(back.status, 204);
    assert_eq!(code(&reader.get(&path)), "404 NotFound");
    for (body, field) in [
        (
            json!({ "account": "9", "users": ["*"], "spaces": ["isv-own"] }),
            "account",
        ),
        (
            json!({ "account": ACME, "users": [], "spaces": ["isv-own"] }),
            "users",
        ),
        (
            json!({ "account": ACME, "users": ["*"], "spaces": ["space-a"] }),
            "spaces",
        ),
    ] {
        assert_eq!(isv.post("grants", &body).json()["field"], field);
    }
    // Nobody learns which accounts and users others have.
    let refusals = [("9", "reader"), (ACME, "nobody-there")].map(|(account, user)| {
        let body = json!({ "account": account, "users": [user], "spaces": ["isv-own"] });
        let mut refusal = isv.post("grants", &body).json();
        refusal["requestId"] = Value::Null;
        refusal
    });
    assert_eq!(refusals[0], refusals[1]);
}

#[test]
fn an_administrator_gives_a_token_for_a_first_password() {
    let world = console();
    let admin = Page::of(&world, ACME, "admin");
    let state = admin.json("users/nobody/console");
    assert_eq!(
        state,
        json!({ "console": true, "password": false, "lastSignInMs": null })
    );
    let reply = admin.post("users/nobody/setup-token", &json!({}));
    assert_eq!(reply.status, 200, "{reply:?}");
    let made = reply.json();
    let token = made["token"].as_str().expect("a token");
    assert!(
        made["url"]
            .as_str()
            .expect("a URL")
            .contains("/console/set-password#")
    );
    assert!(!admin.get("audit").body.contains(token));
    let set = json!({ "token": token, "password": PASSWORD });
    assert_eq!(ask(&world, "POST", "set-password", &set).status, 204);
    let state = admin.json("users/nobody/console");
    assert_eq!(state["password"], true);
    assert!(state["lastSignInMs"].as_i64().is_some());
}

#[test]
fn whoever_may_only_make_passwords_takes_none_over() {
    let world = console();
    world.apply(
        r#"[[account]]
id = "1000000000000001"
[[account.policy]]
name = "MakeLogins"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:CreateLoginProfile","Resource":"*"}]}'
[[account.user]]
name = "helper"
console = true
policies = ["MakeLogins"]
"#,
    );
    let helper = Page::of(&world, ACME, "helper");
    let first = helper.post("users/nobody/setup-token", &json!({}));
    assert_eq!(first.status, 200, "{first:?}");
    Page::of(&world, ACME, "admin");
    let refused = helper.post("users/admin/setup-token", &json!({}));
    assert_eq!(code(&refused), "409 Conflict");
}

#[test]
fn policies_are_checked_and_tried_out() {
    let world = console();
    let admin = Page::of(&world, ACME, "admin");
    let check = |document: &str| {
        admin
            .post("policies/check", &json!({ "document": document }))
            .json()
    };
    let good = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    assert_eq!(check(good), json!({ "ok": true }));
    assert_eq!(check("{}")["ok"], false);
    let simulate = |user: &str, action: &str| {
        let body =
            json!({ "user": user, "action": action, "resource": "acs:cams:*:1:*", "context": {} });
        admin.post("policies/simulate", &body).json()
    };
    let allowed = simulate("reader", "cams:GetChatappPhoneNumberMetric");
    assert_eq!(allowed["allowed"], true);
    assert_eq!(
        allowed["decidedBy"],
        json!({ "policy": "MetricsRead", "statement": 0, "effect": "Allow" })
    );
    let denied = simulate("denied", "cams:GetChatappPhoneNumberMetric");
    assert_eq!(denied["allowed"], false);
    assert_eq!(denied["decidedBy"]["effect"], "Deny");
    let nothing = simulate("nobody", "cams:GetChatappPhoneNumberMetric");
    assert_eq!(nothing, json!({ "allowed": false, "decidedBy": null }));
}

#[test]
fn what_the_operator_changes_is_told_without_who_that_is() {
    let world = console();
    let admin = Page::of(&world, ACME, "admin");
    let isv = Page::of(&world, ISV, "isv-admin");
    let change = json!({ "name": "renamed" });
    let changed = admin.send("PATCH", &format!("accounts/{ISV}"), &change);
    assert_eq!(changed.status, 204);
    let own = json!({ "id": "space-own", "timeZone": "UTC" });
    assert_eq!(isv.post("spaces", &own).status, 204);
    let log = isv.json("audit?limit=2");
    let [by_own, by_operator] = [0, 1].map(|at| log["entries"][at].clone());
    assert_eq!(by_own["actor"], "console/isv-admin");
    assert_eq!(by_own["sourceIp"], "127.0.0.1");
    assert_eq!(by_operator["target"], "account");
    assert_eq!(by_operator["actor"], "operator");
    for hidden in ["actorAccount", "sourceIp", "accessKeyId"] {
        assert_eq!(by_operator[hidden], Value::Null, "{hidden}");
    }
    assert_eq!(by_operator["after"]["name"], "renamed");
    // What a document of the operator brought is the operator's, too.
    let all = isv.json("audit");
    let actors = all["entries"].as_array().expect("entries").iter();
    let actors: Vec<_> = actors.map(|entry| &entry["actor"]).collect();
    let is_known = |actor: &&Value| **actor == "operator" || **actor == "console/isv-admin";
    assert!(actors.iter().all(is_known), "{actors:?}");
    // Who operates sees who it was.
    let log = admin.json(&format!("audit?account={ISV}"));
    let by_admin = &log["entries"][1];
    assert_eq!(by_admin["actor"], "console/admin");
    assert_eq!(by_admin["actorAccount"], ACME);
    assert_eq!(by_admin["sourceIp"], "127.0.0.1");
}

#[test]
fn the_operator_makes_and_changes_accounts() {
    let world = console();
    let admin = Page::of(&world, ACME, "admin");
    let made = admin.post("accounts", &json!({ "name": "newcomer" }));
    assert_eq!(made.status, 200, "{made:?}");
    let made = made.json();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(
        made["accessKeySecret"]
            .as_str()
            .is_some_and(|secret| secret.len() == 30)
    );
    let change = json!({ "name": "renamed", "subscribed": false, "callsPerSecond": 5 });
    assert_eq!(
        admin
            .send("PATCH", &format!("accounts/{id}"), &change)
            .status,
        204
    );
    let accounts = admin.json("accounts");
    let account = accounts["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .find(|account| account["id"] == id.as_str())
        .cloned();
    let account = account.expect("listed");
    assert_eq!(account["name"], "renamed");
    assert_eq!(account["subscribed"], false);
    assert_eq!(account["callsPerSecond"], 5);
    assert_eq!(account["spaces"], 1);
    assert_eq!(account["sent31d"], 0);
    assert_eq!(
        code(&admin.post("accounts", &json!({ "id": ACME, "name": "x" }))),
        "409 Conflict"
    );
    let log = admin.json(&format!("audit?account={id}"));
    assert_eq!(log["entries"][0]["actor"], "console/admin");
    let usage = admin.get("usage.csv?start=1767139200000&end=1767225600000");
    assert_eq!(usage.status, 200);
    assert!(
        usage.body.contains("1000000000000001,acme,space-a,UTC,"),
        "{}",
        usage.body
    );
    let system = admin.json("system");
    let backup = &system["backup"];
    assert_eq!((&backup["made"], &backup["failed"]), (&json!(0), &json!(0)));
    for unknown in [
        "dir",
        "lastMs",
        "id",
        "positions",
        "bytes",
        "nextMs",
        "error",
        "errorMs",
    ] {
        assert!(
            backup[unknown].is_null() && backup.get(unknown).is_some(),
            "{backup}"
        );
    }
    assert_eq!(system["health"], "ready");
}
