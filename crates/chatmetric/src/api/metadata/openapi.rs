//! OpenAPI 3.1 of everything that is served.
//!
//! All operations of the RPC API live at `/` and are told apart by a signed
//! parameter, while OpenAPI knows paths only. So each has a path with a fragment,
//! `/#Action=…`, which clients leave out when they call.

use super::{operator, schema_type};
use crate::api::action::Action;
use crate::api::spec::{
    ErrorSpec, FieldKind, FieldSpec, OperationSpec, ParameterSpec, Product, Scalar,
};
use serde_json::{Map, Value, json};

pub(super) fn render() -> String {
    let mut paths = Map::new();
    for spec in Action::all().map(Action::spec) {
        let path = format!("/#Action={}", spec.name);
        let item = json!({
            "get": operation(spec, "get"),
            "post": operation(spec, "post"),
        });
        paths.insert(path, item);
    }
    paths.extend(own_paths());
    paths.extend(operator::paths());
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "chatmetric",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Exact counts of chat messages behind the vendor's RPC API. The \
                operations at `/` are told apart by the signed Action, which stands in the \
                fragment of a path here.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": Product::ALL.map(|product| json!({
            "name": product.name(), "description": format!("version {}", product.version()),
        })),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "acs3": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "ACS3-HMAC-SHA256 or ACS3-HMAC-SM3 over the request",
                },
                "rpc1": {
                    "type": "apiKey", "in": "query", "name": "Signature",
                    "description": "HMAC-SHA1 over the parameters",
                },
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {"Error": error_schema()},
        },
    });
    document.to_string()
}

fn operation(spec: &OperationSpec, method: &str) -> Value {
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        answer("The answer.", &object(spec.answer)),
    );
    let error = json!({"$ref": "#/components/schemas/Error"});
    for status in statuses(spec.errors) {
        let codes: Vec<&str> = spec
            .errors
            .iter()
            .filter(|error| error.http_status == status)
            .map(|error| error.code)
            .collect();
        responses.insert(status.to_string(), answer(&codes.join(", "), &error));
    }
    responses.insert(
        "default".to_owned(),
        answer("An error of the gateway.", &error),
    );
    json!({
        "operationId": format!("{method}{}", spec.name),
        "tags": [spec.product.name()],
        "summary": spec.title,
        "description": spec.description,
        "security": [{"acs3": []}, {"rpc1": []}],
        "parameters": spec.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
        "x-acs-version": spec.product.version(),
        "x-acs-ram-action": spec.ram_action,
        "x-acs-calls-per-second": spec.calls_per_second,
    })
}

fn statuses(errors: &[ErrorSpec]) -> impl Iterator<Item = u16> {
    let statuses: std::collections::BTreeSet<u16> =
        errors.iter().map(|error| error.http_status).collect();
    statuses.into_iter()
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({
        "description": description,
        "content": {"application/json": {"schema": schema}},
    })
}

/// Adds a member to an object.
fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value.into());
    }
}

fn parameter(parameter: &ParameterSpec) -> Value {
    let mut schema = scalar(parameter.kind);
    if let Some(default) = parameter.default {
        set(&mut schema, "default", default);
    }
    if !parameter.choices.is_empty() {
        set(&mut schema, "enum", parameter.choices);
    }
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
        "example": example(parameter.kind, parameter.example),
    })
}

fn scalar(kind: Scalar) -> Value {
    match schema_type(kind) {
        (name, Some(format)) => json!({"type": name, "format": format}),
        (name, None) => json!({"type": name}),
    }
}

/// The example in the type of its schema.
fn example(kind: Scalar, text: &str) -> Value {
    match kind {
        Scalar::Text => text.into(),
        Scalar::Int32 | Scalar::Int64 => text.parse::<i64>().unwrap_or_default().into(),
        Scalar::Bool => (text == "true").into(),
    }
}

fn object(fields: &[FieldSpec]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect();
    json!({"type": "object", "properties": properties})
}

fn property(field: &FieldSpec) -> Value {
    let mut schema = match field.kind {
        FieldKind::Value(kind) => {
            let mut schema = scalar(kind);
            set(&mut schema, "examples", vec![example(kind, field.example)]);
            schema
        }
        FieldKind::Object(members) => object(members),
        FieldKind::List(members) => json!({"type": "array", "items": object(members)}),
        FieldKind::Texts => json!({"type": "array", "items": {"type": "string"}}),
    };
    set(&mut schema, "description", field.description);
    schema
}

