//! Paths below `/console/`: files, and the calls of the API.
//!
//! Invariant: every call passes the guard and is in the table (`routes`), and every call but
//! those that make a session has a signed-in user before its page sees it.

use super::ask::Ask;
use super::error::ConsoleError;
use super::rights::SignedIn;
use super::{
    access, accounts, alerts, assets, audit, call, csv, explain, explanation, grants, guard,
    import, ingest, live, metrics, numbers, operations, quarantine, reconcile, routes, sign_in,
    spaces, system, webhooks,
};
use crate::server::answer::Answer;
use crate::server::query_text::decode_path;
use http::Method;
use hyper::body::Incoming;

/// Where the API begins.
const API: &str = "/console/api/";

/// Answers a call, or a file.
pub(super) async fn answer(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let path = ask.parts.uri.path();
    let Some(path) = path.strip_prefix(API) else {
        let file = path.trim_start_matches("/console");
        return assets::answer(ask, file.trim_start_matches('/'));
    };
    guard::check(ask, path)?;
    let parts: Option<Vec<String>> = path.split('/').map(decode_path).collect();
    let parts = parts.ok_or(ConsoleError::NotFound)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    // What has no row is not served, so that nobody forgets it.
    let is_known = routes::is_known(ask.parts.method.as_str(), &parts);
    match (&ask.parts.method, parts.as_slice()) {
        _ if !is_known => {}
        (&Method::GET, ["session"]) => return sign_in::state(ask),
        (&Method::POST, ["setup"]) => return sign_in::set_up(ask, body).await,
        (&Method::POST, ["sign-in"]) => return sign_in::sign_in(ask, body).await,
        (&Method::POST, ["set-password"]) => return sign_in::set_password(ask, body).await,
        (&Method::POST, ["sign-out"]) => return sign_in::sign_out(ask).await,
        _ => {}
    }
    let who = SignedIn::of(ask)?;
    if !is_known {
        return Err(ConsoleError::NotFound);
    }
    match ask.parts.method {
        Method::GET => get(ask, &who, &parts).await,
        Method::POST => post(ask, &who, &parts, body).await,
        Method::PUT => match parts.as_slice() {
            ["users", name, "console"] => access::set_console(ask, &who, name, body).await,
            _ => Err(ConsoleError::NotFound),
        },
        Method::PATCH => match parts.as_slice() {
            ["spaces", id] => spaces::update(ask, &who, id, body).await,
            ["numbers", number] => numbers::change(ask, &who, number, body).await,
            ["webhooks", id] => webhooks::update(ask, &who, id, body).await,
            ["accounts", id] => accounts::update(ask, &who, id, body).await,
            _ => Err(ConsoleError::NotFound),
        },
        Method::DELETE => match parts.as_slice() {
            ["account", "sessions", id] => sign_in::end_session(ask, &who, id).await,
            ["webhooks", id] => webhooks::delete(ask, &who, id).await,
            ["grants", code, account] => grants::delete(ask, &who, code, account).await,
            _ => Err(ConsoleError::NotFound),
        },
        _ => Err(ConsoleError::NotFound),
    }
}

async fn get(ask: &Ask<'_>, who: &SignedIn, parts: &[&str]) -> Result<Answer, ConsoleError> {
    match parts {
        ["account"] => sign_in::account(ask, who),
        ["spaces"] => spaces::list(ask, who),
        ["numbers"] => numbers::list(ask, who).await,
        ["metrics"] => metrics::metrics(ask, who).await,
        ["explanation"] => explanation::explanation(ask, who).await,
        ["metrics.csv"] => csv::metrics(ask, who).await,
        ["live"] => live::live(ask, who),
        ["operations"] => operations::list(),
        ["ingest"] => ingest::books(ask, who).await,
        ["quarantine"] => quarantine::list(ask, who).await,
        ["unclaimed"] => ingest::unclaimed(ask, who).await,
        ["webhooks"] => webhooks::list(ask, who).await,
        ["grants"] => grants::list(ask, who),
        ["users", name, "console"] => access::console(ask, who, name).await,
        ["alerts"] => alerts::list(ask, who).await,
        ["audit"] => audit::page(ask, who).await,
        ["accounts"] => accounts::list(ask, who).await,
        ["usage.csv"] => accounts::usage(ask, who).await,
        ["system"] => system::system(ask, who).await,
        _ => Err(ConsoleError::NotFound),
    }
}

async fn post(
    ask: &Ask<'_>,
    who: &SignedIn,
    parts: &[&str],
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    match parts {
        ["account", "password"] => sign_in::change_password(ask, who, body).await,
        ["call"] => call::call(ask, body).await,
        ["reconcile"] => reconcile::reconcile(ask, body).await,
        ["sign", "explain"] => explain::explain(ask, body).await,
        ["quarantine", id, "open"] => quarantine::open(ask, who, id).await,
        ["quarantine", id, "replay"] => quarantine::replay(ask, who, id).await,
        ["unclaimed", number, "claim"] => ingest::claim(ask, who, number, body).await,
        ["import"] => import::import(ask, who, body).await,
        ["alerts", id, "acknowledge"] => alerts::acknowledge(ask, who, id, body).await,
        ["numbers"] => numbers::bind(ask, who, body).await,
        ["spaces"] => spaces::create(ask, who, body).await,
        ["webhooks"] => webhooks::create(ask, who, body).await,
        ["grants"] => grants::create(ask, who, body).await,
        ["users", name, "setup-token"] => access::setup_token(ask, who, name).await,
        ["policies", "check"] => access::check_policy(ask, body).await,
        ["policies", "simulate"] => access::simulate(ask, who, body).await,
        ["accounts"] => accounts::create(ask, who, body).await,
        _ => Err(ConsoleError::NotFound),
    }
}
