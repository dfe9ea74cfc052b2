//! Sign-in, sessions, passwords: who gets a session, how it ends, what slows guessing.

use super::{ACME, ISV, PASSWORD, Page, ask, code, console, cookie_of, own_headers, token};
use crate::world::World;
use chatmetric::directory::{FirstStart, SESSIONS_PER_USER_MAX};
use chatmetric_core::EpochMs;
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

fn sign_in(world: &World, account: &str, user: &str, password: &str) -> crate::world::Reply {
    let body = json!({ "account": account, "user": user, "password": password });
    ask(world, "POST", "sign-in", &body)
}

#[test]
fn a_password_signs_its_user_in_and_nobody_else() {
    let world = console();
    Page::of(&world, ACME, "reader");
    assert_eq!(sign_in(&world, ACME, "reader", PASSWORD).status, 204);
    assert_eq!(sign_in(&world, "acme", "reader", PASSWORD).status, 204);
    let wrong = [
        (ACME, "reader", "correct horse batterz"),
        ("", "reader", PASSWORD),
        (ISV, "reader", PASSWORD),
        ("9", "reader", PASSWORD),
        (ACME, "no-such-user", PASSWORD),
        // May sign in, and has no password.
        (ACME, "denied", PASSWORD),
    ];
    let refusals: Vec<_> = wrong
        .iter()
        .map(|(account, user, password)| {
            let reply = sign_in(&world, account, user, password);
            assert_eq!(reply.header("set-cookie"), None);
            let mut json = reply.json();
            json["requestId"] = Value::Null;
            (reply.status, json)
        })
        .collect();
    for refusal in &refusals {
        assert_eq!(refusal, &refusals[0]);
    }
    assert_eq!(refusals[0].0, 401);
    assert_eq!(refusals[0].1["code"], "WrongSignIn");
}

#[test]
fn a_user_without_console_sign_in_has_no_session() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let admin = Page::of(&world, ACME, "admin");
    assert_eq!(page.get("spaces").status, 200);
    let off = admin.send("PUT", "users/reader/console", &json!({ "console": false }));
    assert_eq!(off.status, 204, "{off:?}");
    assert_eq!(code(&page.get("spaces")), "401 NotSignedIn");
    assert_eq!(
        code(&sign_in(&world, ACME, "reader", PASSWORD)),
        "401 WrongSignIn"
    );
    let on = admin.send("PUT", "users/reader/console", &json!({ "console": true }));
    assert_eq!(on.status, 204);
    // The session of before does not come back.
    assert_eq!(code(&page.get("spaces")), "401 NotSignedIn");
    assert_eq!(sign_in(&world, ACME, "reader", PASSWORD).status, 204);
}

#[test]
fn a_user_who_may_not_sign_in_by_a_document_has_no_session() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    world.apply("[[account]]\nid = \"1000000000000001\"\n[[account.user]]\nname = \"reader\"\nconsole = false\n");
    assert_eq!(code(&page.get("spaces")), "401 NotSignedIn");
}

#[test]
fn a_session_does_not_come_back_with_the_right_to_sign_in() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let open = token(&world, ACME, "reader");
    for console in [false, true] {
        world.apply(&format!("[[account]]\nid = \"1000000000000001\"\n[[account.user]]\nname = \"reader\"\nconsole = {console}\n"));
    }
    assert_eq!(code(&page.get("spaces")), "401 NotSignedIn");
    assert!(
        world
            .directory
            .console_sessions()
            .expect("reads")
            .is_empty()
    );
    let body = json!({ "token": open, "password": PASSWORD });
    assert_eq!(
        code(&ask(&world, "POST", "set-password", &body)),
        "401 WrongToken"
    );
    assert_eq!(sign_in(&world, ACME, "reader", PASSWORD).status, 204);
}

#[test]
fn wrong_tries_are_slowed_down() {
    let world = console();
    Page::of(&world, ACME, "reader");
    for _ in 0..5 {
        assert_eq!(
            code(&sign_in(&world, ACME, "reader", "wrong wrong wrong")),
            "401 WrongSignIn"
        );
    }
    let slowed = sign_in(&world, "acme", "reader", PASSWORD);
    assert_eq!(code(&slowed), "429 SlowDown");
    let wait_ms = slowed.json()["retryAfterMs"].as_i64().expect("how long");
    assert!(wait_ms > 0 && wait_ms <= 15 * 60_000, "{wait_ms}");
    // Another user of the same address may still try.
    assert_eq!(
        code(&sign_in(&world, ACME, "admin", "wrong wrong wrong")),
        "401 WrongSignIn"
    );
    world.clock.advance_ms(wait_ms);
    assert_eq!(sign_in(&world, ACME, "reader", PASSWORD).status, 204);
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
    let world = console();
    let token = token(&world, ACME, "reader");
    let body = json!({ "token": token, "password": PASSWORD });
    let reply = ask(&world, "POST", "set-password", &body);
    let cookie = reply.header("set-cookie").expect("a cookie");
    let (pair, attributes) = cookie.split_once(';').expect("attributes");
    let (name, id) = pair.split_once('=').expect("a pair");
    assert_eq!(name, "cm_session");
    assert_eq!(id.len(), 43);
    assert_eq!(
        attributes,
        " Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
    );
    // What is stored does not give the id back.
    let sessions = world.directory.console_sessions().expect("listed");
    assert_eq!(sessions.len(), 1);
    assert!(!format!("{sessions:?}").contains(id));
}

