//! `GET operations`: every operation that is served, for the form and the documentation
//! of the Explorer. From the same data as the published metadata.

use super::ask::answer_of;
use super::changes::{Change, changes_of};
use super::error::ConsoleError;
use crate::api::action::Action;
use crate::api::spec::{Access, FieldKind, FieldSpec, OperationSpec, ParameterSpec, Scalar};
use crate::server::answer::Answer;
use serde_json::{Value, json};

/// `GET operations`
pub(super) fn list() -> Result<Answer, ConsoleError> {
    let operations: Vec<_> = Action::all().map(Action::spec).map(operation).collect();
    answer_of(&json!({ "operations": operations }))
}

fn operation(spec: &'static OperationSpec) -> Value {
    let kind = match spec.access {
        Access::Get | Access::List => "read",
        Access::Write => "write",
    };
    let errors = spec.errors.iter().map(|error| {
        json!({
            "code": error.code,
            "status": error.http_status,
            "message": error.message,
        })
    });
    json!({
        "name": spec.name,
        "product": spec.product.name(),
        "version": spec.product.version(),
        "kind": kind,
        "summary": spec.title,
        "description": spec.description,
        "callsPerSecond": spec.calls_per_second,
        "ramAction": spec.ram_action,
        "parameters": spec.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "response": fields("", spec.answer),
        "errors": errors.collect::<Vec<_>>(),
        "changes": changes_of(spec.name).map(change).collect::<Vec<_>>(),
    })
}

fn change(change: &'static Change) -> Value {
    json!({
        "version": change.version,
        "date": change.date,
        "text": change.text,
    })
}

const fn kind_of(kind: Scalar) -> (&'static str, Option<&'static str>) {
    match kind {
        Scalar::Text => ("string", None),
        Scalar::Int32 => ("integer", Some("int32")),
        Scalar::Int64 => ("integer", Some("int64")),
        Scalar::Bool => ("boolean", None),
    }
}

fn parameter(parameter: &ParameterSpec) -> Value {
    let (kind, format) = kind_of(parameter.kind);
    let choices = Some(parameter.choices).filter(|choices| !choices.is_empty());
    json!({
        "name": parameter.name,
        "type": kind,
        "format": format,
        "required": parameter.required,
        "enum": choices,
        "default": parameter.default,
        "example": parameter.example,
        "description": parameter.description,
        "pattern": null,
    })
}

/// Members with their paths, as `Data[].SentCount`.
fn fields(above: &str, members: &'static [FieldSpec]) -> Vec<Value> {
    let mut all = Vec::new();
    for member in members {
        let name = format!("{above}{}", member.name);
        let (kind, below, members): (&str, String, &'static [FieldSpec]) = match member.kind {
            FieldKind::Value(kind) => (kind_of(kind).0, String::new(), &[]),
            FieldKind::Texts => ("array", String::new(), &[]),
            FieldKind::Object(members) => ("object", format!("{name}."), members),
            FieldKind::List(members) => ("array", format!("{name}[]."), members),
        };
        all.push(json!({
            "name": name,
            "type": kind,
            "description": member.description,
            "example": member.example,
        }));
        all.extend(fields(&below, members));
    }
    all
}
