//! Tenancy of the console: every call, made by an administrator of another account with
//! the ids of what ACME has.
//!
//! Not here: tenancy of spaces and numbers under grants (`rights`, `authz`). Invariant: a
//! route without a case fails, and what has no row in the table of routes is not served.

use super::alerts::broken;
use super::ingest::body_of;
use super::{ACME, ISV, PASSWORD, Page, code, console, console_with};
use crate::world::{Reply, World};
use chatmetric::CONSOLE_ROUTES;
use chatmetric::operator::{ROUTES, Verb};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const NUMBER: &str = "15550177001";
/// A number that nobody has, of which ACME holds an event.
const HELD: &str = "15550177002";
/// What no answer has in it to a call that did not say it.
const MARKS: [&str; 4] = ["ofacme", NUMBER, HELD, "\"acme\""];
const RANGE: &str = "start=1767139200000&end=1767225600000&granularity=daily";
const NOT_FOUND: &str = "404 NotFound";

/// One of everything that ACME can have.
const OBJECTS: &str = r#"
[[account]]
id = "1000000000000001"
[[account.space]]
id = "space-ofacme"
numbers = ["15550177001"]
unknown_numbers = "hold"
[[account.user]]
name = "user-ofacme"
console = true
[[account.user.access_key]]
id = "LTAIofacme"
secret = "secret-ofacme"
[[account.webhook]]
id = "wa-ofacme"
kind = "whatsapp"
space = "space-ofacme"
app_secrets = ["secret-ofacme"]
verify_token = "token-ofacme"
[[account.isv_grant]]
code = "code-ofacme"
account = "3000000000000003"
spaces = ["space-ofacme"]
"#;

/// Ids that were drawn.
struct Ids {
    session: String,
    quarantined: String,
    alert: String,
}

