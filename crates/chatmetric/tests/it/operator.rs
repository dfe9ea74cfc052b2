//! What an operator of many tenants does: the same calls by HTTP, by the control socket
//! and without a server.

use crate::process::{Ran, Served, agent, command, data_dir, run, run_with_input};
use crate::world::{NOW_MS, World};
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::directory::OperatorScope;
use chatmetric::operator::{PAGE_MAX, ROUTES, Verb};
use chatmetric_core::EpochMs;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ACCOUNT: &str = "1000000000000001";

fn token(world: &World, scope: OperatorScope) -> String {
    let name = scope.as_str();
    let made = world
        .directory
        .create_operator_token(name, scope, None, EpochMs(NOW_MS));
    String::from_utf8(made.expect("made").expose().to_vec()).expect("text")
}

fn bearer(token: &str) -> Vec<(String, String)> {
    vec![("authorization".to_owned(), format!("Bearer {token}"))]
}

fn ask(world: &World, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let target = format!("/operator/v1/{path}");
    let reply = world.send(method, &target, &bearer(token), body.as_bytes());
    (reply.status, reply.json())
}

/// A chunk with one event, of ids that are somebody's.
fn one_event(channel: &str, id: &str, family: Option<&str>) -> Value {
    let mut event = json!([channel, "15550100101", id, "sent", 1_767_225_600_000_i64]);
    if let (Some(family), Some(event)) = (family, event.as_array_mut()) {
        event.push(family.into());
    }
    json!({ "space": "space-a", "events": [event] })
}

#[test]
fn every_route_is_served_and_described() {
    let world = World::start();
    let token = token(&world, OperatorScope::Write);
    let described = world.get("/openapi.json").json();
    let mut ids = BTreeSet::new();
    for route in ROUTES {
        assert!(ids.insert(route.id), "{} twice", route.id);
        let (method, name) = match route.verb {
            Verb::Get => ("GET", "get"),
            Verb::Post => ("POST", "post"),
            Verb::Patch => ("PATCH", "patch"),
            Verb::Delete => ("DELETE", "delete"),
        };
        let operation = &described["paths"][format!("/operator/v1/{}", route.path)][name];
        assert_eq!(operation["operationId"], format!("operator_{}", route.id));
        assert_eq!(operation["security"], json!([{ "bearer": [] }]));
        // What is asked is nobody's, so nothing is changed; but it is a call.
        let path = route.path.replace(['{', '}'], "");
        let target = format!("/operator/v1/{path}");
        let reply = world.send(method, &target, &bearer(&token), b"{}");
        assert!(
            !reply.body.contains("NoSuchCall"),
            "{method} {path}: {}",
            reply.body
        );
        assert!(reply.status < 500, "{method} {path}: {}", reply.body);
        // And none of them is open.
        let reply = world.send(method, &target, &[], b"{}");
        assert_eq!(reply.status, 401, "{method} {path}");
        assert_eq!(reply.json()["code"], "InvalidToken");
    }
    for (method, path) in [
        ("GET", "nothing"),
        ("GET", ""),
        ("POST", "usage"),
        ("DELETE", "accounts"),
        ("GET", "accounts/1/2/3/4"),
    ] {
        let (status, body) = ask(&world, &token, method, path, &Value::Null);
        assert_eq!(
            (status, &body["code"]),
            (404, &json!("NoSuchCall")),
            "{path}"
        );
        assert!(body["requestId"].is_string());
    }
    let (status, body) = ask(&world, &token, "PUT", "accounts", &Value::Null);
    assert_eq!((status, &body["code"]), (405, &json!("MethodNotAllowed")));
}

