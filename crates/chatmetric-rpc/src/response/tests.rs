//! Tests: bodies byte for byte, and that hostile text stays well-formed.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::error::{
    AccessDeniedDetail, Diagnosis, NoPermissionType, PolicyType, PrincipalType, SignedText,
};

struct Row {
    sent: u64,
    start_ms: i64,
    number: &'static str,
}

struct Answer(Vec<Row>);

impl Document for Answer {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        writer.text("RequestId", "1612C226-E271-4CFE-9F18-406600000000");
        writer.text("Code", "OK");
        writer.list("Data", &self.0, |writer, row| {
            writer.unsigned("SentCount", row.sent);
            writer.integer("Start", row.start_ms);
            writer.text("PhoneNumber", row.number);
        });
        writer.object("More", |writer| {
            writer.boolean("Flag", true);
            writer.text_list("Names", ["a", "b&c"]);
            writer.object("Empty", |_| {});
        });
        writer.text("AccessDeniedDetail", "NONE");
    }
}

fn check(format: ResponseFormat, rows: Vec<Row>, expected: Expect) {
    let body = render(format, "GetChatappPhoneNumberMetric", &Answer(rows));
    expected.assert_eq(&String::from_utf8(body).unwrap());
}

fn rows() -> Vec<Row> {
    vec![
        Row {
            sent: 10,
            start_ms: 1_669_619_491_000,
            number: "861380000",
        },
        Row {
            sent: u64::MAX,
            start_ms: i64::MIN,
            number: "<\"\u{1}\\>",
        },
    ]
}

#[test]
fn success_bodies() {
    check(
        ResponseFormat::Json,
        rows(),
        expect![[
            r#"{"RequestId":"1612C226-E271-4CFE-9F18-406600000000","Code":"OK","Data":[{"SentCount":10,"Start":1669619491000,"PhoneNumber":"861380000"},{"SentCount":18446744073709551615,"Start":-9223372036854775808,"PhoneNumber":"<\"\u0001\\>"}],"More":{"Flag":true,"Names":["a","b&c"],"Empty":{}},"AccessDeniedDetail":"NONE"}"#
        ]],
    );
    check(
        ResponseFormat::Xml,
        rows(),
        expect![[
            r#"<?xml version='1.0' encoding='UTF-8'?><GetChatappPhoneNumberMetricResponse><RequestId>1612C226-E271-4CFE-9F18-406600000000</RequestId><Code>OK</Code><Data><SentCount>10</SentCount><Start>1669619491000</Start><PhoneNumber>861380000</PhoneNumber></Data><Data><SentCount>18446744073709551615</SentCount><Start>-9223372036854775808</Start><PhoneNumber>&lt;"�\&gt;</PhoneNumber></Data><More><Flag>true</Flag><Names>a</Names><Names>b&amp;c</Names><Empty></Empty></More><AccessDeniedDetail>NONE</AccessDeniedDetail></GetChatappPhoneNumberMetricResponse>"#
        ]],
    );
}

/// The same rows, as a list of objects and as a table.
#[derive(Clone, Debug)]
struct Twice {
    sets: Vec<(String, String)>,
    rows: Vec<(usize, [i64; 3])>,
    as_table: bool,
}

impl Document for Twice {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        writer.text("Code", "OK");
        if self.as_table {
            let sets = self.sets.iter().map(|(a, b)| vec![a.as_str(), b.as_str()]);
            let table = Table {
                integers: ["SentCount", "Start", "End"],
                texts: &["PhoneNumber", "Granularity"],
                sets: &sets.collect::<Vec<_>>(),
            };
            writer.table("Data", &table, self.rows.iter().copied());
        } else {
            writer.list("Data", &self.rows, |writer, (set, integers)| {
                writer.integer("SentCount", integers[0]);
                writer.integer("Start", integers[1]);
                writer.integer("End", integers[2]);
                writer.text("PhoneNumber", &self.sets[*set].0);
                writer.text("Granularity", &self.sets[*set].1);
            });
        }
        writer.text("AccessDeniedDetail", "NONE");
    }
}