fn objects(world: &World, acme: &Page<'_>) -> Ids {
    world.apply(OBJECTS);
    broken(world, "space-ofacme", NUMBER);
    // Numbers are looked at every five minutes.
    world.clock.advance_ms(301_000);
    let first_alert = || acme.json("alerts")["alerts"][0]["id"].as_i64();
    for _ in 0..1_000 {
        if first_alert().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for body in [body_of(HELD, "held-ofacme"), "{ no JSON, ofacme".to_owned()] {
        let reply = world.webhook("wa-ofacme", "secret-ofacme", body.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let quarantine = acme.json("quarantine");
    let items = quarantine["items"].as_array().expect("items");
    let sealed = items.iter().find(|item| item["sealed"] == true);
    let account = acme.json("account");
    let session = account["sessions"][0]["id"].as_str();
    Ids {
        session: session.expect("a session").to_owned(),
        quarantined: sealed.expect("a body")["id"].to_string(),
        alert: first_alert().expect("an alert").to_string(),
    }
}

/// Everything of ACME: its part of the directory, and what its pages show.
fn state(world: &World, acme: &Page<'_>) -> Vec<Value> {
    let exported = world.directory.export(true).expect("exported");
    let exported = exported.to_json().expect("JSON");
    let exported: Value = serde_json::from_str(&exported).expect("JSON");
    let mut accounts = exported["account"].as_array().expect("accounts").iter();
    let account = accounts.find(|account| account["id"] == ACME);
    let mut shown = vec![account.expect("acme").clone()];
    for path in [
        "account",
        "spaces",
        "numbers?space=space-ofacme",
        &format!("metrics?space=space-ofacme&{RANGE}"),
        "quarantine",
        "unclaimed",
        "webhooks",
        "grants",
        "users/user-ofacme/console",
        "alerts",
        "audit",
    ] {
        shown.push(acme.json(path));
    }
    shown
}

/// A call of another account.
struct Case {
    method: &'static str,
    path: String,
    body: Value,
    wanted: &'static str,
}

fn case(method: &'static str, path: &str, body: Value, wanted: &'static str) -> Case {
    Case {
        method,
        path: path.to_owned(),
        body,
        wanted,
    }
}

fn get(path: &str, wanted: &'static str) -> Case {
    case("GET", path, Value::Null, wanted)
}

fn post(path: &str, body: Value, wanted: &'static str) -> Case {
    case("POST", path, body, wanted)
}

/// What names nothing: the answer is about the own account.
fn own() -> Vec<Case> {
    let paths = [
        "session",
        "account",
        "spaces",
        "operations",
        "ingest",
        "quarantine",
        "unclaimed",
        "webhooks",
        "grants",
        "alerts",
        "audit",
    ];
    paths.map(|path| get(path, "200")).into()
}

/// What shows something that is named.
fn reads() -> Vec<Case> {
    let bucket = "granularity=daily&bucket=2026-01-01";
    let of_user = json!({ "user": "user-ofacme", "action": "a:b", "resource": "*" });
    let user = json!({ "UserName": "user-ofacme" });
    let user = json!({ "product": "Ram", "action": "GetUser", "params": user });
    vec![
        get(&format!("audit?account={ACME}"), NOT_FOUND),
        get("numbers?space=space-ofacme", NOT_FOUND),
        get(&format!("metrics?space=space-ofacme&{RANGE}"), NOT_FOUND),
        get(
            &format!("metrics?space=space-ofacme&isv=code-ofacme&{RANGE}"),
            NOT_FOUND,
        ),
        // The number is told to be none of the space.
        get(
            &format!("metrics?space=isv-own&number={NUMBER}&{RANGE}"),
            "200",
        ),
        get(
            &format!("metrics.csv?space=space-ofacme&{RANGE}"),
            NOT_FOUND,
        ),
        get(
            &format!("explanation?space=space-ofacme&number={NUMBER}&{bucket}"),
            NOT_FOUND,
        ),
        get(
            &format!("explanation?space=isv-own&number={NUMBER}&{bucket}"),
            NOT_FOUND,
        ),
        get("live?space=space-ofacme", NOT_FOUND),
        get("users/user-ofacme/console", NOT_FOUND),
        // The operator's, whatever the policies say.
        get("accounts", NOT_FOUND),
        get(&format!("usage.csv?{RANGE}"), NOT_FOUND),
        get("system", NOT_FOUND),
        post("call", user, "EntityNotExist.User"),
        post(
            "reconcile?space=space-ofacme",
            json!({ "answer": "{}" }),
            NOT_FOUND,
        ),
        // These know nothing of any account.
        post("sign/explain", json!({ "text": "x" }), "400 InvalidField"),
        post("policies/check", json!({ "document": "{}" }), "200"),
        post("policies/simulate", of_user, NOT_FOUND),
    ]
}

/// Changes of what is named.
fn changes(ids: &Ids) -> Vec<Case> {
    let number = format!("numbers/{NUMBER}");
    let quarantined = format!("quarantine/{}", ids.quarantined);
    let patch = |path: &str, body: Value| case("PATCH", path, body, NOT_FOUND);
    let delete = |path: &str| case("DELETE", path, Value::Null, NOT_FOUND);
    vec![
        delete(&format!("account/sessions/{}", ids.session)),
        patch("spaces/space-ofacme", json!({ "timeZone": "Asia/Tokyo" })),
        patch(&number, json!({ "space": "isv-own" })),
        patch(&number, json!({ "space": null })),
        patch("numbers/447700900123", json!({ "space": "space-ofacme" })),
        patch("webhooks/wa-ofacme", json!({ "newVerifyToken": true })),
        patch("webhooks/wa-ofacme", json!({ "addAppSecret": "mine" })),
        delete("webhooks/wa-ofacme"),
        delete("grants/code-ofacme/3000000000000003"),
        patch(&format!("accounts/{ACME}"), json!({ "name": "mine" })),
        case(
            "PUT",
            "users/user-ofacme/console",
            json!({ "console": false }),
            NOT_FOUND,
        ),
        post("users/user-ofacme/setup-token", json!({}), NOT_FOUND),
        post(&format!("{quarantined}/open"), json!({}), NOT_FOUND),
        post(&format!("{quarantined}/replay"), json!({}), NOT_FOUND),
        post(
            &format!("alerts/{}/acknowledge", ids.alert),
            json!({}),
            NOT_FOUND,
        ),
        post(
            &format!("unclaimed/{HELD}/claim"),
            json!({ "space": "space-ofacme" }),
            NOT_FOUND,
        ),
        // That a number has a space is told, and not whose.
        post(
            &format!("unclaimed/{NUMBER}/claim"),
            json!({ "space": "isv-own" }),
            "409 Conflict",
        ),
    ]
}

/// What makes something, of ACME's or with the names of ACME's.
fn makes() -> Vec<Case> {
    let numbers = |space: &str, number: &str| json!({ "space": space, "numbers": [number] });
    let webhook = |id: &str, space: Value| {
        let secret = "mine";
        json!({ "id": id, "kind": "whatsapp", "appSecret": secret, "space": space })
    };
    let of_space = json!({ "account": ACME, "users": ["*"], "spaces": ["space-ofacme"] });
    let event = json!({
        "number": NUMBER, "message_id": "mine", "status": "sent", "ts": 1_767_225_590_000_i64,
    });
    vec![
        // Ids of spaces and webhooks are anybody's: that one is taken is told.
        post("spaces", json!({ "id": "space-ofacme" }), "409 Conflict"),
        post(
            "webhooks",
            webhook("wa-ofacme", json!(null)),
            "409 Conflict",
        ),
        post(
            "webhooks",
            webhook("wa-mine", json!("space-ofacme")),
            "400 InvalidField",
        ),
        post("grants", of_space, "400 InvalidField"),
        post(
            "numbers",
            numbers("space-ofacme", "447700900999"),
            NOT_FOUND,
        ),
        // It stays where it is: the outcome is `boundElsewhere`.
        post("numbers", numbers("isv-own", NUMBER), "200"),
        post("import?space=space-ofacme", event.clone(), NOT_FOUND),
        // It goes to the own quarantine.
        post("import?space=isv-own&format=ndjson", event, "200"),
        post("accounts", json!({ "name": "mine" }), NOT_FOUND),
    ]
}

/// What makes sessions, changes and ends the own one.
fn sessions() -> Vec<Case> {
    let wrong = "not the password";
    vec![
        post(
            "setup",
            json!({ "token": "none", "user": "user-ofacme", "password": PASSWORD }),
            "401 WrongToken",
        ),
        post(
            "sign-in",
            json!({ "account": ACME, "user": "user-ofacme", "password": wrong }),
            "401 WrongSignIn",
        ),
        post(
            "set-password",
            json!({ "token": "none", "password": PASSWORD }),
            "401 WrongToken",
        ),
        post(
            "account/password",
            json!({ "old": wrong, "new": PASSWORD }),
            "401 WrongSignIn",
        ),
        post("sign-out", json!({}), "204"),
    ]
}

/// The row of a call in the table of routes.
fn route(case: &Case) -> (&'static str, &'static str) {
    let path = case.path.split('?').next().unwrap_or_default();
    let fits = |pattern: &str| {
        let (pattern, path) = (pattern.split('/'), path.split('/'));
        pattern.clone().count() == path.clone().count()
            && pattern
                .zip(path)
                .all(|(named, part)| named.starts_with('{') || named == part)
    };
    let mut rows = CONSOLE_ROUTES.iter().copied();
    let row = rows.find(|&(method, pattern)| method == case.method && fits(pattern));
    row.unwrap_or_else(|| panic!("no route {} {path}", case.method))
}

/// An answer in short; of an operation that was called, its own code.
fn told(case: &Case, reply: &Reply) -> String {
    if case.path == "call" {
        let told = reply.json();
        let body = told["body"].as_str().expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        return body["Code"].as_str().expect("a code").to_owned();
    }
    match reply.status {
        200..300 => reply.status.to_string(),
        _ => code(reply),
    }
}

#[test]
fn nothing_of_another_account_is_shown_or_changed() {
    let world = console_with(|settings| settings.watch.for_minutes = 0);
    let acme = Page::of(&world, ACME, "admin");
    let isv = Page::of(&world, ISV, "isv-admin");
    let ids = objects(&world, &acme);
    let before = state(&world, &acme);
    let mut tried = BTreeSet::new();
    let cases = [own(), reads(), changes(&ids), makes(), sessions()];
    for case in cases.into_iter().flatten() {
        tried.insert(route(&case));
        let reply = isv.send(case.method, &case.path, &case.body);
        let said = format!("{} {} {}", case.method, case.path, case.body);
        assert_eq!(told(&case, &reply), case.wanted, "{said}: {reply:?}");
        for mark in MARKS {
            let is_told = reply.body.contains(mark) && !said.contains(mark);
            assert!(!is_told, "{mark} after {said}: {reply:?}");
        }
    }
    let all: BTreeSet<_> = CONSOLE_ROUTES.iter().copied().collect();
    assert_eq!(tried, all, "every route has a case");
    assert_eq!(state(&world, &acme), before);
}

#[test]
fn a_session_opens_nothing_of_the_operators() {
    let world = console();
    let isv = Page::of(&world, ISV, "isv-admin");
    for route in ROUTES {
        let method = match route.verb {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        };
        let target = format!("/operator/v1/{}", route.path.replace(['{', '}'], ""));
        let reply = world.send(method, &target, &isv.headers(), b"{}");
        let got = (reply.status, reply.json()["code"].clone());
        assert_eq!(got, (401, json!("InvalidToken")), "{method} {target}");
    }
}
