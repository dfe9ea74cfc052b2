//! What we serve, for machines: the vendor's metadata shape and OpenAPI 3.1.
//!
//! Both are made from the [`OperationSpec`]s that the operations themselves
//! follow. Nothing in them is a secret, so they need no signature.
//!
//! Invariant: an operation that is served is in both documents, and nothing else is.

mod api_docs;
mod openapi;
mod operator;

use crate::api::action::Action;
use crate::api::spec::{FieldKind, FieldSpec, OperationSpec, Product, Scalar};
use chatmetric_rpc::response::{FieldWriter, JsonWriter};

/// The metadata of a product in the vendor's shape; `host` is where the caller
/// found us.
#[must_use]
pub(crate) fn api_docs(product: Product, host: &str) -> Vec<u8> {
    api_docs::render(product, host)
}

/// OpenAPI 3.1 of everything that is served.
#[must_use]
pub(crate) fn openapi() -> String {
    openapi::render()
}

/// The product and version of a path `/meta/v1/products/{product}/versions/{version}/api-docs.json`.
#[must_use]
pub(crate) fn product_of_path(path: &str) -> Option<Product> {
    let rest = path.strip_prefix("/meta/v1/products/")?;
    let (name, rest) = rest.split_once("/versions/")?;
    let version = rest.strip_suffix("/api-docs.json")?;
    Product::ALL
        .into_iter()
        .find(|product| product.name().eq_ignore_ascii_case(name) && product.version() == version)
}

/// The operations of a product, in the order of the table.
fn operations(product: Product) -> impl Iterator<Item = &'static OperationSpec> {
    Action::all()
        .map(Action::spec)
        .filter(move |spec| spec.product == product)
}

/// Type and format of a scalar, as JSON Schema calls them.
const fn schema_type(kind: Scalar) -> (&'static str, Option<&'static str>) {
    match kind {
        Scalar::Text => ("string", None),
        Scalar::Int32 => ("integer", Some("int32")),
        Scalar::Int64 => ("integer", Some("int64")),
        Scalar::Bool => ("boolean", None),
    }
}

/// An answer made of the examples of its members.
fn example_answer(spec: &OperationSpec) -> Vec<u8> {
    let mut writer = JsonWriter::with_capacity(512);
    write_examples(&mut writer, spec.answer);
    writer.finish()
}

fn write_examples(writer: &mut JsonWriter, fields: &'static [FieldSpec]) {
    for field in fields {
        match field.kind {
            FieldKind::Value(kind) => write_example(writer, field, kind),
            FieldKind::Object(members) => {
                writer.object(field.name, |writer| write_examples(writer, members));
            }
            FieldKind::List(members) => {
                writer.list(field.name, [members], write_examples);
            }
            FieldKind::Texts => writer.text_list(field.name, [field.example]),
        }
    }
}

fn write_example(writer: &mut JsonWriter, field: &'static FieldSpec, kind: Scalar) {
    match kind {
        Scalar::Text => writer.text(field.name, field.example),
        Scalar::Int32 | Scalar::Int64 => {
            writer.integer(field.name, field.example.parse().unwrap_or_default());
        }
        Scalar::Bool => writer.boolean(field.name, field.example == "true"),
    }
}

#[cfg(test)]
mod tests;
