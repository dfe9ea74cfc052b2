//! The web console from outside: a browser's side of it, over HTTP.

// Alerts of the watch.
mod alerts;
// Calls of the API as the user.
mod calls;
// Counts: the same as the API's; files; the live stream.
mod counts;
// Changes of the directory, and the audit log of them.
mod changes;
// Two doors that never mix; which browser may speak; files and their headers.
mod doors;
// What made a count.
mod explanation;
// Files that are imported, the books, the quarantine.
mod ingest;
// Counts beside Meta's analytics.
mod reconcile;
// Rights and tenancy, on every call.
mod rights;
// Sign-in, sessions, passwords.
mod sign_in;
// Every call, with what is another account's.
mod tenancy;

use crate::world::{Reply, World};
use chatmetric::clock::Clock as _;
use chatmetric::config::Settings;
use chatmetric::directory::{Actor, TokenRule};
use chatmetric_rpc::credential::AccountId;
use serde_json::Value;

/// Users of the console, beside those of the world: two administrators of two accounts,
/// a reader, one without any right, one who is denied counts.
const USERS: &str = r#"
[[account]]
id = "1000000000000001"
[[account.policy]]
name = "Everything"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
[[account.user]]
name = "admin"
console = true
policies = ["Everything"]
[[account.user]]
name = "reader"
console = true
[[account.user]]
name = "nobody"
console = true
[[account.user]]
name = "denied"
console = true
[[account]]
id = "2000000000000002"
[[account.policy]]
name = "Everything"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
[[account.user]]
name = "isv-admin"
console = true
policies = ["Everything"]
"#;

const ACME: &str = "1000000000000001";
const ISV: &str = "2000000000000002";
const PASSWORD: &str = "correct horse battery";

/// A world with users of the console; the account acme operates the installation.
fn console() -> World {
    console_with(|_| {})
}

/// The same with tuned settings.
fn console_with(tune: impl FnOnce(&mut Settings)) -> World {
    let world = World::start_with(
        |settings| {
            settings.console.operator_account = Some(AccountId::parse(ACME).expect("an id"));
            tune(settings);
        },
        std::sync::Arc::new(chatmetric_store::MemoryStore::new()),
    );
    world.apply(USERS);
    world
}

/// A browser with its cookie.
struct Page<'w> {
    world: &'w World,
    cookie: String,
}

fn own_headers() -> Vec<(String, String)> {
    vec![
        ("x-chatmetric".to_owned(), "1".to_owned()),
        ("sec-fetch-site".to_owned(), "same-origin".to_owned()),
    ]
}

/// A call of nobody.
fn ask(world: &World, method: &str, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    world.send(
        method,
        &format!("/console/api/{path}"),
        &own_headers(),
        body.as_bytes(),
    )
}

/// A one-time token of a user.
fn token(world: &World, account: &str, user: &str) -> String {
    let snapshot = world.directory.snapshot();
    let id = AccountId::parse(account).expect("an id");
    let key = snapshot.account(&id).expect("an account").key;
    let user = snapshot.user(key, user).expect("a user");
    let token = format!("token-of-{}", user.name);
    world
        .directory
        .add_user_token(
            &user.id,
            &token,
            TokenRule::Any,
            world.clock.now(),
            &Actor::operator("test"),
        )
        .expect("made");
    token
}

fn cookie_of(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie").expect("a cookie");
    cookie.split(';').next().expect("a pair").to_owned()
}

impl<'w> Page<'w> {
    /// Signs a user in by a one-time token.
    #[track_caller]
    fn of(world: &'w World, account: &str, user: &str) -> Self {
        let token = token(world, account, user);
        let body = serde_json::json!({ "token": token, "password": PASSWORD });
        let reply = ask(world, "POST", "set-password", &body);
        assert_eq!(reply.status, 204, "{reply:?}");
        Self {
            world,
            cookie: cookie_of(&reply),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = own_headers();
        headers.push(("cookie".to_owned(), self.cookie.clone()));
        headers
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let target = format!("/console/api/{path}");
        self.world
            .send(method, &target, &self.headers(), body.as_bytes())
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &Value::Null)
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, body)
    }
}

/// The code of an error, which is JSON with a message and the request's id.
#[track_caller]
fn code(reply: &Reply) -> String {
    let json = reply.json();
    assert!(
        json["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{reply:?}"
    );
    assert!(
        json["requestId"].as_str().is_some_and(|id| id.len() == 36),
        "{reply:?}"
    );
    let kind = reply.header("content-type").expect("a type");
    assert!(kind.starts_with("application/json"), "{kind}");
    format!(
        "{} {}",
        reply.status,
        json["code"].as_str().expect("a code")
    )
}

/// The bytes of a body that came in chunks.
fn dechunked(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        if size == 0 || tail.len() < size {
            break;
        }
        text.push_str(&tail[..size]);
        rest = tail[size..].trim_start_matches("\r\n");
    }
    text
}
