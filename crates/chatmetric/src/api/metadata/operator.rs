//! OpenAPI of the operator API, from its own list of calls.

use crate::operator::{ROUTES, Route, Verb};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The paths, each with its operations.
pub(super) fn paths() -> Map<String, Value> {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let path = format!("/operator/v1/{}", route.path);
        let item = paths.entry(path).or_default();
        item.insert(method(route.verb).to_owned(), operation(route));
    }
    let paths = paths.into_iter();
    paths
        .map(|(path, item)| (path, Value::Object(item)))
        .collect()
}

const fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Patch => "patch",
        Verb::Delete => "delete",
    }
}

fn operation(route: &Route) -> Value {
    let text = |description: &str| json!({"description": description});
    let of_path = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
    });
    let of_query = route.query.iter().map(|name| {
        let required = matches!(*name, "start" | "end");
        json!({"name": name, "in": "query", "required": required, "schema": {"type": "string"}})
    });
    let kind = match route.path {
        "backup" => "application/octet-stream",
        path if path.ends_with(".csv") => "text/csv",
        _ => "application/json",
    };
    let mut operation = json!({
        "operationId": format!("operator_{}", route.id),
        "tags": ["operator"],
        "summary": route.summary,
        "security": [{"bearer": []}],
        "parameters": of_path.chain(of_query).collect::<Vec<_>>(),
        "responses": {
            "200": {"description": "done", "content": {kind: {}}},
            "400": text("a value is not valid; `field` says which"),
            "401": text("no token that works"),
            "403": text("the token may look only, or the way is not encrypted"),
            "404": text("there is no such thing"),
            "409": text("it is there already, or there are too many"),
            "413": text("the body is too large"),
            "429": text("too many wrong tokens"),
            "500": text("the instance failed; its log says why"),
            "503": text("not now; try again"),
        },
    });
    if let (false, Some(members)) = (route.body.is_empty(), operation.as_object_mut()) {
        members.insert("requestBody".to_owned(), body(route));
    }
    operation
}

fn body(route: &Route) -> Value {
    let names = route.body.iter().map(|name| name.trim_end_matches('?'));
    let properties: Map<String, Value> = names.map(|name| (name.to_owned(), json!({}))).collect();
    let required: Vec<_> = route
        .body
        .iter()
        .filter(|name| !name.ends_with('?'))
        .collect();
    json!({
        "required": true,
        "content": {"application/json": {"schema": {
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        }}},
    })
}