#[test]
fn behind_tls_the_cookie_belongs_to_the_host_alone() {
    let world = World::start_with(
        |settings| settings.server.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")],
        std::sync::Arc::new(chatmetric_store::MemoryStore::new()),
    );
    world.apply(super::USERS);
    let token = token(&world, ACME, "reader");
    let body = json!({ "token": token, "password": PASSWORD }).to_string();
    let mut headers = own_headers();
    headers.push(("x-forwarded-proto".to_owned(), "https".to_owned()));
    let reply = world.send(
        "POST",
        "/console/api/set-password",
        &headers,
        body.as_bytes(),
    );
    let cookie = reply.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-cm_session="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    let hsts = reply.header("strict-transport-security");
    assert_eq!(hsts, Some("max-age=31536000"));
    let pair = cookie_of(&reply);
    headers.push(("cookie".to_owned(), pair.clone()));
    let signed_in = world.send("GET", "/console/api/session", &headers, b"");
    assert_eq!(signed_in.json()["state"], "signedIn");
    // The id of the plain cookie opens nothing over TLS.
    let planted = pair.replace("__Host-cm_session", "cm_session");
    headers.last_mut().expect("there").1 = planted;
    let planted = world.send("GET", "/console/api/session", &headers, b"");
    assert_eq!(planted.json()["state"], "signedOut");
}

#[test]
fn from_another_machine_nobody_signs_in_over_plain_http() {
    let behind_proxy = |insecure_http| {
        let world = World::start_with(
            |settings| {
                settings.server.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
                settings.server.insecure_http = insecure_http;
            },
            std::sync::Arc::new(chatmetric_store::MemoryStore::new()),
        );
        world.apply(super::USERS);
        world
    };
    let set_password = |world: &World, proto: &str, token: &str| {
        let mut headers = own_headers();
        headers.push(("x-forwarded-for".to_owned(), "192.0.2.7".to_owned()));
        headers.push(("x-forwarded-proto".to_owned(), proto.to_owned()));
        let body = json!({ "token": token, "password": PASSWORD }).to_string();
        world.send(
            "POST",
            "/console/api/set-password",
            &headers,
            body.as_bytes(),
        )
    };
    let world = behind_proxy(false);
    let token_of_reader = token(&world, ACME, "reader");
    let plain = set_password(&world, "http", &token_of_reader);
    assert_eq!(code(&plain), "403 NotEncrypted");
    assert_eq!(plain.header("set-cookie"), None);
    assert_eq!(set_password(&world, "https", &token_of_reader).status, 204);
    // A proxy on this machine that is not trusted, or does not say whose call it is.
    let (local, unknown) = (console(), behind_proxy(false));
    for (world, header, value) in [
        (&local, "x-forwarded-for", "192.0.2.7"),
        (&local, "forwarded", "for=192.0.2.7;proto=https"),
        (&unknown, "x-forwarded-proto", "http"),
    ] {
        let mut headers = own_headers();
        headers.push((header.to_owned(), value.to_owned()));
        let body = json!({ "user": "reader", "password": PASSWORD }).to_string();
        let reply = world.send("POST", "/console/api/sign-in", &headers, body.as_bytes());
        assert_eq!(code(&reply), "403 NotEncrypted", "{header}");
    }
    let world = behind_proxy(true);
    let token_of_reader = token(&world, ACME, "reader");
    assert_eq!(set_password(&world, "http", &token_of_reader).status, 204);
}

#[test]
fn a_session_ends_idle_and_after_seven_days() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    world.clock.advance_ms(12 * HOUR_MS - 1);
    assert_eq!(page.get("account").status, 200);
    world.clock.advance_ms(12 * HOUR_MS);
    assert_eq!(code(&page.get("account")), "401 NotSignedIn");
    assert_eq!(page.json("session")["state"], "signedOut");

    let page = Page::of(&world, ACME, "admin");
    for _ in 0..14 {
        world.clock.advance_ms(11 * HOUR_MS);
        assert_eq!(page.get("account").status, 200);
    }
    world
        .clock
        .advance_ms(14 * HOUR_MS - 1 - 14 * HOUR_MS + 11 * HOUR_MS);
    assert_eq!(page.get("account").status, 200);
    world.clock.advance_ms(4 * HOUR_MS);
    assert_eq!(code(&page.get("account")), "401 NotSignedIn");
}