fn twice() -> impl Strategy<Value = Twice> {
    let integer = || {
        prop_oneof![
            0..2_000_i64,
            1_700_000_000_000..1_800_000_000_000_i64,
            any::<i64>()
        ]
    };
    let text = || prop_oneof!["[0-9]{1,20}", ".*"];
    let sets = proptest::collection::vec((text(), text()), 1..4);
    let row = (any::<usize>(), [integer(), integer(), integer()]);
    (sets, proptest::collection::vec(row, 0..80)).prop_map(|(sets, rows)| Twice {
        rows: rows
            .into_iter()
            .map(|(set, row)| (set % sets.len(), row))
            .collect(),
        sets,
        as_table: true,
    })
}

proptest! {
    #[test]
    fn a_table_is_a_list_of_objects(table in twice()) {
        let list = Twice { as_table: false, ..table.clone() };
        for format in [ResponseFormat::Json, ResponseFormat::Xml] {
            prop_assert_eq!(render(format, "A", &table), render(format, "A", &list));
        }
    }

    #[test]
    fn a_table_is_what_serde_json_writes(table in twice()) {
        let rows = table.rows.iter().map(|(set, [sent, start, end])| {
            let (number, granularity) = &table.sets[*set];
            serde_json::json!({
                "SentCount": sent, "Start": start, "End": end,
                "PhoneNumber": number, "Granularity": granularity,
            })
        });
        let expected = serde_json::json!({
            "Code": "OK", "Data": rows.collect::<Vec<_>>(), "AccessDeniedDetail": "NONE",
        });
        let body = render(ResponseFormat::Json, "A", &table);
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
    }
}

#[test]
fn without_rows_json_has_an_empty_list_and_xml_no_element() {
    check(
        ResponseFormat::Json,
        vec![],
        expect![[
            r#"{"RequestId":"1612C226-E271-4CFE-9F18-406600000000","Code":"OK","Data":[],"More":{"Flag":true,"Names":["a","b&c"],"Empty":{}},"AccessDeniedDetail":"NONE"}"#
        ]],
    );
    check(
        ResponseFormat::Xml,
        vec![],
        expect![
            "<?xml version='1.0' encoding='UTF-8'?><GetChatappPhoneNumberMetricResponse><RequestId>1612C226-E271-4CFE-9F18-406600000000</RequestId><Code>OK</Code><More><Flag>true</Flag><Names>a</Names><Names>b&amp;c</Names><Empty></Empty></More><AccessDeniedDetail>NONE</AccessDeniedDetail></GetChatappPhoneNumberMetricResponse>"
        ],
    );
}

fn context() -> ErrorContext<'static> {
    ErrorContext {
        request_id: RequestId::from_random([0xab; 16]),
        host: "http://127.0.0.1:18473/",
        product: "Cams",
    }
}

fn check_error(format: ResponseFormat, error: &ApiError, expected: Expect) {
    let body = render_error(format, error, &context());
    expected.assert_eq(&String::from_utf8(body).unwrap());
}

fn denied() -> ApiError {
    ApiError::PermissionDeny {
        detail: Some(Box::new(AccessDeniedDetail {
            auth_action: "cams:GetChatappPhoneNumberMetric".to_owned(),
            auth_principal_type: PrincipalType::SubUser,
            auth_principal_display_name: "reader".to_owned(),
            auth_principal_owner_id: "1000000000000001".to_owned(),
            no_permission_type: NoPermissionType::ImplicitDeny,
            policy_type: PolicyType::AccountLevelIdentityBasedPolicy,
            diagnosis: Diagnosis {
                resource: "not for the wire".to_owned(),
                ..Diagnosis::default()
            },
            encoded_diagnostic_message: None,
        })),
    }
}

