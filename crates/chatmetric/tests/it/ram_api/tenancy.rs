//! Tenancy of the product RAM: every operation, called by the owner of another account
//! with the names of what ACME has.
//!
//! Not here: who of an account may do what (`rights`); spaces and numbers (`authz`).
//! Invariant: an operation without a row in [`wanted`] does not compile.

use super::{DOCUMENT, Ram, TRUST, acme};
use crate::world::{Reply, World};
use chatmetric::api::ram::RamAction;
use chatmetric::api::spec::{Access, OperationSpec};
use serde_json::Value;
use std::collections::BTreeSet;

const ACME: &str = "1000000000000001";
const ISV: &str = "2000000000000002";
/// In every text that ACME's objects have, and in no call of others.
const MARK: &str = "ofacme";
/// What ACME's objects are called: nobody who did not say a name is told it.
const NAMES: [&str; 8] = [
    "alice",
    "staff",
    "auditor",
    "ReadCounts",
    "MetricsRead",
    "NoMetrics",
    "LTAI5tExample0000000001",
    "LTAIowner",
];

/// A parameter of a call.
type Parameter = (&'static str, String);

/// Makes objects of ACME with the names of the examples, and a denial; gives its message.
fn prepared(ram: &Ram<'_>) -> String {
    let document = DOCUMENT.replace("\"*\"", "\"acs:cams:*:*:ofacme\"");
    ram.world.apply(&acme(&format!(
        r#"
[[account.policy]]
name = "ReadCounts"
description = "reads, ofacme"
document = '{document}'
[[account.user]]
name = "alice"
display_name = "Alice ofacme"
comments = "user ofacme"
policies = ["ReadCounts"]
[[account.user.access_key]]
id = "LTAI5tExample0000000001"
secret = "secret-ofacme"
[[account.group]]
name = "staff"
comments = "group ofacme"
users = ["alice"]
policies = ["ReadCounts"]
[[account.role]]
name = "auditor"
description = "audits, ofacme"
trust_policy = '{TRUST}'
policies = ["ReadCounts"]
"#
    )));
    // The version of the examples is not in effect: it could be deleted or put into effect.
    let version = [
        ("PolicyName", "ReadCounts"),
        ("PolicyDocument", DOCUMENT),
        ("SetAsDefault", "true"),
    ];
    ram.ok("CreatePolicyVersion", &version);
    let denied = ram.world.metric("denied", &[("Start", "1"), ("End", "2")]);
    let message = denied.detail_member("EncodedDiagnosticMessage");
    message.expect("a message")
}

/// Objects of the ISV that have the names of ACME's.
fn namesakes() -> String {
    let trust = TRUST.replace(ACME, ISV);
    format!(
        r#"
[[account]]
id = "{ISV}"
[[account.policy]]
name = "ReadCounts"
document = '{DOCUMENT}'
[[account.user]]
name = "alice"
[[account.group]]
name = "staff"
[[account.role]]
name = "auditor"
trust_policy = '{trust}'
"#
    )
}

/// Calls of an operation with all of its parameters, from the examples; one that takes
/// keys of the caller's own also without a user's name.
fn calls(spec: &OperationSpec, message: &str) -> Vec<Vec<Parameter>> {
    // A page that begins after a name would not show it.
    let parameters = spec.parameters.iter().filter(|p| p.name != "Marker");
    let all: Vec<Parameter> = parameters
        .map(|p| match p.name {
            "EncodedDiagnosticMessage" => (p.name, message.to_owned()),
            name => (name, p.example.replace(ACME, ISV)),
        })
        .collect();
    let mut calls = vec![all.clone()];
    let mut user = spec.parameters.iter().filter(|p| p.name == "UserName");
    if user.any(|p| !p.required) {
        let own = all.into_iter().filter(|(name, _)| *name != "UserName");
        calls.push(own.collect());
    }
    calls
}

fn names_user(query: &[Parameter]) -> bool {
    query.iter().any(|(name, _)| *name == "UserName")
}

fn ask(ram: &Ram<'_>, who: &str, spec: &OperationSpec, query: &[Parameter]) -> Reply {
    let query: Vec<(&str, &str)> = query.iter().map(|(n, v)| (*n, v.as_str())).collect();
    ram.call_as(who, spec.name, &query)
}

/// What another account is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// As for what is not there, with a code that begins so.
    Refused(&'static str),
    /// It is about the caller's own account.
    Own,
}

/// The rule, written down a second time.
fn wanted(action: RamAction, names_user: bool) -> Wanted {
    use RamAction as R;
    match action {
        R::CreateUser
        | R::CreateGroup
        | R::CreatePolicy
        | R::CreateRole
        | R::ListUsers
        | R::ListGroups
        | R::ListPolicies
        | R::ListRoles => Wanted::Own,
        R::CreateAccessKey | R::ListAccessKeys if !names_user => Wanted::Own,
        R::DecodeDiagnosticMessage => Wanted::Refused("InvalidParameter.EncodedDiagnosticMessage"),
        R::GetUser
        | R::UpdateUser
        | R::DeleteUser
        | R::GetGroup
        | R::UpdateGroup
        | R::DeleteGroup
        | R::AddUserToGroup
        | R::RemoveUserFromGroup
        | R::ListGroupsForUser
        | R::ListUsersForGroup
        | R::CreateAccessKey
        | R::ListAccessKeys
        | R::UpdateAccessKey
        | R::DeleteAccessKey
        | R::GetAccessKeyLastUsed
        | R::GetPolicy
        | R::DeletePolicy
        | R::CreatePolicyVersion
        | R::GetPolicyVersion
        | R::ListPolicyVersions
        | R::DeletePolicyVersion
        | R::SetDefaultPolicyVersion
        | R::AttachPolicyToUser
        | R::AttachPolicyToGroup
        | R::AttachPolicyToRole
        | R::DetachPolicyFromUser
        | R::DetachPolicyFromGroup
        | R::DetachPolicyFromRole
        | R::ListPoliciesForUser
        | R::ListPoliciesForGroup
        | R::ListPoliciesForRole
        | R::ListEntitiesForPolicy
        | R::GetRole
        | R::UpdateRole
        | R::DeleteRole => Wanted::Refused("EntityNotExist."),
    }
}

/// Everything of ACME: its part of the directory, and all that its owner can read.
fn state(ram: &Ram<'_>, message: &str) -> Value {
    let exported = ram.world.directory.export(true).expect("exported");
    let exported = exported.to_json().expect("JSON");
    let exported: Value = serde_json::from_str(&exported).expect("JSON");
    let mut accounts = exported["account"].as_array().expect("accounts").iter();
    let account = accounts.find(|account| account["id"] == ACME);
    let mut told = vec![account.expect("acme").clone()];
    for spec in RamAction::ALL.iter().copied().map(RamAction::spec) {
        if spec.access == Access::Write {
            continue;
        }
        let query = calls(spec, message).swap_remove(0);
        let reply = ask(ram, "owner", spec, &query);
        assert_eq!(reply.status, 200, "{} {query:?}: {reply:?}", spec.name);
        let mut body = reply.json();
        body.as_object_mut()
            .expect("an object")
            .remove("RequestId")
            .expect("an id");
        told.push(body);
    }
    Value::Array(told)
}

/// Ids that were drawn for ACME's objects.
fn ids(told: &Value, found: &mut BTreeSet<String>) {
    match told {
        Value::Array(all) => all.iter().for_each(|one| ids(one, found)),
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("UserId" | "GroupId" | "RoleId", Value::String(id)) => {
                        found.insert(id.clone());
                    }
                    (_, value) => ids(value, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What no answer to another account has in it.
fn marks(state: &Value) -> BTreeSet<String> {
    let mut marks = BTreeSet::from([MARK.to_owned(), ACME.to_owned()]);
    ids(state, &mut marks);
    assert!(marks.len() > 6, "users, a group and a role: {marks:?}");
    marks
}

#[track_caller]
fn assert_tells_nothing(reply: &Reply, query: &[Parameter], marks: &BTreeSet<String>) {
    for mark in marks {
        let was_said = query.iter().any(|(_, value)| value.contains(mark.as_str()));
        assert!(was_said || !reply.body.contains(mark), "{mark}: {reply:?}");
    }
}

fn is_declared(spec: &OperationSpec, reply: &Reply) -> bool {
    let (status, code) = (reply.status, reply.code());
    let mut errors = spec.errors.iter();
    errors.any(|error| error.http_status == status && error.code == code)
}

#[test]
fn nothing_of_another_account_is_told_or_changed() {
    let world = World::start();
    let ram = Ram::new(&world);
    let message = prepared(&ram);
    let before = state(&ram, &message);
    let mut marks = marks(&before);
    marks.extend(NAMES.map(str::to_owned));
    // What is made here would be found by what comes after it.
    let mut actions = RamAction::ALL.to_vec();
    actions.sort_by_key(|action| {
        let is_own = wanted(*action, true) == Wanted::Own;
        (is_own, action.spec().access == Access::Write)
    });
    for action in actions {
        let spec = action.spec();
        for query in calls(spec, &message) {
            let reply = ask(&ram, "isv", spec, &query);
            let seen = format!("{} {query:?}: {reply:?}", spec.name);
            match wanted(action, names_user(&query)) {
                Wanted::Own => assert_eq!(reply.status, 200, "{seen}"),
                Wanted::Refused(code) => {
                    assert_ne!(reply.status, 200, "{seen}");
                    assert!(reply.code().starts_with(code), "{seen}");
                    assert!(is_declared(spec, &reply), "{seen}");
                }
            }
            assert_tells_nothing(&reply, &query, &marks);
        }
    }
    assert_eq!(state(&ram, &message), before);
}

#[test]
fn what_has_the_same_name_is_the_callers_own() {
    let world = World::start();
    let ram = Ram::new(&world);
    let message = prepared(&ram);
    let before = state(&ram, &message);
    let marks = marks(&before);
    for action in RamAction::ALL {
        let spec = action.spec();
        for query in calls(spec, &message) {
            // What the call before took away is there again.
            world.apply(&namesakes());
            let reply = ask(&ram, "isv", spec, &query);
            let is_answer = reply.status == 200 || is_declared(spec, &reply);
            assert!(is_answer, "{} {query:?}: {reply:?}", spec.name);
            assert_tells_nothing(&reply, &query, &marks);
        }
    }
    assert_eq!(state(&ram, &message), before);
}
