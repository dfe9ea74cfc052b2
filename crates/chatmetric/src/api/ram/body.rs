//! The body of an answer of RAM, as a tree of members.
//!
//! RAM's answers are small and nested, so they are built as data: a test compares
//! them with what the operation says of its answer. Invariant: `Debug` shows names
//! only, because one answer holds a new secret.

use chatmetric_rpc::response::{Document, FieldWriter, RequestId};
use std::fmt;

/// The members of an object, in wire order.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// A member's value.
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// A number.
    Integer(i64),
    /// A boolean.
    Bool(bool),
    /// An object.
    Object(Fields),
    /// A list of objects.
    List(Vec<Fields>),
    /// A list of strings.
    Texts(Vec<String>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) | Self::Integer(_) | Self::Bool(_) => f.write_str("…"),
            Self::Object(fields) => f.debug_map().entries(fields.iter().map(pair)).finish(),
            Self::List(items) => write!(f, "[{} items]", items.len()),
            Self::Texts(items) => write!(f, "[{} texts]", items.len()),
        }
    }
}

fn pair<'a>(field: &'a (&'static str, Value)) -> (&'static str, &'a Value) {
    (field.0, &field.1)
}

/// A success body: the request's id and the operation's own members.
#[derive(Debug)]
pub(crate) struct Body {
    request_id: RequestId,
    fields: Fields,
}

impl Body {
    pub(crate) fn new(request_id: RequestId, fields: Fields) -> Self {
        Self { request_id, fields }
    }
}

impl Document for Body {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        writer.text("RequestId", &self.request_id.to_string());
        write(writer, &self.fields);
    }
}

fn write<W: FieldWriter>(writer: &mut W, fields: &Fields) {
    for (name, value) in fields {
        match value {
            Value::Text(text) => writer.text(name, text),
            Value::Integer(number) => writer.integer(name, *number),
            Value::Bool(value) => writer.boolean(name, *value),
            Value::Object(fields) => writer.object(name, |writer| write(writer, fields)),
            Value::List(items) => writer.list(name, items, |writer, item| write(writer, item)),
            Value::Texts(items) => writer.text_list(name, items.iter().map(String::as_str)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_values() {
        let key = vec![("AccessKeySecret", Value::Text("canary".to_owned()))];
        let fields = vec![("AccessKey", Value::Object(key)), ("Text", "canary".into())];
        let body = Body::new(RequestId::from_random([0; 16]), fields);
        let shown = format!("{body:?}");
        assert!(shown.contains("AccessKeySecret"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