fn error_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "required": ["RequestId", "HostId", "Code", "Message"],
        "properties": {
            "RequestId": text, "HostId": text, "Code": text, "Message": text, "Recommend": text,
            "AccessDeniedDetail": {
                "type": "object",
                "description": "Only on a denial by RAM.",
                "additionalProperties": text,
            },
        },
    })
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

fn cams_webhook() -> Value {
    let text = |description: &str| json!({"description": description});
    json!({
        "parameters": [path_parameter("webhook_id"), path_parameter("token")],
        "post": {
            "operationId": "receiveCamsReceipts",
            "summary": "Receipts of CAMS; the token in the path is a secret",
            "security": [],
            "requestBody": {"required": true, "content": {"application/json": {}}},
            "responses": {
                "200": text("durable and counted"),
                "404": text("unknown webhook or wrong token"), "413": text("too large"),
                "503": text("not durable now; send it again"),
            },
        },
    })
}

fn events_webhook() -> Value {
    let text = |description: &str| json!({"description": description});
    json!({
        "parameters": [path_parameter("webhook_id")],
        "post": {
            "operationId": "receiveEvents",
            "summary": "CloudEvents 1.0 or NDJSON",
            "security": [{"bearer": []}],
            "requestBody": {"required": true, "content": {
                "application/cloudevents+json": {},
                "application/cloudevents-batch+json": {},
                "application/x-ndjson": {},
            }},
            "responses": {
                "200": text("durable and counted"), "401": text("wrong token"),
                "404": text("unknown webhook"), "413": text("too large"),
                "503": text("not durable now; send it again"),
            },
        },
    })
}

/// What is served beside the RPC API.
fn own_paths() -> Map<String, Value> {
    let text = |description: &str| json!({"description": description});
    let probe = |id: &str, summary: &str| {
        json!({"get": {
            "operationId": id, "summary": summary, "security": [],
            "responses": {"200": text("yes"), "503": text("not now")},
        }})
    };
    let webhook_id = json!({
        "name": "webhook_id", "in": "path", "required": true, "schema": {"type": "string"},
    });
    let query = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let webhook = json!({
        "parameters": [webhook_id],
        "get": {
            "operationId": "verifyWhatsappWebhook",
            "summary": "Meta's verification of a webhook",
            "security": [],
            "parameters": [query("hub.mode"), query("hub.verify_token"), query("hub.challenge")],
            "responses": {
                "200": text("the challenge"), "400": text("no challenge"),
                "403": text("wrong token"), "404": text("unknown webhook"),
            },
        },
        "post": {
            "operationId": "receiveWhatsappWebhook",
            "summary": "Statuses of messages, signed with X-Hub-Signature-256",
            "security": [],
            "parameters": [{
                "name": "X-Hub-Signature-256", "in": "header", "required": true,
                "schema": {"type": "string"},
            }],
            "requestBody": {"required": true, "content": {"application/json": {}}},
            "responses": {
                "200": text("durable and counted"), "401": text("wrong signature"),
                "404": text("unknown webhook"), "413": text("too large"),
                "503": text("not durable now; send it again"),
            },
        },
    });
    let document = |id: &str, summary: &str| {
        json!({"get": {
            "operationId": id, "summary": summary, "security": [],
            "responses": {"200": {"description": "the document", "content": {"application/json": {}}}},
        }})
    };
    let mut meta = document("apiDocs", "The vendor's metadata of a product");
    let parameter = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let parameters = vec![parameter("product"), parameter("version")];
    set(&mut meta, "parameters", parameters);
    let paths = [
        ("/webhooks/whatsapp/{webhook_id}", webhook),
        ("/webhooks/cams/{webhook_id}/{token}", cams_webhook()),
        ("/webhooks/events/{webhook_id}", events_webhook()),
        ("/healthz", probe("healthz", "Whether the process lives")),
        ("/readyz", probe("readyz", "Whether events are taken")),
        (
            "/readyz/query",
            probe("readyzQuery", "Whether queries are answered"),
        ),
        (
            "/readyz/streams",
            probe("readyzStreams", "Whether every stream of events is read"),
        ),
        (
            "/metrics",
            document("metrics", "Figures, as OpenMetrics text"),
        ),
        ("/openapi.json", document("openapi", "This document")),
        (
            "/meta/v1/products/{product}/versions/{version}/api-docs.json",
            meta,
        ),
    ];
    paths
        .into_iter()
        .map(|(path, item)| (path.to_owned(), item))
        .collect()
}