#[test]
fn a_user_sees_and_ends_sessions() {
    let world = console();
    let first = Page::of(&world, ACME, "reader");
    let reply = sign_in(&world, ACME, "reader", PASSWORD);
    let second = Page {
        world: &world,
        cookie: cookie_of(&reply),
    };
    let account = second.json("account");
    let sessions = account["sessions"].as_array().expect("sessions");
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        sessions
            .iter()
            .filter(|session| session["current"] == true)
            .count(),
        1
    );
    let other = sessions.iter().find(|session| session["current"] == false);
    let id = other.expect("the other")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let admin = Page::of(&world, ACME, "admin");
    let foreign = admin.send("DELETE", &format!("account/sessions/{id}"), &Value::Null);
    assert_eq!(code(&foreign), "404 NotFound");
    let ended = second.send("DELETE", &format!("account/sessions/{id}"), &Value::Null);
    assert_eq!(ended.status, 204);
    assert_eq!(code(&first.get("account")), "401 NotSignedIn");
    assert_eq!(second.get("account").status, 200);
    let out = second.post("sign-out", &Value::Null);
    assert_eq!(out.status, 204);
    assert!(
        out.header("set-cookie")
            .expect("a cookie")
            .contains("Max-Age=0")
    );
    assert_eq!(code(&second.get("account")), "401 NotSignedIn");
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let world = console();
    let first = Page::of(&world, ACME, "reader");
    let reply = sign_in(&world, ACME, "reader", PASSWORD);
    let second = Page {
        world: &world,
        cookie: cookie_of(&reply),
    };
    let wrong = json!({ "old": "not the password", "new": "another horse battery" });
    assert_eq!(
        code(&second.post("account/password", &wrong)),
        "401 WrongSignIn"
    );
    let short = json!({ "old": PASSWORD, "new": "short" });
    let refused = second.post("account/password", &short);
    assert_eq!(code(&refused), "400 InvalidField");
    assert_eq!(refused.json()["field"], "new");
    let right = json!({ "old": PASSWORD, "new": "another horse battery" });
    assert_eq!(second.post("account/password", &right).status, 204);
    assert_eq!(second.get("account").status, 200);
    assert_eq!(code(&first.get("account")), "401 NotSignedIn");
    assert_eq!(
        code(&sign_in(&world, ACME, "reader", PASSWORD)),
        "401 WrongSignIn"
    );
    assert_eq!(
        sign_in(&world, ACME, "reader", "another horse battery").status,
        204
    );
}

#[test]
fn a_token_works_once_and_not_for_ever() {
    let world = console();
    let one = token(&world, ACME, "reader");
    let set = |token: &str| {
        let body = json!({ "token": token, "password": PASSWORD });
        ask(&world, "POST", "set-password", &body)
    };
    assert_eq!(code(&set("no such token")), "401 WrongToken");
    assert_eq!(set(&one).status, 204);
    assert_eq!(code(&set(&one)), "401 WrongToken");
    let two = token(&world, ACME, "reader");
    world.clock.advance_ms(24 * HOUR_MS);
    assert_eq!(code(&set(&two)), "401 WrongToken");
}

#[test]
fn the_oldest_session_ends_when_a_user_has_too_many() {
    let world = console();
    let first = Page::of(&world, ACME, "reader");
    for _ in 0..SESSIONS_PER_USER_MAX {
        assert_eq!(first.get("session").json()["state"], "signedIn");
        world.clock.advance_ms(1_000);
        assert_eq!(sign_in(&world, ACME, "reader", PASSWORD).status, 204);
    }
    let sessions = world.directory.console_sessions().expect("listed");
    assert_eq!(sessions.len(), SESSIONS_PER_USER_MAX);
}

#[test]
fn sessions_survive_a_restart_with_their_last_use() {
    let mut world = console();
    let cookie = Page::of(&world, ACME, "reader").cookie;
    world.clock.advance_ms(11 * HOUR_MS);
    let page = Page {
        world: &world,
        cookie: cookie.clone(),
    };
    assert_eq!(page.get("account").status, 200);
    world.stop();
    world.serve();
    world.clock.advance_ms(11 * HOUR_MS);
    let page = Page {
        world: &world,
        cookie,
    };
    assert_eq!(page.get("account").status, 200);
}

/// An installation as its first start leaves it.
fn fresh() -> (World, FirstStart) {
    let mut world = World::empty();
    let first = world
        .directory
        .first_start::<std::convert::Infallible>(EpochMs(crate::world::NOW_MS), |_| Ok(()))
        .expect("starts")
        .expect("is the first");
    world.serve();
    (world, first)
}