#[test]
fn a_token_opens_what_it_may_and_nothing_once_it_is_over() {
    let world = World::start();
    let (read, write) = (
        token(&world, OperatorScope::Read),
        token(&world, OperatorScope::Write),
    );
    let new = json!({ "name": "new" });
    assert_eq!(ask(&world, &read, "GET", "accounts", &Value::Null).0, 200);
    let accounts = |world: &World| world.directory.snapshot().accounts().count();
    let before = accounts(&world);
    let (status, body) = ask(&world, &read, "POST", "accounts", &new);
    assert_eq!((status, &body["code"]), (403, &json!("Denied")));
    for path in [
        "accounts/1000000000000001",
        "spaces/space-a",
        "numbers/15550100101",
        "webhooks/acme-wa",
    ] {
        assert_eq!(
            ask(&world, &read, "PATCH", path, &json!({})).0,
            403,
            "{path}"
        );
        assert_eq!(
            ask(&world, &read, "DELETE", path, &Value::Null).0,
            403,
            "{path}"
        );
    }
    assert_eq!(accounts(&world), before);
    assert_eq!(ask(&world, &write, "POST", "accounts", &new).0, 200);
    assert_eq!(accounts(&world), before + 1);
    let last = write.len() - 1;
    let mut almost = write.clone().into_bytes();
    almost[last] ^= 1;
    let almost = String::from_utf8(almost).expect("text");
    for wrong in [
        "",
        "x",
        &almost,
        &write[..last],
        &format!("{write} "),
        &format!("{write}x"),
    ] {
        let (status, _) = ask(&world, wrong, "GET", "accounts", &Value::Null);
        let is_same = wrong.trim_end() == write;
        assert_eq!(status, if is_same { 200 } else { 401 }, "{wrong}");
    }
    let twice = [bearer(&write), bearer(&write)].concat();
    assert_eq!(
        world
            .send("GET", "/operator/v1/accounts", &twice, b"")
            .status,
        401
    );
    let basic = vec![("authorization".to_owned(), format!("Basic {write}"))];
    assert_eq!(
        world
            .send("GET", "/operator/v1/accounts", &basic, b"")
            .status,
        401
    );
    // What a proxy on this machine had over plain HTTP was readable on the way to it.
    for name in ["x-forwarded-for", "x-forwarded-proto", "forwarded"] {
        let mut headers = bearer(&write);
        headers.push((name.to_owned(), "203.0.113.7".to_owned()));
        let reply = world.send("GET", "/operator/v1/accounts", &headers, b"");
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (403, &json!("NotEncrypted"))
        );
    }
    world
        .directory
        .revoke_operator_token("write")
        .expect("revoked");
    assert_eq!(ask(&world, &write, "GET", "accounts", &Value::Null).0, 401);
    let over = world
        .directory
        .create_operator_token("over", OperatorScope::Read, Some(NOW_MS), EpochMs(NOW_MS))
        .expect("made");
    let over = String::from_utf8(over.expose().to_vec()).expect("text");
    assert_eq!(ask(&world, &over, "GET", "accounts", &Value::Null).0, 401);
}

