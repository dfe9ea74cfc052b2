//! A JSON tree that refuses what `serde_json::Value` lets pass: a member given twice.
//!
//! Bodies and policies are both judged by it, because "the last one wins" lets two readers of one
//! document disagree. Depth is bounded by serde_json (128), size by the caller.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value; members keep their order, numbers their text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StrictJson {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<StrictJson>),
    Object(Vec<(String, StrictJson)>),
}

/// Parses a document.
pub(crate) fn parse(text: &[u8]) -> Result<StrictJson, serde_json::Error> {
    serde_json::from_slice(text)
}

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = StrictJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<StrictJson, E> {
        Ok(StrictJson::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<StrictJson, E> {
        Ok(StrictJson::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<StrictJson, E> {
        Ok(StrictJson::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<StrictJson, E> {
        Ok(StrictJson::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<StrictJson, E> {
        Ok(StrictJson::Number(format!("{value:?}")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<StrictJson, E> {
        Ok(StrictJson::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<StrictJson, E> {
        Ok(StrictJson::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<StrictJson, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(StrictJson::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StrictJson, A::Error> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        while let Some((name, value)) = map.next_entry::<String, StrictJson>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format_args!(
                    "member `{name}` is given twice"
                )));
            }
            members.push((name, value));
        }
        Ok(StrictJson::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_number_text_are_kept() {
        let tree = parse(br#"{"b":[1,-2,18446744073709551615,1.5,null,true,"x"],"a":{}}"#).unwrap();
        let StrictJson::Object(members) = tree else {
            panic!("an object")
        };
        assert_eq!(members[0].0, "b");
        let StrictJson::Array(items) = &members[0].1 else {
            panic!("an array")
        };
        assert_eq!(
            items[2],
            StrictJson::Number("18446744073709551615".to_owned())
        );
        assert_eq!(items[3], StrictJson::Number("1.5".to_owned()));
        assert_eq!(items[6], StrictJson::String("x".to_owned()));
    }

    #[test]
    fn a_member_given_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("`a` is given twice"), "{error}");
        }
    }

    #[test]
    fn a_bomb_of_brackets_is_refused() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
