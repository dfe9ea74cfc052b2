//! Tests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn parse(query: &str) -> Result<Params, ApiError> {
    let mut list = ParamList::new();
    list.add_encoded(query.as_bytes(), ParamSource::Query)?;
    list.finish()
}

fn parse_json(body: &str) -> Result<Params, ApiError> {
    let mut list = ParamList::new();
    list.add_json(body.as_bytes())?;
    list.finish()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> String {
    outcome.unwrap_err().code().into_owned()
}

#[test]
fn empty_pairs_are_tolerated_and_bare_names_are_empty_values() {
    let params = parse("&&a=1&&b&c=&=".trim_end_matches('=')).unwrap();
    let pairs: Vec<_> = params.iter().map(|p| (p.name(), p.value())).collect();
    assert_eq!(pairs, [("a", "1"), ("b", ""), ("c", "")]);
    assert_eq!(code(parse("a=1&=2")), "InvalidParameter.Name");
    assert_eq!(parse("a=b=c").unwrap().get("a"), Some("b=c"));
    assert!(parse("").unwrap().is_empty());
}

#[test]
fn a_parameter_that_cannot_be_decoded_is_named() {
    assert_eq!(code(parse("Start=%zz")), "InvalidParameter.Start");
    assert_eq!(
        code(parse("PhoneNumber=%ff")),
        "InvalidParameter.PhoneNumber"
    );
    let error = parse("Sta%ffrt=1").unwrap_err();
    assert_eq!(error.code(), "InvalidParameter.Name");
    assert!(
        error.message().contains("'Sta%ffrt'"),
        "{}",
        error.message()
    );
}

#[test]
fn optional_empty_is_absent_and_mandatory_empty_is_missing() {
    let params = parse("a=&n=12&m=-5&x=abc").unwrap();
    assert_eq!(params.get("a"), Some(""));
    assert_eq!(params.optional("a"), None);
    assert_eq!(code(params.required("a")), "Missinga");
    assert_eq!(code(params.required("absent")), "Missingabsent");
    assert_eq!(params.optional_i64("a"), Ok(None));
    assert_eq!(params.optional_i64("n"), Ok(Some(12)));
    assert_eq!(params.required_i64("m"), Ok(-5));
    assert_eq!(
        code(params.required_non_negative_i64("m")),
        "InvalidParameter.m"
    );
    assert_eq!(params.required_non_negative_i64("n"), Ok(12));
}

#[test]
fn integers_are_plain_decimals_of_64_bits() {
    for (text, value) in [
        ("0", 0),
        ("007", 7),
        ("-0", 0),
        ("9223372036854775807", i64::MAX),
    ] {
        assert_eq!(parse_i64("n", text), Ok(value), "{text}");
    }
    for bad in [
        "+1",
        "1.0",
        "1e3",
        " 1",
        "1 ",
        "0x1",
        "9223372036854775808",
        "-",
        "--1",
        "١",
        "",
    ] {
        let error = parse_i64("n", bad).unwrap_err();
        assert_eq!(error.code(), "InvalidParameter.n", "{bad}");
        assert!(
            error.message().contains(&format!("'{bad}'")),
            "{}",
            error.message()
        );
    }
}

#[test]
fn an_echo_is_short_and_clean() {
    let long = echo(&"é".repeat(100));
    assert_eq!(
        long.chars().count(),
        33,
        "32 characters of two bytes and an ellipsis"
    );
    assert_eq!(echo("a\r\nb\u{1b}[31m"), "a\u{fffd}\u{fffd}b\u{fffd}[31m");
}

#[test]
fn json_members_become_parameters_as_sdks_write_them() {
    let params = parse_json(
        r#"{"Start":1,"On":true,"No":null,"List":["x",{"Key":"y"}],"F":{"V":["a"],"E":""}}"#,
    )
    .unwrap();
    let pairs: Vec<_> = params.iter().map(|p| (p.name(), p.value())).collect();
    let expected = [
        ("F.E", ""),
        ("F.V.1", "a"),
        ("List.1", "x"),
        ("List.2.Key", "y"),
        ("On", "true"),
        ("Start", "1"),
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn json_that_is_ambiguous_or_not_an_object_is_refused() {
    for bad in [
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "{} {}",
    ] {
        assert_eq!(code(parse_json(bad)), "InvalidParameter.Body", "{bad}");
    }
    assert_eq!(
        code(parse_json(r#"{"A.1":"x","A":["y"]}"#)),
        "InvalidParameter.A.1"
    );
    assert_eq!(code(parse_json(r#"{"":"x"}"#)), "InvalidParameter.Name");
}

#[test]
fn a_name_in_query_and_body_is_refused_when_parameters_are_due() {
    let mut list = ParamList::new();
    list.add_encoded(b"a=1&b=2", ParamSource::Query).unwrap();
    list.add_encoded(b"b=2", ParamSource::Form).unwrap();
    let params = list.finish().unwrap();
    assert_eq!(code(params.check_unique()), "InvalidParameter.b");
    assert_eq!(parse("a=1&b=2").unwrap().check_unique(), Ok(()));
}

#[test]
fn every_limit_holds_and_what_is_just_below_passes() {
    let many = |n: usize| {
        (0..n)
            .map(|i| format!("p{i}=1"))
            .collect::<Vec<_>>()
            .join("&")
    };
    assert!(parse(&many(PARAMS_MAX)).is_ok());
    assert_eq!(code(parse(&many(PARAMS_MAX + 1))), "InvalidParameter.Count");
    let name = |n: usize| format!("{}=1", "n".repeat(n));
    assert!(parse(&name(NAME_BYTES_MAX)).is_ok());
    assert_eq!(
        code(parse(&name(NAME_BYTES_MAX + 1))),
        "InvalidParameter.Name"
    );
    let value = |n: usize| format!("v={}", "x".repeat(n));
    assert!(parse(&value(VALUE_BYTES_MAX)).is_ok());
    assert_eq!(
        code(parse(&value(VALUE_BYTES_MAX + 1))),
        "InvalidParameter.v"
    );
    let total = |last: usize| {
        let part = "x".repeat(VALUE_BYTES_MAX - 1);
        format!("a={part}&b={part}&c={part}&d={}", "x".repeat(last))
    };
    assert!(parse(&total(VALUE_BYTES_MAX - 1)).is_ok());
    assert_eq!(
        code(parse(&total(VALUE_BYTES_MAX))),
        "InvalidParameter.Size"
    );
    let deep = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
    assert!(parse_json(&deep(JSON_DEPTH_MAX)).is_ok());
    assert_eq!(
        code(parse_json(&deep(JSON_DEPTH_MAX + 1))),
        "InvalidParameter.Body"
    );
    assert!(parse_json(&deep(100_000)).is_err());
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(TOTAL_BYTES_MAX));
    assert_eq!(code(parse_json(&long)), "InvalidParameter.Size");
}

proptest! {
    #[test]
    fn what_was_encoded_is_read_back_sorted(
        pairs in proptest::collection::btree_map(".{1,12}", ".{0,12}", 0..12),
        reversed in any::<bool>(),
    ) {
        let pairs: BTreeMap<String, String> = pairs;
        let mut encoded: Vec<String> = pairs
            .iter()
            .map(|(n, v)| format!("{}={}", percent::encode(n), percent::encode(v)))
            .collect();
        if reversed {
            encoded.reverse();
        }
        let params = parse(&encoded.join("&")).unwrap();
        let read: Vec<_> =
            params.iter().map(|p| (p.name().to_owned(), p.value().to_owned())).collect();
        prop_assert_eq!(read, pairs.clone().into_iter().collect::<Vec<_>>());
        for (name, value) in &pairs {
            prop_assert_eq!(params.get(name), Some(value.as_str()));
        }
        if let Some(first) = encoded.first() {
            let twice = format!("{}&{first}", encoded.join("&"));
            prop_assert!(parse(&twice).is_err());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut list = ParamList::new();
        let _ = list.add_encoded(&text, ParamSource::Form);
        let _ = list.add_json(&text);
        let _ = list.finish();
    }
}