#[test]
fn error_bodies() {
    let format = ApiError::TimestampFormat;
    check_error(
        ResponseFormat::Json,
        &format,
        expect![[
            r#"{"RequestId":"ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB","Message":"Specified time stamp or date value is not well formatted.","Recommend":"/troubleshoot?q=InvalidTimeStamp.Format&product=Cams&requestId=ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB","HostId":"http://127.0.0.1:18473/","Code":"InvalidTimeStamp.Format"}"#
        ]],
    );
    check_error(
        ResponseFormat::Xml,
        &format,
        expect![
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB</RequestId><HostId>http://127.0.0.1:18473/</HostId><Code>InvalidTimeStamp.Format</Code><Message>Specified time stamp or date value is not well formatted.</Message><Recommend><![CDATA[/troubleshoot?q=InvalidTimeStamp.Format&product=Cams&requestId=ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB]]></Recommend></Error>"
        ],
    );
    check_error(
        ResponseFormat::Json,
        &denied(),
        expect![[
            r#"{"RequestId":"ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB","Message":"You are not authorized to perform the operation.","Recommend":"/troubleshoot?q=Ram.PermissionDeny&product=Cams&requestId=ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB","HostId":"http://127.0.0.1:18473/","Code":"Ram.PermissionDeny","AccessDeniedDetail":{"PolicyType":"AccountLevelIdentityBasedPolicy","AuthPrincipalOwnerId":"1000000000000001","AuthPrincipalType":"SubUser","AuthPrincipalDisplayName":"reader","NoPermissionType":"ImplicitDeny","AuthAction":"cams:GetChatappPhoneNumberMetric"}}"#
        ]],
    );
    check_error(
        ResponseFormat::Xml,
        &denied(),
        expect![
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB</RequestId><HostId>http://127.0.0.1:18473/</HostId><Code>Ram.PermissionDeny</Code><Message>You are not authorized to perform the operation.</Message><Recommend><![CDATA[/troubleshoot?q=Ram.PermissionDeny&product=Cams&requestId=ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB]]></Recommend><AccessDeniedDetail><PolicyType>AccountLevelIdentityBasedPolicy</PolicyType><AuthPrincipalOwnerId>1000000000000001</AuthPrincipalOwnerId><AuthPrincipalType>SubUser</AuthPrincipalType><AuthPrincipalDisplayName>reader</AuthPrincipalDisplayName><NoPermissionType>ImplicitDeny</NoPermissionType><AuthAction>cams:GetChatappPhoneNumberMetric</AuthAction></AccessDeniedDetail></Error>"
        ],
    );
    let mismatch = ApiError::SignatureMismatchV3 {
        string_to_sign: SignedText::new("ACS3-HMAC-SHA256\nabc".to_owned()),
        canonical_request: SignedText::new("POST\n/\nA=%3C\n".to_owned()),
    };
    check_error(
        ResponseFormat::Json,
        &mismatch,
        expect![[
            r#"{"RequestId":"ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB","Message":"Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\nabc] server CanonicalRequest is [POST\n/\nA=%3C\n]","Recommend":"/troubleshoot?q=SignatureDoesNotMatch&product=Cams&requestId=ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB","HostId":"http://127.0.0.1:18473/","Code":"SignatureDoesNotMatch"}"#
        ]],
    );
}

#[test]
fn every_member_of_an_error_is_a_string_and_the_detail_an_object_of_strings() {
    let body = render_error(ResponseFormat::Json, &denied(), &context());
    let tree: serde_json::Value = serde_json::from_slice(&body).unwrap();
    for name in ["RequestId", "Message", "Recommend", "HostId", "Code"] {
        assert!(tree[name].is_string(), "{name}");
    }
    let detail = tree["AccessDeniedDetail"].as_object().unwrap();
    assert_eq!(detail.len(), 6);
    assert!(detail.values().all(serde_json::Value::is_string));
    let other = render_error(ResponseFormat::Json, &ApiError::NonceUsed, &context());
    let tree: serde_json::Value = serde_json::from_slice(&other).unwrap();
    assert_eq!(tree.get("AccessDeniedDetail"), None, "only for a denial");
}