#[test]
fn the_first_user_is_made_once_with_the_token_of_the_first_start() {
    let (world, first) = fresh();
    let state = || ask(&world, "GET", "session", &Value::Null).json()["state"].clone();
    let token = String::from_utf8(first.setup_token.expose().to_vec()).expect("text");
    let set_up = |token: &str, user: &str| {
        let body = json!({ "token": token, "user": user, "password": PASSWORD });
        ask(&world, "POST", "setup", &body)
    };
    assert_eq!(state(), "setup");
    assert_eq!(code(&set_up("a guess", "root")), "401 WrongToken");
    assert_eq!(code(&set_up(&token, "no good name!")), "400 InvalidField");
    let reply = set_up(&token, "chief");
    assert_eq!(reply.status, 204, "{reply:?}");
    let page = Page {
        world: &world,
        cookie: cookie_of(&reply),
    };
    let session = page.json("session");
    assert_eq!(session["operator"], true);
    assert_eq!(session["account"]["id"], first.account.as_str());
    let rights = session["rights"].as_array().expect("rights");
    assert!(
        rights
            .iter()
            .any(|right| right == "chatmetric:ManageAccounts")
    );
    assert_eq!(page.get("system").status, 200);
    assert_eq!(code(&set_up(&token, "second")), "401 WrongToken");
    assert_eq!(state(), "signedOut");
    // With one account, its name need not be given.
    assert_eq!(sign_in(&world, "", "chief", PASSWORD).status, 204);
}

#[test]
fn the_token_of_the_first_start_works_for_an_hour() {
    let (world, first) = fresh();
    world.clock.advance_ms(HOUR_MS);
    assert_eq!(
        ask(&world, "GET", "session", &Value::Null).json()["state"],
        "signedOut"
    );
    let token = String::from_utf8(first.setup_token.expose().to_vec()).expect("text");
    let body = json!({ "token": token, "user": "chief", "password": PASSWORD });
    assert_eq!(code(&ask(&world, "POST", "setup", &body)), "401 WrongToken");
}

#[test]
fn whoever_has_the_data_directory_always_finds_a_way_in() {
    use chatmetric::clock::Clock;
    use chatmetric::control::{Operator, TokenFor};
    use std::sync::Arc;

    let operator_of = |world: &World| Operator {
        directory: Arc::clone(&world.directory),
        store: Arc::clone(&world.store),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        backups: Arc::default(),
        streams: Arc::default(),
        peers: None,
    };
    let whose = |user: Option<&str>, account: Option<&str>| TokenFor {
        user: user.map(str::to_owned),
        account: account.map(str::to_owned),
        reset: false,
    };
    let world = console();
    world.apply("[[account]]\nid = \"2000000000000002\"\n[[account.user]]\nname = \"reader\"\n");
    let operator = operator_of(&world);
    for refused in [
        whose(Some("nobody-there"), None),
        whose(Some("reader"), None),
        whose(Some("admin"), Some(ISV)),
        whose(None, None),
    ] {
        assert!(
            operator
                .setup_token(&refused)
                .expect_err("refused")
                .is_usage
        );
    }
    // A user that could not sign in so far.
    let made = operator.setup_token(&whose(Some("reader"), Some(ISV)));
    let made = made.expect("made");
    let body = json!({ "token": made.token, "password": PASSWORD });
    assert_eq!(ask(&world, "POST", "set-password", &body).status, 204);
    assert_eq!(sign_in(&world, ISV, "reader", PASSWORD).status, 204);
    // Whoever knew the password or had a session knows and has nothing any more.
    let page = Page::of(&world, ACME, "admin");
    assert_eq!(page.get("account").status, 200);
    let made = operator.setup_token(&TokenFor {
        reset: true,
        ..whose(Some("admin"), Some(ACME))
    });
    let made = made.expect("made");
    assert_eq!(code(&page.get("account")), "401 NotSignedIn");
    assert_eq!(
        code(&sign_in(&world, ACME, "admin", PASSWORD)),
        "401 WrongSignIn"
    );
    let body = json!({ "token": made.token, "password": PASSWORD });
    assert_eq!(ask(&world, "POST", "set-password", &body).status, 204);
    assert_eq!(sign_in(&world, ACME, "admin", PASSWORD).status, 204);
    // The hour of a first start is over.
    let (world, _) = fresh();
    world.clock.advance_ms(2 * HOUR_MS);
    let made = operator_of(&world).setup_token(&whose(None, None));
    let made = made.expect("made");
    assert_eq!(
        ask(&world, "GET", "session", &Value::Null).json()["state"],
        "setup"
    );
    let body = json!({ "token": made.token, "user": "chief", "password": PASSWORD });
    assert_eq!(ask(&world, "POST", "setup", &body).status, 204);
}
