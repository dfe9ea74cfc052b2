//! Calls of the API as the user: the same verifier, rights, throttle and audit.

use super::{ACME, Page, code, console};
use crate::world::World;
use serde_json::{Value, json};

fn call(page: &Page<'_>, product: &str, action: &str, params: &Value) -> Value {
    let body = json!({ "product": product, "action": action, "params": params });
    let reply = page.post("call", &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn body_of(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON")
}

#[test]
fn the_user_calls_as_itself() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let answer = call(&page, "Sts", "GetCallerIdentity", &json!({}));
    assert_eq!(answer["status"], 200, "{answer}");
    let body = body_of(&answer);
    assert_eq!(body["Arn"], "acs:ram::1000000000000001:user/reader");
    assert_eq!(body["RequestId"], answer["requestId"]);
    let request = &answer["request"];
    assert_eq!(request["method"], "POST");
    let canonical = request["canonicalRequest"].as_str().expect("a text");
    assert!(canonical.starts_with("POST\n/\n"), "{canonical}");
    let signed = request["stringToSign"].as_str().expect("a text");
    assert!(signed.starts_with("ACS3-HMAC-SHA256\n"), "{signed}");
    let headers = answer["headers"].as_array().expect("headers");
    assert!(headers.iter().any(|pair| pair[0] == "x-acs-request-id"));
}

#[test]
fn counts_by_a_call_need_the_same_right() {
    let world = console();
    let params = json!({ "Start": 1_767_139_200_000_i64, "End": "1767225600000" });
    let reader = Page::of(&world, ACME, "reader");
    let answer = call(&reader, "cams", "GetChatappPhoneNumberMetric", &params);
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["denied"], Value::Null);
    assert_eq!(body_of(&answer)["Code"], "OK");
    let nobody = Page::of(&world, ACME, "nobody");
    let answer = call(&nobody, "cams", "GetChatappPhoneNumberMetric", &params);
    assert_eq!(answer["status"], 400);
    assert_eq!(body_of(&answer)["Code"], "Ram.PermissionDeny");
    let denied = &answer["denied"];
    assert_eq!(denied["action"], "cams:GetChatappPhoneNumberMetric");
    assert_eq!(denied["resource"], "acs:cams:*:1000000000000001:*");
    assert_eq!(denied["statement"]["Effect"], "Allow");
}

#[test]
fn a_change_by_a_call_is_in_the_audit_log_with_the_user() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let answer = call(&page, "Ram", "CreateUser", &json!({ "UserName": "carol" }));
    assert_eq!(answer["status"], 200, "{answer}");
    let log = page.json("audit?limit=1");
    let entry = &log["entries"][0];
    assert_eq!(entry["action"], "CreateUser");
    assert_eq!(entry["target"], "user/carol");
    assert_eq!(entry["actor"], "user/admin");
    assert_eq!(entry["requestId"], answer["requestId"]);
    assert!(
        entry["accessKeyId"]
            .as_str()
            .is_some_and(|id| id.starts_with("CONSOLE."))
    );
    assert_eq!(entry["sourceIp"], "127.0.0.1");
}

#[test]
fn the_key_of_a_call_opens_nothing_afterwards() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let answer = call(&page, "Sts", "GetCallerIdentity", &json!({}));
    let request = &answer["request"];
    let headers: Vec<(String, String)> = request["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|pair| {
            let text = |at: usize| pair[at].as_str().expect("a text").to_owned();
            (text(0), text(1))
        })
        .collect();
    let target = request["target"].as_str().expect("a target");
    let again = world.send("POST", target, &headers, b"");
    assert_eq!(again.code(), "InvalidAccessKeyId.NotFound");
    let snapshot = world.directory.snapshot();
    assert!(
        snapshot
            .access_keys()
            .all(|key| !key.id.as_str().starts_with("CONSOLE."))
    );
}

#[test]
fn a_call_is_throttled_as_any_other() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let params = json!({ "Start": "1767139200000", "End": "1767225600000" });
    for _ in 0..50 {
        let answer = call(&page, "cams", "GetChatappPhoneNumberMetric", &params);
        assert_eq!(answer["status"], 200);
    }
    let answer = call(&page, "cams", "GetChatappPhoneNumberMetric", &params);
    assert_eq!(body_of(&answer)["Code"], "System.LimitControl");
}

#[test]
fn parameters_cannot_bring_other_credentials() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    for name in ["AccessKeyId", "Signature", "SecurityToken", "action"] {
        let body =
            json!({ "product": "Sts", "action": "GetCallerIdentity", "params": { name: "x" } });
        let reply = page.post("call", &body);
        assert_eq!(code(&reply), "400 InvalidField", "{name}");
    }
    let unknown = json!({ "product": "Ram", "action": "GetCallerIdentity", "params": {} });
    assert_eq!(code(&page.post("call", &unknown)), "400 InvalidField");
}

#[test]
fn every_operation_is_documented() {
    let world = World::start();
    world.apply(super::USERS);
    let page = Page::of(&world, ACME, "nobody");
    let operations = page.json("operations");
    let operations = operations["operations"].as_array().expect("operations");
    let count = chatmetric::api::action::Action::all().count();
    assert_eq!(operations.len(), count);
    let metric = &operations[0];
    assert_eq!(metric["name"], "GetChatappPhoneNumberMetric");
    assert_eq!(metric["ramAction"], "cams:GetChatappPhoneNumberMetric");
    let names: Vec<_> = metric["response"]
        .as_array()
        .expect("members")
        .iter()
        .collect();
    assert!(
        names
            .iter()
            .any(|member| member["name"] == "Data[].SentCount")
    );
}

#[test]
fn a_signature_is_explained() {
    let world = console();
    let page = Page::of(&world, ACME, "nobody");
    let signed = world.v3(&crate::world::key("owner"), "GetCallerIdentity", &[]);
    let mut text = format!("POST {} HTTP/1.1\n", signed.target);
    for (name, value) in &signed.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    let ask = |secret: &str| {
        let body = json!({ "text": text, "secret": secret });
        let reply = page.post("sign/explain", &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!reply.body.contains(secret));
        reply.json()["verdict"]["outcome"].clone()
    };
    assert_eq!(ask("owner-secret"), "matches");
    assert_eq!(ask("some-other-secret"), "does_not_match");
    let nonsense = json!({ "text": "hello" });
    assert_eq!(
        code(&page.post("sign/explain", &nonsense)),
        "400 InvalidField"
    );
}