#[test]
fn the_recommendation_leads_to_no_other_host() {
    let body = render_error(ResponseFormat::Json, &ApiError::NonceUsed, &context());
    let tree: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let recommend = tree["Recommend"].as_str().unwrap();
    assert!(recommend.starts_with("/troubleshoot?q=SignatureNonceUsed&product=Cams&requestId="));
}

#[test]
fn headers_of_an_answer() {
    let id = RequestId::from_random([0xff; 16]);
    assert_eq!(id.to_string(), "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF");
    let counted = RequestId::from_random(std::array::from_fn(|at| at as u8 * 0x11));
    assert_eq!(counted.to_string(), "00112233-4455-4677-8899-AABBCCDDEEFF");
    let trace = TraceId::from_random([0x0f; 16]);
    let common = [
        ("x-acs-request-id", id.to_string().into()),
        ("x-acs-trace-id", "0f".repeat(16).into()),
        ("access-control-allow-origin", "*".into()),
        ("access-control-expose-headers", "*".into()),
    ];
    assert_eq!(headers(id, trace, None), common);
    let limited = headers(
        id,
        trace,
        Some(&ApiError::LimitControl { retry_after_ms: 12 }),
    );
    assert_eq!(limited.last(), Some(&("x-acs-retry-after", "12".into())));
    let method = headers(id, trace, Some(&ApiError::UnsupportedMethod));
    assert_eq!(method.last(), Some(&("allow", "GET, POST".into())));
    // SDKs take any error with this header for throttling.
    let busy = headers(id, trace, Some(&ApiError::ServiceUnavailable));
    assert_eq!(busy, common);
}

#[test]
fn content_types_are_exact() {
    let error = ApiError::NonceUsed;
    let trace = TraceId::from_random([0; 16]);
    let json = error_response(ResponseFormat::Json, &error, &context(), trace);
    assert_eq!(
        (json.status, json.content_type),
        (400, "application/json;charset=utf-8")
    );
    let xml = success_response(
        ResponseFormat::Xml,
        "A",
        &Answer(vec![]),
        context().request_id,
        trace,
    );
    assert_eq!(
        (xml.status, xml.content_type),
        (200, "text/xml;charset=utf-8")
    );
}

#[test]
fn a_long_host_is_cut_between_characters() {
    let host = "é".repeat(200);
    let cut = host_id(&host);
    assert_eq!(cut.len(), 254);
    assert!(host.starts_with(cut));
}

#[test]
fn cdata_cannot_be_left() {
    let mut writer = XmlWriter::with_root("E", 0);
    writer.cdata("R", "a]]>b]]]>");
    let text = String::from_utf8(writer.finish()).unwrap();
    assert!(
        text.ends_with("<E><R><![CDATA[a]]]]><![CDATA[>b]]]]><![CDATA[]>]]></R></E>"),
        "{text}"
    );
}

struct OneText<'a>(&'a str);

impl Document for OneText<'_> {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        writer.text("T", self.0);
        writer.text_list("L", [self.0]);
    }
}

/// Reads XML text back as a parser would.
fn unescape(text: &str) -> String {
    text.replace("&#13;", "\r")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

proptest! {
    #[test]
    fn any_text_survives_json(text in any::<String>()) {
        let body = render(ResponseFormat::Json, "A", &OneText(&text));
        prop_assert!(body.iter().all(|b| *b >= 0x20 && *b != 0x7f), "no control characters");
        let tree: serde_json::Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(tree, serde_json::json!({"T": text, "L": [text]}));
    }

    #[test]
    fn any_text_survives_xml_but_for_what_xml_cannot_hold(text in any::<String>()) {
        let body = String::from_utf8(render(ResponseFormat::Xml, "A", &OneText(&text))).unwrap();
        let inner = body.split("<T>").nth(1).unwrap().split("</T>").next().unwrap();
        prop_assert!(!inner.contains('<') && !inner.contains('\r'));
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        let expected: String =
            text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect();
        prop_assert_eq!(unescape(inner), expected);
    }
}
