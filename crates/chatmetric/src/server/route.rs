//! Which part of the program a path belongs to.
//!
//! Whatever is nobody's is the RPC API's: its errors have the vendor's shape.

use crate::api::metadata;
use crate::api::spec::Product;
use http::Method;
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
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
    /// `/readyz/query`
    ReadyForQueries,
    /// `/metrics`
    Metrics,
    /// `/openapi.json`
    OpenApi,
    /// `/meta/v1/products/{product}/versions/{version}/api-docs.json`
    ApiDocs(Product),
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
    match path {
        "/healthz" => get(Route::Health),
        "/readyz" => get(Route::Ready),
        "/readyz/query" => get(Route::ReadyForQueries),
        "/metrics" => get(Route::Metrics),
        "/openapi.json" => get(Route::OpenApi),
        _ => match path.strip_prefix("/webhooks/whatsapp/") {
            Some(id) if is_id(id) => {
                if matches!(parts.method, Method::GET | Method::POST) {
                    Route::WhatsappWebhook(id.to_owned())
                } else {
                    Route::MethodNotAllowed("GET, POST")
                }
            }
            Some(_) => Route::Rpc,
            None => metadata::product_of_path(path)
                .map_or(Route::Rpc, |product| get(Route::ApiDocs(product))),
        },
    }
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
        assert_eq!(
            routed("POST", "/metrics"),
            Route::MethodNotAllowed("GET, HEAD")
        );
        let webhook = Route::WhatsappWebhook("a-b".to_owned());
        assert_eq!(routed("POST", "/webhooks/whatsapp/a-b?x=1"), webhook);
        assert_eq!(
            routed("PUT", "/webhooks/whatsapp/a-b"),
            Route::MethodNotAllowed("GET, POST")
        );
        assert_eq!(routed("POST", "/webhooks/whatsapp/"), Route::Rpc);
        assert_eq!(routed("POST", "/webhooks/whatsapp/a/b"), Route::Rpc);
    }
}
