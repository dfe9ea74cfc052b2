//! The vendor's metadata shape (`api-docs.json`), as its Explorer and its SDK
//! generators read it. What has no place in it is left out, not bent.

use super::{example_answer, operations, schema_type};
use crate::api::spec::{
    Access, ErrorSpec, FieldKind, FieldSpec, OperationSpec, ParameterSpec, Product, Scalar,
};
use chatmetric_rpc::response::{FieldWriter, JsonWriter};

/// Where an installation is: it has no regions, and clients want one.
const REGION: &str = "self-hosted";
/// Bytes that an operation takes, about.
const OPERATION_BYTES: usize = 4 * 1024;

pub(super) fn render(product: Product, host: &str) -> Vec<u8> {
    let mut writer = JsonWriter::with_capacity(operations(product).count() * OPERATION_BYTES);
    writer.text("version", "1.0");
    writer.object("info", |writer| {
        writer.text("style", "RPC");
        writer.text("product", product.name());
        writer.text("version", product.version());
    });
    writer.list("directories", [product], |writer, product| {
        writer.text("title", "Operations");
        writer.text("type", "directory");
        writer.text_list("children", operations(product).map(|spec| spec.name));
    });
    writer.object("components", |writer| writer.object("schemas", |_| {}));
    writer.object("apis", |writer| {
        for spec in operations(product) {
            writer.object(spec.name, |writer| operation(writer, spec));
        }
    });
    writer.list("endpoints", [host], |writer, host| {
        writer.text("regionId", REGION);
        writer.text("endpoint", host);
    });
    writer.finish()
}

fn operation(writer: &mut JsonWriter, spec: &'static OperationSpec) {
    writer.text("title", spec.title);
    writer.text("summary", spec.title);
    writer.text("description", spec.description);
    writer.text_list("methods", ["get", "post"]);
    writer.text_list("schemes", ["http", "https"]);
    writer.list("security", [()], |writer, ()| {
        writer.text_list("AK", []);
    });
    let (kind, tag) = match spec.access {
        Access::Get => ("read", "get"),
        Access::List => ("read", "list"),
        Access::Write => ("write", "update"),
    };
    writer.text("operationType", kind);
    writer.boolean("deprecated", false);
    writer.object("systemTags", |writer| writer.text("operationType", tag));
    writer.list("parameters", spec.parameters, parameter);
    writer.object("responses", |writer| {
        writer.object("200", |writer| {
            writer.object("schema", |writer| {
                writer.text("type", "object");
                properties(writer, spec.answer);
            });
        });
    });
    writer.object("errorCodes", |writer| errors(writer, spec.errors));
    writer.object("staticInfo", |writer| {
        writer.text("returnType", "synchronous");
    });
    ram_actions(writer, spec);
    writer.object("flowControl", |writer| {
        writer.unsigned("callsPerSecond", spec.calls_per_second.into());
    });
    writer.text("responseDemo", &response_demo(spec));
}

fn parameter(writer: &mut JsonWriter, parameter: &'static ParameterSpec) {
    writer.text("name", parameter.name);
    writer.text("in", "query");
    writer.object("schema", |writer| {
        writer.text("title", parameter.name);
        writer.text("description", parameter.description);
        scalar(writer, parameter.kind);
        writer.boolean("required", parameter.required);
        if let Some(default) = parameter.default {
            writer.text("default", default);
        }
        if !parameter.choices.is_empty() {
            writer.text_list("enum", parameter.choices.iter().copied());
        }
        writer.text("example", parameter.example);
    });
}

fn scalar(writer: &mut JsonWriter, kind: Scalar) {
    let (name, format) = schema_type(kind);
    writer.text("type", name);
    if let Some(format) = format {
        writer.text("format", format);
    }
}

fn properties(writer: &mut JsonWriter, fields: &'static [FieldSpec]) {
    writer.object("properties", |writer| {
        for field in fields {
            writer.object(field.name, |writer| property(writer, field));
        }
    });
}

fn property(writer: &mut JsonWriter, field: &'static FieldSpec) {
    writer.text("description", field.description);
    match field.kind {
        FieldKind::Value(kind) => {
            scalar(writer, kind);
            writer.text("example", field.example);
        }
        FieldKind::Object(members) => {
            writer.text("type", "object");
            properties(writer, members);
        }
        FieldKind::List(members) => {
            writer.text("type", "array");
            writer.object("items", |writer| {
                writer.text("type", "object");
                properties(writer, members);
            });
        }
        FieldKind::Texts => {
            writer.text("type", "array");
            writer.object("items", |writer| {
                writer.text("type", "string");
                writer.text("example", field.example);
            });
        }
    }
}

/// Errors by their status, in the order of the statuses.
fn errors(writer: &mut JsonWriter, errors: &'static [ErrorSpec]) {
    const STATUSES: [(u16, &str); 6] = [
        (400, "400"),
        (403, "403"),
        (404, "404"),
        (409, "409"),
        (500, "500"),
        (503, "503"),
    ];
    for (status, name) in STATUSES {
        let of_status = || {
            errors
                .iter()
                .filter(move |error| error.http_status == status)
        };
        if of_status().next().is_some() {
            writer.list(name, of_status(), |writer, error| {
                writer.text("errorCode", error.code);
                writer.text("errorMessage", error.message);
            });
        }
    }
}

/// What a policy must allow; nothing for an operation that is open to all.
fn ram_actions(writer: &mut JsonWriter, spec: &'static OperationSpec) {
    writer.list("ramActions", spec.ram_action, |writer, action| {
        writer.text(
            "operationType",
            match spec.access {
                Access::Get => "get",
                Access::List => "list",
                Access::Write => "update",
            },
        );
        writer.object("ramAction", |writer| {
            writer.text("action", action);
            writer.text("authLevel", "operate");
        });
    });
}

/// A JSON text within JSON, as the vendor has it.
fn response_demo(spec: &OperationSpec) -> String {
    let example = String::from_utf8(example_answer(spec)).unwrap_or_default();
    let mut writer = JsonWriter::with_capacity(example.len() * 2);
    writer.text("type", "json");
    writer.text("example", &example);
    writer.text("errorExample", "");
    let object = String::from_utf8(writer.finish()).unwrap_or_default();
    format!("[{object}]")
}
