//! AccessKeys: whose they are, when they work, when they worked last.

use super::Ram;
use crate::world::{World, key};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::sign::Credentials;

pub(super) const OPERATIONS: &[&str] = &[
    "CreateAccessKey",
    "ListAccessKeys",
    "UpdateAccessKey",
    "DeleteAccessKey",
    "GetAccessKeyLastUsed",
];

/// The key of an answer.
fn credentials(made: &serde_json::Value) -> Credentials {
    let text = |name: &str| made["AccessKey"][name].as_str().expect("text").to_owned();
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret: SecretKey::new(text("AccessKeySecret")),
        security_token: None,
    }
}

#[test]
fn access_keys_live_and_are_refused_as_declared() {
    let world = World::start();
    let ram = Ram::new(&world);
    ram.ok("CreateUser", &[("UserName", "alice")]);
    ram.ok(
        "AttachPolicyToUser",
        &[
            ("UserName", "alice"),
            ("PolicyName", "MetricsRead"),
            ("PolicyType", "Custom"),
        ],
    );
    let made = ram.ok("CreateAccessKey", &[("UserName", "alice")]);
    assert_eq!(made["AccessKey"]["Status"], "Active");
    let alice = credentials(&made);
    let id = alice.access_key_id.clone();
    let named = [("UserName", "alice"), ("UserAccessKeyId", id.as_str())];

    // It was never used; then it is, and this is known to the second.
    let unused = ram.ok("GetAccessKeyLastUsed", &named);
    assert_eq!(unused["AccessKeyLastUsed"], serde_json::json!({}));
    let range = [("Start", "1767139200000"), ("End", "1767312000000")];
    let ask = || {
        let signed = world.v3(&alice, "GetChatappPhoneNumberMetric", &range);
        world.post(&signed).code()
    };
    assert_eq!(ask(), "OK");
    let used = world.date();
    world.clock.advance_ms(5_000);
    let told = ram.ok("GetAccessKeyLastUsed", &named);
    assert_eq!(told["AccessKeyLastUsed"]["LastUsedDate"], used);

    // Turned off, it signs nothing; turned on again, it does.
    let status = |status| {
        let mut query = named.to_vec();
        query.push(("Status", status));
        ram.ok("UpdateAccessKey", &query);
    };
    status("Inactive");
    assert_eq!(ask(), "InvalidAccessKeyId.Inactive");
    status("Active");
    assert_eq!(ask(), "OK");

    let listed = ram.ok("ListAccessKeys", &[("UserName", "alice")]);
    assert_eq!(listed["AccessKeys"]["AccessKey"][0]["AccessKeyId"], id);
    ram.ok("CreateAccessKey", &[("UserName", "alice")]);
    ram.refused(
        409,
        "LimitExceeded.User.AccessKey",
        "CreateAccessKey",
        &[("UserName", "alice")],
    );
    ram.ok("DeleteAccessKey", &named);
    assert_eq!(ask(), "InvalidAccessKeyId.NotFound");
    ram.ok("CreateAccessKey", &[("UserName", "alice")]);

    refusals(&ram, &named);
    ram.assert_complete(OPERATIONS);
}

fn refusals(ram: &Ram<'_>, gone: &[(&str, &str)]) {
    for action in ["CreateAccessKey", "ListAccessKeys"] {
        ram.refused(
            404,
            "EntityNotExist.User",
            action,
            &[("UserName", "missing")],
        );
    }
    for action in ["UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed"] {
        let with_status = |query: &[(&'static str, &'static str)]| {
            let mut query = query.to_vec();
            query.push(("Status", "Active"));
            query
        };
        let no_user = with_status(&[("UserName", "missing"), ("UserAccessKeyId", "LTAIreader")]);
        ram.refused(404, "EntityNotExist.User", action, &no_user);
        // A key of another user, of the owner, of another account, of nobody.
        for id in ["LTAIreader", "LTAIowner", "LTAIisv", "LTAImissing", "é"] {
            let foreign = with_status(&[("UserName", "alice"), ("UserAccessKeyId", id)]);
            ram.refused(404, "EntityNotExist.User.AccessKey", action, &foreign);
        }
        let mut query = gone.to_vec();
        query.push(("Status", "Active"));
        ram.refused(404, "EntityNotExist.User.AccessKey", action, &query);
        ram.refused(
            400,
            "MissingUserAccessKeyId",
            action,
            &[("UserName", "alice")],
        );
    }
    let odd = [
        ("UserName", "reader"),
        ("UserAccessKeyId", "LTAIreader"),
        ("Status", "active"),
    ];
    ram.refused(400, "InvalidParameter.Status", "UpdateAccessKey", &odd);
}

#[test]
fn without_a_name_everybody_acts_on_their_own_keys() {
    let world = World::start();
    let ram = Ram::new(&world);
    // The user may do everything with keys of the whole account.
    world.apply(&super::acme(
        "[[account.policy]]\nname = \"MetricsRead\"\ndocument = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ram:*AccessKey*\",\"Resource\":\"*\"}]}'\n",
    ));
    let ids = |who: &str, query: &[(&str, &str)]| {
        let listed = ram.ok_as(who, "ListAccessKeys", query);
        let keys = listed["AccessKeys"]["AccessKey"]
            .as_array()
            .expect("a list");
        let ids = keys.iter().map(|key| key["AccessKeyId"].as_str());
        ids.map(|id| id.expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("reader", &[]), ["LTAIreader"]);
    assert_eq!(ids("owner", &[]), ["LTAIinactive", "LTAIowner"]);
    assert_eq!(ids("owner", &[("UserName", "reader")]), ["LTAIreader"]);

    // Not even then does anything of the user's reach the owner's keys.
    let owners = [("UserAccessKeyId", "LTAIowner"), ("Status", "Inactive")];
    for action in ["UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed"] {
        let reply = ram.call_as("reader", action, &owners);
        assert_eq!(reply.code(), "EntityNotExist.User.AccessKey", "{action}");
    }
    let made = ram.ok_as("reader", "CreateAccessKey", &[]);
    let made = credentials(&made).access_key_id;
    assert!(ids("reader", &[]).contains(&made));
    assert!(!ids("owner", &[]).contains(&made));

    // The owner has two keys, one of them inactive: both count.
    ram.refused(409, "LimitExceeded.User.AccessKey", "CreateAccessKey", &[]);
    ram.ok("DeleteAccessKey", &[("UserAccessKeyId", "LTAIinactive")]);
    let second = credentials(&ram.ok("CreateAccessKey", &[]));
    let reply = world.post(&world.v3(&second, "ListUsers", &[]));
    assert_eq!(
        reply.status, 200,
        "a key of the owner is not limited: {reply:?}"
    );
    // Whoever may delete keys may delete the one that signs the call.
    let own = [("UserAccessKeyId", "LTAIreader")];
    ram.ok_as("reader", "DeleteAccessKey", &own);
    let reply = world.post(&world.v3(&key("reader"), "ListAccessKeys", &[]));
    assert_eq!(reply.code(), "InvalidAccessKeyId.NotFound");
}
