//! The RPC API: answers, errors, their order and their shape.

use crate::world::{World, sample};

/// The range of the samples' days.
const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];

#[test]
fn a_signed_webhook_is_in_the_next_signed_query() {
    let world = World::start();
    let reply = world.webhook("acme-wa", "app-secret-one", &sample("wa_02_sent_v24.json"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = world.metric("owner", &RANGE);
    expect_test::expect![[r#"200 {"RequestId":"<id>","Code":"OK","Message":"None","Data":[{"SentCount":1,"DeliveredCount":0,"Start":1767139200000,"End":1767225600000,"PhoneNumber":"15550100101","Granularity":"DAILY"}],"AccessDeniedDetail":"NONE"}"#]]
        .assert_eq(&reply.stable());
}