#[test]
fn bad_values_name_their_field_and_change_nothing() {
    let world = World::start();
    let token = token(&world, OperatorScope::Write);
    let before = world.directory.export(true).expect("exported");
    for (method, path, body, status, field) in [
        ("POST", "accounts", json!({}), 400, Some("body")),
        ("POST", "accounts", json!({ "name": "" }), 400, Some("name")),
        (
            "POST",
            "accounts",
            json!({ "name": "n", "more": 1 }),
            400,
            Some("body"),
        ),
        (
            "POST",
            "accounts",
            json!({ "name": "n", "id": "x y" }),
            400,
            Some("id"),
        ),
        (
            "POST",
            "accounts",
            json!({ "name": "n", "id": ACCOUNT }),
            409,
            None,
        ),
        (
            "PATCH",
            "accounts/1000000000000001",
            json!({ "callsPerSecond": 4_000_000_000_u32 }),
            400,
            Some("callsPerSecond"),
        ),
        ("PATCH", "accounts/77", json!({ "name": "n" }), 404, None),
        (
            "PATCH",
            "accounts/1000000000000001/access-keys/none",
            json!({ "status": "Active" }),
            404,
            None,
        ),
        (
            "PATCH",
            "accounts/1000000000000001/access-keys/LTAIowner",
            json!({ "status": "on" }),
            400,
            Some("status"),
        ),
        (
            "POST",
            "spaces",
            json!({ "account": "77", "id": "s" }),
            404,
            None,
        ),
        (
            "POST",
            "spaces",
            json!({ "account": ACCOUNT, "id": "a b" }),
            400,
            Some("id"),
        ),
        (
            "POST",
            "spaces",
            json!({ "account": ACCOUNT, "id": "s", "timeZone": "Mars" }),
            400,
            Some("timeZone"),
        ),
        (
            "PATCH",
            "spaces/space-a",
            json!({ "unknownNumbers": "maybe" }),
            400,
            Some("unknownNumbers"),
        ),
        ("PATCH", "spaces/none", json!({}), 404, None),
        (
            "POST",
            "numbers",
            json!({ "space": "space-a", "numbers": [] }),
            400,
            Some("numbers"),
        ),
        (
            "POST",
            "numbers",
            json!({ "space": "space-a", "numbers": ["x"] }),
            400,
            Some("numbers"),
        ),
        (
            "POST",
            "numbers",
            json!({ "space": "none", "numbers": ["1555"] }),
            404,
            None,
        ),
        (
            "PATCH",
            "numbers/15550100101",
            json!({ "space": "none" }),
            404,
            None,
        ),
        (
            "PATCH",
            "numbers/15550100101",
            json!({ "space": "space-a" }),
            400,
            Some("space"),
        ),
        (
            "PATCH",
            "numbers/15559999999",
            json!({ "space": "space-a" }),
            404,
            None,
        ),
        ("DELETE", "numbers/15559999999", Value::Null, 404, None),
        ("DELETE", "numbers/x", Value::Null, 400, Some("number")),
        (
            "GET",
            "numbers/15550100101/explanation",
            Value::Null,
            400,
            Some("bucket"),
        ),
        (
            "GET",
            "numbers/15550100101/explanation?bucket=2026-01-01&granularity=weekly",
            Value::Null,
            400,
            Some("granularity"),
        ),
        (
            "GET",
            "numbers/15559999999/explanation?bucket=2026-01-01",
            Value::Null,
            400,
            Some("space"),
        ),
        (
            "POST",
            "webhooks",
            json!({ "account": ACCOUNT, "id": "w", "kind": "sms" }),
            400,
            Some("kind"),
        ),
        (
            "POST",
            "webhooks",
            json!({ "account": ACCOUNT, "id": "w", "kind": "whatsapp" }),
            400,
            Some("appSecret"),
        ),
        (
            "POST",
            "webhooks",
            json!({ "account": ACCOUNT, "id": "w", "kind": "cams", "appSecret": "x" }),
            400,
            Some("appSecret"),
        ),
        (
            "POST",
            "webhooks",
            json!({ "account": ACCOUNT, "id": "a/b", "kind": "cams" }),
            400,
            Some("id"),
        ),
        (
            "POST",
            "webhooks",
            json!({ "account": ACCOUNT, "id": "acme-wa", "kind": "cams" }),
            409,
            None,
        ),
        (
            "PATCH",
            "webhooks/acme-wa",
            json!({ "newToken": true }),
            400,
            Some("token"),
        ),
        ("DELETE", "webhooks/none", Value::Null, 404, None),
        ("DELETE", "grants/none/1", Value::Null, 404, None),
        ("GET", "usage?start=1", Value::Null, 400, Some("end")),
        ("GET", "usage?start=2&end=1", Value::Null, 400, Some("end")),
        (
            "GET",
            "usage?start=0&end=99999999999999",
            Value::Null,
            400,
            Some("end"),
        ),
        ("GET", "accounts?limit=0", Value::Null, 400, Some("limit")),
        ("GET", "spaces?account=77", Value::Null, 404, None),
        (
            "POST",
            "events",
            json!({ "space": "none", "events": [] }),
            404,
            None,
        ),
        (
            "POST",
            "events",
            json!({ "space": "space-a", "events": [["whatsapp", "x", "m", "sent", 1]] }),
            400,
            Some("events[0]"),
        ),
        // A channel or an id that is written in another way is another message's.
        (
            "POST",
            "events",
            one_event("WhatsApp", "m", None),
            400,
            Some("events[0]"),
        ),
        (
            "POST",
            "events",
            one_event("whatsapp", " m", None),
            400,
            Some("events[0]"),
        ),
        (
            "POST",
            "events",
            one_event("whatsapp", "m", Some("nobody")),
            400,
            Some("events[0]"),
        ),
    ] {
        let (got, answer) = ask(&world, &token, method, path, &body);
        assert_eq!(
            (got, answer["field"].as_str()),
            (status, field),
            "{method} {path} {body}: {answer}"
        );
        assert!(
            answer["code"].is_string() && answer["message"].is_string(),
            "{answer}"
        );
    }
    let whole = one_event("whatsapp", "m", Some("cams"));
    let (status, report) = ask(&world, &token, "POST", "events", &whole);
    assert_eq!((status, &report["new"]), (200, &json!(1)), "{report}");
    let reply = world.send("POST", "/operator/v1/accounts", &bearer(&token), b"{");
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (400, &json!("InvalidBody"))
    );
    let large = vec![b' '; 5_000_000];
    let reply = world.send("POST", "/operator/v1/accounts", &bearer(&token), &large);
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (413, &json!("TooLarge"))
    );
    let after = world.directory.export(true).expect("exported");
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn lists_have_pages() {
    let world = World::start();
    let token = token(&world, OperatorScope::Write);
    let numbers: Vec<String> = (0..PAGE_MAX + 1).map(|at| format!("1700{at:05}")).collect();
    let body = json!({ "space": "space-a", "numbers": numbers });
    assert_eq!(
        ask(
            &world,
            &token,
            "PATCH",
            "spaces/space-a",
            &json!({ "numbersMax": 5_000 })
        )
        .0,
        200
    );
    let (status, answer) = ask(&world, &token, "POST", "numbers", &body);
    assert_eq!(status, 200, "{answer}");
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("numbers?space=space-a&limit=300&after={after}");
        let (_, page) = ask(&world, &token, "GET", &path, &Value::Null);
        let of_page = page["numbers"].as_array().expect("a list").clone();
        assert!(of_page.len() <= 300);
        seen.extend(
            of_page
                .iter()
                .map(|row| row["number"].as_str().expect("text").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted);
    assert!(numbers.iter().all(|number| seen.contains(number)));
}

/// The reach of a command: beside a server, alone, or over HTTP.
struct Way {
    flags: Vec<String>,
}

impl Way {
    fn run(&self, arguments: &[&str]) -> Ran {
        let flags = self.flags.iter().map(String::as_str);
        let all: Vec<&str> = arguments.iter().copied().chain(flags).collect();
        run(&all)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        serde_json::from_str(&ran.stdout).unwrap_or(Value::Null)
    }
}

/// Makes a customer with everything and takes some of it away.
fn life_of_a_customer(way: &Way, name: &str, secret_file: &str) {
    let account = way.json(&["account", "create", name]);
    let id = account["id"].as_str().expect("an id").to_owned();
    assert!(account["accessKeySecret"].as_str().expect("a secret").len() >= 20);
    let space = format!("{name}-emea");
    let zone = ["--time-zone", "Europe/Berlin", "--unknown-numbers", "hold"];
    way.json(&[&["space", "create", &space, "--account", &id], &zone[..]].concat());
    let spaces = way.json(&["space", "list", "--account", &id]);
    assert_eq!(spaces.as_array().expect("rows").len(), 2, "{spaces}");
    let number = format!("4930{}", id.get(..8).expect("long"));
    let bound = way.json(&["number", "bind", &number, "--space", &space]);
    assert_eq!(bound[0]["outcome"], "bound");
    let again = way.run(&["number", "bind", &number, "--space", "space-a"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stdout.contains("boundElsewhere"), "{again:?}");
    let moved = way.json(&["number", "move", &number, "--to", "space-a"]);
    assert_eq!(
        (&moved["from"], &moved["to"]),
        (&json!(space), &json!("space-a"))
    );
    let released = way.json(&["number", "release", &number]);
    assert_eq!(released["from"], "space-a");
    let grant = [
        "grant",
        "create",
        "--isv",
        &id,
        "--account",
        ACCOUNT,
        "--space",
        &space,
    ];
    let code = way.json(&grant)["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let grants = way.json(&["grant", "list", "--account", &id]);
    assert_eq!(grants[0]["code"], code.as_str());
    way.json(&["grant", "delete", &code, ACCOUNT]);
    assert_eq!(way.json(&["grant", "list", "--account", &id]), json!([]));
    let (cams, meta) = (format!("{name}-cams"), format!("{name}-wa"));
    let made = way.json(&[
        "webhook",
        "create",
        &cams,
        "--account",
        &id,
        "--kind",
        "cams",
    ]);
    let token = made["token"].as_str().expect("a token");
    assert_eq!(made["path"], format!("/webhooks/cams/{cams}/{token}"));
    let new = way.json(&["webhook", "rotate", &cams, "--token"]);
    assert_ne!(new["token"], made["token"]);
    let with_secret = ["--kind", "whatsapp", "--app-secret-file", secret_file];
    let made = way.json(
        &[
            &["webhook", "create", &meta, "--account", &id],
            &with_secret[..],
        ]
        .concat(),
    );
    assert!(made["verifyToken"].is_string());
    way.json(&["webhook", "rotate", &meta, "--app-secret-file", secret_file]);
    let full = way.run(&["webhook", "rotate", &meta, "--app-secret-file", secret_file]);
    assert_eq!(full.code, 2, "{full:?}");
    way.json(&["webhook", "rotate", &meta, "--drop-old"]);
    way.json(&["webhook", "delete", &meta]);
    let listed = way.json(&["webhook", "list", "--account", &id]);
    assert_eq!(
        (listed[0]["id"].as_str(), listed.as_array().map(Vec::len)),
        (Some(&*cams), Some(1))
    );
    assert!(
        !listed
            .to_string()
            .contains(new["token"].as_str().expect("text"))
    );
    way.json(&["account", "suspend", &id]);
    let key = way.json(&["account", "rotate", &id])["accessKeyId"]
        .as_str()
        .expect("a key")
        .to_owned();
    way.json(&["account", "disable-key", &id, &key]);
    let keys = way.json(&["account", "keys", &id]);
    let of_key = |key: &str| {
        let rows = keys.as_array().expect("rows").iter();
        let mut rows = rows.filter(|row| row["id"] == key);
        rows.next().expect("listed")["status"].clone()
    };
    assert_eq!(of_key(&key), "Inactive");
    way.json(&["account", "delete-key", &id, &key]);
    let accounts = way.json(&["account", "list"]);
    let rows = accounts.as_array().expect("rows");
    let own = rows
        .iter()
        .find(|row| row["id"] == id.as_str())
        .expect("listed");
    assert_eq!(
        (&own["name"], &own["subscribed"]),
        (&json!(name), &json!(false))
    );
    way.json(&["account", "resume", &id]);
    way.json(&[
        "account",
        "update",
        &id,
        "--name",
        "=1+1",
        "--calls-per-second",
        "7",
    ]);
    let file = way.run(&["account", "list", "-o", "csv"]).stdout;
    assert!(file.contains("\"'=1+1\""), "{file}");
    let usage = [
        "usage",
        "--start",
        "2026-01-01",
        "--end",
        "2026-02-01",
        "--account",
        &id,
        "-o",
        "csv",
    ];
    let file = way.run(&usage).stdout;
    assert!(file.starts_with("account,name,space,time_zone,"), "{file}");
    assert_eq!(file.lines().count(), 3, "{file}");
}

#[test]
fn the_same_calls_work_beside_a_server_alone_and_over_http() {
    let (folder, data_dir) = data_dir();
    let secret_file = folder.path().join("secret.txt");
    std::fs::write(&secret_file, "an-app-secret\n").expect("written");
    let secret_file = secret_file.to_str().expect("text");
    let local = Way {
        flags: vec!["--data-dir".to_owned(), data_dir.clone()],
    };
    life_of_a_customer(&local, "alone", secret_file);
    let served = Served::start(&data_dir);
    life_of_a_customer(&local, "beside", secret_file);
    let made = local.run(&["admin", "operator-token", "create", "ci", "--days", "2"]);
    assert_eq!(made.code, 0, "{made:?}");
    let token_file = folder.path().join("token.txt");
    std::fs::write(&token_file, &made.stdout).expect("written");
    let remote = Way {
        flags: vec![
            "--endpoint".to_owned(),
            served.url.clone(),
            "--token-file".to_owned(),
            token_file.to_str().expect("text").to_owned(),
        ],
    };
    life_of_a_customer(&remote, "remote", secret_file);
    let now = SystemClock::default().now();
    let lines: String = (0..12_000_i64)
        .map(|n| {
            let ms = now.0 - 3_600_000 + n;
            format!(
                "{{\"number\":\"15550109999\",\"message_id\":\"r-{n}\",\"status\":\"sent\",\"ts\":{ms}}}\n"
            )
        })
        .collect();
    let file = folder.path().join("events.ndjson");
    std::fs::write(&file, lines + "nonsense\n").expect("written");
    let import = ["import", file.to_str().expect("text"), "--space", "space-a"];
    let loaded = remote.run(&import);
    assert_eq!(loaded.code, 1, "{loaded:?}");
    assert!(
        loaded.stderr.contains("new 12,000, duplicate 0,"),
        "{loaded:?}"
    );
    assert!(loaded.stderr.contains(":12001:"), "{loaded:?}");
    let again = remote.run(&import);
    assert!(
        again.stderr.contains("new 0, duplicate 12,000,"),
        "{again:?}"
    );
    let nowhere = remote.run(&["import", import[1], "--space", "none"]);
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    assert!(nowhere.stderr.contains("no space `none`"), "{nowhere:?}");
    let listed = local.json(&["admin", "operator-token", "list"]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["scope"]),
        (&json!("ci"), &json!("write"))
    );
    let twice = local.run(&["admin", "operator-token", "create", "ci"]);
    assert_eq!(twice.code, 2, "{twice:?}");
    let log = local.run(&["directory", "log"]).stdout;
    assert!(log.contains("operator/ci"), "{log}");
    local.run(&["admin", "operator-token", "revoke", "ci"]);
    let ran = remote.run(&["account", "list"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("InvalidToken"), "{ran:?}");
    let said = served.stop().1;
    let token = made.stdout.trim();
    assert!(!said.contains(token) && !log.contains(token));
}

#[test]
fn a_token_goes_over_no_plain_way_and_into_no_argument() {
    let (folder, _) = data_dir();
    let token_file = folder.path().join("token.txt");
    std::fs::write(&token_file, "a-token").expect("written");
    let file = token_file.to_str().expect("text");
    let far = run(&[
        "account",
        "list",
        "--endpoint",
        "http://192.0.2.1:8080",
        "--token-file",
        file,
    ]);
    assert_eq!(far.code, 2, "{far:?}");
    assert!(far.stderr.contains("https://"), "{far:?}");
    let none = run(&["account", "list", "--endpoint", "https://metrics.example"]);
    assert_eq!(none.code, 2, "{none:?}");
    std::fs::write(&token_file, "").expect("written");
    let empty = run(&[
        "account",
        "list",
        "--endpoint",
        "https://metrics.example",
        "--token-file",
        file,
    ]);
    assert_eq!(empty.code, 2, "{empty:?}");
    let by_input = [
        "webhook",
        "create",
        "w",
        "--account",
        "1",
        "--kind",
        "whatsapp",
        "--app-secret-file",
        "-",
    ];
    let nothing = run_with_input(&by_input, b"");
    assert_eq!(nothing.code, 2, "{nothing:?}");
    // A server that cannot be reached is named.
    std::fs::write(&token_file, "a-token").expect("written");
    let mut away = command(&[
        "account",
        "list",
        "--endpoint",
        "http://127.0.0.1:9",
        "--token-file",
        file,
    ]);
    let away = away.output().expect("ran");
    assert_eq!(away.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&away.stderr).contains("127.0.0.1:9"));
    drop(agent());
}

/// What a number counted stays where it was, and its messages are not counted again.
#[test]
fn a_number_that_moves_takes_nothing_along() {
    let world = World::start();
    let token = token(&world, OperatorScope::Write);
    let event = |id: &str, status: &str, minute: i64| {
        let ms = 1_767_225_600_000 + minute * 60_000;
        json!(["whatsapp", "15550100101", id, status, ms])
    };
    let load = |space: &str, events: Vec<Value>| {
        let body = json!({ "space": space, "events": events });
        let (status, report) = ask(&world, &token, "POST", "events", &body);
        assert_eq!(status, 200, "{report}");
        report
    };
    let sent = |space: &str| -> (i64, i64) {
        let usage = "usage?start=1766000000000&end=1768000000000";
        let (_, answer) = ask(&world, &token, "GET", usage, &Value::Null);
        let rows = answer["usage"].as_array().expect("rows").iter();
        let mut rows = rows.filter(|row| row["space"] == space);
        let row = rows.next().expect("listed");
        (
            row["sent"].as_i64().expect("n"),
            row["delivered"].as_i64().expect("n"),
        )
    };
    let other = json!({ "account": ACCOUNT, "id": "other" });
    assert_eq!(ask(&world, &token, "POST", "spaces", &other).0, 200);
    let report = load(
        "space-a",
        vec![event("wamid.1", "sent", 1), event("wamid.2", "sent", 2)],
    );
    assert_eq!(report["new"], 2, "{report}");
    let to = json!({ "space": "other" });
    let (status, moved) = ask(&world, &token, "PATCH", "numbers/15550100101", &to);
    assert_eq!((status, &moved["from"]), (200, &json!("space-a")));
    // The message of before goes on where it was seen first.
    let report = load(
        "other",
        vec![
            event("wamid.1", "sent", 1),
            event("wamid.1", "delivered", 3),
            event("wamid.3", "sent", 4),
        ],
    );
    assert_eq!(
        (&report["new"], &report["duplicate"]),
        (&json!(2), &json!(1)),
        "{report}"
    );
    assert_eq!(sent("space-a"), (2, 1));
    assert_eq!(sent("other"), (1, 0));
    let (status, _) = ask(
        &world,
        &token,
        "DELETE",
        "numbers/15550100101",
        &Value::Null,
    );
    assert_eq!(status, 200);
    assert_eq!(sent("space-a"), (2, 1));
    assert_eq!(sent("other"), (1, 0));
}

#[test]
fn a_policy_is_tried_out_without_a_call() {
    let (folder, data_dir) = data_dir();
    let document = folder.path().join("users.toml");
    let text = r#"
[[account]]
id = "1000000000000001"
[[account.policy]]
name = "Read"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:ListUsers","Resource":"*"},{"Effect":"Allow","Action":"cams:Get*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"203.0.113.0/24"}}}]}'
[[account.policy]]
name = "Never"
document = '{"Version":"1","Statement":[{"Effect":"Deny","Action":"cams:GetSecret","Resource":"*"}]}'
[[account.user]]
name = "reader"
policies = ["Read", "Never"]
"#;
    std::fs::write(&document, text).expect("written");
    let way = Way {
        flags: vec!["--data-dir".to_owned(), data_dir.clone()],
    };
    let applied = way.run(&["apply", "-f", document.to_str().expect("text")]);
    assert_eq!(applied.code, 0, "{applied:?}");
    let tried = |action: &str, more: &[&str]| {
        let arguments = ["policy", "simulate", "--user", "reader", "--action", action];
        way.run(&[&arguments[..], more].concat())
    };
    let from = ["--context", "acs:SourceIp=203.0.113.7"];
    let allowed = tried("cams:GetChatappPhoneNumberMetric", &from);
    assert_eq!(allowed.code, 0, "{allowed:?}");
    let told: Value = serde_json::from_str(&allowed.stdout).expect("JSON");
    assert_eq!(
        told["decidedBy"],
        json!({ "policy": "Read", "statement": 1, "effect": "Allow" })
    );
    let text = tried("ram:ListUsers", &["-o", "text"]);
    assert_eq!(text.stdout, "allow: statement 1 of policy `Read`\n");
    let denied = tried("cams:GetSecret", &[&from[..], &["-o", "text"]].concat());
    assert_eq!(
        (denied.code, &*denied.stdout),
        (1, "deny: statement 1 of policy `Never`\n")
    );
    let nothing = tried("cams:GetChatappPhoneNumberMetric", &["-o", "text"]);
    assert_eq!(
        (nothing.code, &*nothing.stdout),
        (1, "deny: no statement allows it\n")
    );
    assert_eq!(tried("x", &["--context", "novalue"]).code, 2);
    let unknown = way.run(&["policy", "simulate", "--user", "nobody", "--action", "a"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
}

#[test]
fn a_recipient_is_erased_from_sealed_bodies_and_counts_stay() {
    let world = World::start();
    let token = token(&world, OperatorScope::Write);
    let body = |id: &str, recipient: &str, cut: usize| {
        let whole = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"15550100101"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"1767225590","recipient_id":"{recipient}"}}]}}}}]}}]}}"#
        );
        whole[..whole.len() - cut].to_owned()
    };
    let send = |body: String| {
        world
            .webhook("acme-wa", "app-secret-one", body.as_bytes())
            .status
    };
    assert_eq!(send(body("wamid.counted", "16505551234", 0)), 200);
    assert_eq!(send(body("wamid.cut", "16505551234", 3)), 200);
    assert_eq!(send(body("wamid.other", "16505559999", 3)), 200);
    let erase = |asked: Value| ask(&world, &token, "POST", "erase", &asked).1;
    let told = |answer: &Value| {
        let count = |name: &str| answer[name].as_u64().expect(name);
        (count("bodies"), count("found"), count("erased"))
    };
    let dry = erase(json!({ "recipient": "+1 650 555 1234", "dryRun": true }));
    assert_eq!(told(&dry), (2, 1, 0), "{dry}");
    let done = erase(json!({ "recipient": "16505551234" }));
    assert_eq!(told(&done), (2, 1, 1), "{done}");
    assert_eq!(
        told(&erase(json!({ "recipient": "16505551234" }))),
        (1, 0, 0)
    );
    assert_eq!(
        told(&erase(json!({ "messageId": "wamid.other" }))),
        (1, 1, 1)
    );
    assert_eq!(
        told(&erase(json!({ "messageId": "wamid.counted" }))),
        (0, 0, 0)
    );
    for bad in [
        json!({}),
        json!({ "recipient": "12" }),
        json!({ "messageId": "x" }),
        json!({ "messageId": "wamid.other", "recipient": "16505551234" }),
    ] {
        let (status, answer) = ask(&world, &token, "POST", "erase", &bad);
        assert_eq!(
            (status, &answer["code"]),
            (400, &json!("InvalidField")),
            "{bad}"
        );
    }
    // The counted one stays counted, and is not counted again.
    assert_eq!(send(body("wamid.counted", "16505551234", 0)), 200);
    let usage = "usage?start=1766000000000&end=1768000000000";
    let (_, usage) = ask(&world, &token, "GET", usage, &Value::Null);
    let sent: i64 = usage["usage"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["sent"].as_i64().expect("n"))
        .sum();
    assert_eq!(sent, 1, "{usage}");
    let books = world.store.books().expect("books");
    assert!(books.iter().all(|(_, books)| books.balanced()));
}
