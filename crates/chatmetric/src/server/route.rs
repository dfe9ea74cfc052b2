//! Which part of the program a path belongs to.
//!
//! Whatever is nobody's is the RPC API's: its errors have the vendor's shape.

use crate::api::metadata;
use crate::api::spec::Product;
use crate::directory::limits::SECRET_BYTES_MAX;
use crate::server::operator;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION};
use http::request::Parts;

/// Longest webhook id, in bytes.
const WEBHOOK_ID_BYTES_MAX: usize = 128;

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`, and every path that is not another route's.
    Rpc,
    /// `/webhooks/whatsapp/{webhook_id}`
    WhatsappWebhook(String),
    /// `/webhooks/cams/{webhook_id}/{token}`; the token is a secret, so it is left in the
    /// path, for [`cams_token`].
    CamsWebhook(String),
    /// `/webhooks/events/{webhook_id}`
    EventsWebhook(String),
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
    /// `/readyz/query`
    ReadyForQueries,
    /// `/readyz/streams`
    ReadyStreams,
    /// `/metrics`
    Metrics,
    /// `/openapi.json`
    OpenApi,
    /// `/meta/v1/products/{product}/versions/{version}/api-docs.json`
    ApiDocs(Product),
    /// `/console/` and everything below it.
    Console,
    /// `/operator/v1/` and everything below it.
    Operator,
    /// `/`, as a browser asks for it that does not call the API.
    Browser,
    /// A path of ours with a method that it does not have; what it has.
    MethodNotAllowed(&'static str),
}

pub(super) fn route(parts: &Parts) -> Route {
    let path = parts.uri.path();
    let get = |route: Route| {
        if matches!(parts.method, Method::GET | Method::HEAD) {
            route
        } else {
            Route::MethodNotAllowed("GET, HEAD")
        }
    };
    if path == "/console" || path.starts_with("/console/") {
        return Route::Console;
    }
    if path.starts_with(operator::PREFIX) {
        return Route::Operator;
    }
    match path {
        "/" if is_browser(parts) => Route::Browser,
        "/healthz" => get(Route::Health),
        "/readyz" => get(Route::Ready),
        "/readyz/query" => get(Route::ReadyForQueries),
        "/readyz/streams" => get(Route::ReadyStreams),
        "/metrics" => get(Route::Metrics),
        "/openapi.json" => get(Route::OpenApi),
        _ => match path.strip_prefix("/webhooks/") {
            Some(rest) => webhook(rest, &parts.method),
            None => metadata::product_of_path(path)
                .map_or(Route::Rpc, |product| get(Route::ApiDocs(product))),
        },
    }
}

fn webhook(rest: &str, method: &Method) -> Route {
    let post = |route: Route| match *method {
        Method::POST => route,
        _ => Route::MethodNotAllowed("POST"),
    };
    match rest.split_once('/') {
        Some(("whatsapp", id)) if is_id(id) => match *method {
            Method::GET | Method::POST => Route::WhatsappWebhook(id.to_owned()),
            _ => Route::MethodNotAllowed("GET, POST"),
        },
        Some(("events", id)) if is_id(id) => post(Route::EventsWebhook(id.to_owned())),
        Some(("cams", id_and_token)) => match id_and_token.split_once('/') {
            Some((id, token)) if is_id(id) && is_token(token) => {
                post(Route::CamsWebhook(id.to_owned()))
            }
            Some(_) | None => Route::Rpc,
        },
        Some(_) | None => Route::Rpc,
    }
}

/// The token of a path of CAMS: its last part.
pub(super) fn cams_token(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a person typed our address: a call of the API has an Action or a signature,
/// and no SDK asks for a page.
fn is_browser(parts: &Parts) -> bool {
    let asks_for_page = parts.headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html"))
    });
    let query = parts.uri.query().unwrap_or_default();
    let has_action = parts.headers.contains_key("x-acs-action")
        || query
            .split('&')
            .any(|pair| pair.starts_with("Action=") || pair.starts_with("Signature="));
    matches!(parts.method, Method::GET | Method::HEAD)
        && asks_for_page
        && !has_action
        && !parts.headers.contains_key(AUTHORIZATION)
}

/// What the directory takes for a token.
fn is_token(text: &str) -> bool {
    (1..=SECRET_BYTES_MAX).contains(&text.len()) && !text.contains('/')
}

/// Ids are the directory's own words; anything else is no webhook.
fn is_id(text: &str) -> bool {
    (1..=WEBHOOK_ID_BYTES_MAX).contains(&text.len()) && !text.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_routes() {
        let routed = |method: &str, target: &str| {
            let request = http::Request::builder()
                .method(method)
                .uri(target)
                .body(())
                .expect("a request");
            route(&request.into_parts().0)
        };
        assert_eq!(routed("GET", "/"), Route::Rpc);
        assert_eq!(routed("PUT", "/"), Route::Rpc);
        assert_eq!(routed("GET", "/nowhere?x"), Route::Rpc);
        assert_eq!(routed("GET", "/healthz"), Route::Health);
        assert_eq!(routed("HEAD", "/readyz"), Route::Ready);
        assert_eq!(routed("GET", "/openapi.json"), Route::OpenApi);
        assert_eq!(
            routed(
                "GET",
                "/meta/v1/products/cams/versions/2020-06-06/api-docs.json"
            ),
            Route::ApiDocs(Product::Cams)
        );
        assert_eq!(
            routed(
                "GET",
                "/meta/v1/products/cams/versions/1999-01-01/api-docs.json"
            ),
            Route::Rpc
        );
        assert_eq!(routed("GET", "/readyz/query"), Route::ReadyForQueries);
        assert_eq!(routed("GET", "/readyz/streams"), Route::ReadyStreams);
        assert_eq!(
            routed("POST", "/metrics"),
            Route::MethodNotAllowed("GET, HEAD")
        );
        assert_eq!(routed("GET", "/console"), Route::Console);
        assert_eq!(routed("POST", "/console/api/sign-in"), Route::Console);
        assert_eq!(routed("GET", "/consoles"), Route::Rpc);
        assert_eq!(routed("PUT", "/operator/v1/accounts"), Route::Operator);
        assert_eq!(routed("GET", "/operator/v1"), Route::Rpc);
        let webhook = Route::WhatsappWebhook("a-b".to_owned());
        assert_eq!(routed("POST", "/webhooks/whatsapp/a-b?x=1"), webhook);
        assert_eq!(
            routed("PUT", "/webhooks/whatsapp/a-b"),
            Route::MethodNotAllowed("GET, POST")
        );
        let events = Route::EventsWebhook("a-b".to_owned());
        assert_eq!(routed("POST", "/webhooks/events/a-b"), events);
        let cams = Route::CamsWebhook("a-b".to_owned());
        assert_eq!(routed("POST", "/webhooks/cams/a-b/secret?x=/y"), cams);
        assert_eq!(cams_token("/webhooks/cams/a-b/secret"), "secret");
        let long = |bytes: usize| format!("/webhooks/cams/a-b/{}", "t".repeat(bytes));
        let longest = routed("POST", &long(SECRET_BYTES_MAX));
        assert_eq!(longest, Route::CamsWebhook("a-b".to_owned()));
        assert_eq!(routed("POST", &long(SECRET_BYTES_MAX + 1)), Route::Rpc);
        for path in ["/webhooks/events/a-b", "/webhooks/cams/a-b/secret"] {
            assert_eq!(routed("GET", path), Route::MethodNotAllowed("POST"));
        }
        for path in [
            "/webhooks/cams/a-b",
            "/webhooks/cams/a-b/",
            "/webhooks/cams//secret",
            "/webhooks/cams/a-b/secret/more",
            "/webhooks/events/",
            "/webhooks/events/a/b",
            "/webhooks/other/a",
            "/webhooks/",
        ] {
            assert_eq!(routed("POST", path), Route::Rpc, "{path}");
        }
        assert_eq!(routed("POST", "/webhooks/whatsapp/"), Route::Rpc);
        assert_eq!(routed("POST", "/webhooks/whatsapp/a/b"), Route::Rpc);
    }
    #[test]
    fn a_person_is_sent_to_the_console_and_a_call_is_not() {
        let routed = |target: &str, headers: &[(&str, &str)]| {
            let mut request = http::Request::builder().uri(target);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            route(&request.body(()).expect("a request").into_parts().0)
        };
        let page = ("accept", "text/html,application/xhtml+xml");
        assert_eq!(routed("/", &[page]), Route::Browser);
        assert_eq!(routed("/?utm=1", &[page]), Route::Browser);
        assert_eq!(routed("/", &[("accept", "application/json")]), Route::Rpc);
        assert_eq!(routed("/?Version=1&Action=X", &[page]), Route::Rpc);
        assert_eq!(routed("/", &[page, ("x-acs-action", "X")]), Route::Rpc);
        assert_eq!(routed("/", &[page, ("authorization", "ACS3")]), Route::Rpc);
    }
}
