//! Rights: each operation needs its own, for exactly what it names.

use super::Ram;
use crate::world::{World, key};
use chatmetric::api::action::Action;
use chatmetric::api::ram::RamAction;
use chatmetric::api::spec::{OperationSpec, Product};
use chatmetric_rpc::credential::AccountId;
use std::fmt::Write as _;

const ACCOUNT: &str = "1000000000000001";

/// The parameters that a call needs, from the examples; of a user's keys, the user.
fn example(spec: &OperationSpec) -> Vec<(&'static str, &'static str)> {
    let parameters = spec.parameters.iter();
    let needed = parameters.filter(|p| p.required || p.name == "UserName");
    needed.map(|p| (p.name, p.example)).collect()
}

/// A user with a key of its own and one policy.
fn user(name: &str, policy: &str) -> String {
    format!(
        "[[account.policy]]\nname = \"{name}\"\ndocument = '{policy}'\n\
         [[account.user]]\nname = \"{name}\"\npolicies = [\"{name}\"]\n\
         [[account.user.access_key]]\nid = \"LTAI{name}\"\nsecret = \"{name}-secret\"\n"
    )
}

fn policy(statements: &[String]) -> String {
    format!(
        r#"{{"Version":"1","Statement":[{}]}}"#,
        statements.join(",")
    )
}

fn statement(effect: &str, action: &str, resources: &[String]) -> String {
    let resources: Vec<String> = resources.iter().map(|r| format!("\"{r}\"")).collect();
    let resources = resources.join(",");
    format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":[{resources}]}}"#)
}

/// How a product tells a denial.
fn denial(product: Product) -> (u16, &'static str) {
    match product {
        Product::Cams => (400, "Ram.PermissionDeny"),
        Product::Ram | Product::Sts => (403, "NoPermission"),
    }
}

#[test]
fn every_operation_needs_its_own_right_and_no_other() {
    let world = World::start();
    let ram = Ram::new(&world);
    let everything = ["*".to_owned()];
    let mut document = String::new();
    for spec in Action::all().map(Action::spec) {
        let action = spec.ram_action.unwrap_or("none:None");
        let only = policy(&[statement("Allow", action, &everything)]);
        document += &user(&format!("only{}", spec.name), &only);
        let but = policy(&[
            statement("Allow", "*", &everything),
            statement("Deny", action, &everything),
        ]);
        document += &user(&format!("but{}", spec.name), &but);
    }
    world.apply(&super::acme(&document));
    let account = AccountId::parse(ACCOUNT).expect("an id");
    let mut checked = 0;
    for spec in Action::all().map(Action::spec) {
        let query = example(spec);
        let ask = |who: &str| ram.call_as(who, spec.name, &query);
        let is_denied = |who: &str| {
            let reply = ask(who);
            (
                reply.status,
                reply.status != 200 && reply.code() == denial(spec.product).1,
            )
        };
        let Some(action) = spec.ram_action else {
            assert!(!is_denied("nobody").1, "{}", spec.name);
            continue;
        };
        for (who, why) in [
            ("nobody".to_owned(), "ImplicitDeny"),
            (format!("but{}", spec.name), "ExplicitDeny"),
        ] {
            let reply = ask(&who);
            let (status, code) = denial(spec.product);
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (status, code),
                "{who}"
            );
            let detail = &reply.json()["AccessDeniedDetail"];
            assert_eq!(detail["AuthAction"], action);
            assert_eq!(detail["NoPermissionType"], why);
            let snapshot = world.directory.snapshot();
            let account = snapshot.account(&account).expect("acme").key;
            let user = snapshot.user_info(account, &who).expect("a user");
            assert_eq!(detail["AuthPrincipalDisplayName"], user.id.as_str());
        }
        assert!(!is_denied(&format!("only{}", spec.name)).1, "{}", spec.name);
        // Policies do not limit the owner; roles are not for the owner.
        let is_for_owner = spec.name != "AssumeRole";
        assert_eq!(is_denied("owner").1, !is_for_owner, "{}", spec.name);
        // Having every other right is not enough: the one of another user is one.
        let other = if spec.name == "GetUser" {
            "onlyListUsers"
        } else {
            "onlyGetUser"
        };
        assert!(is_denied(other).1, "{}", spec.name);
        checked += 1;
    }
    assert!(checked > RamAction::ALL.len(), "{checked}");
}

/// What each operation of RAM acts on, written down a second time, with the names
/// of the examples.
fn acts_on(operation: &str) -> &'static [&'static str] {
    match operation {
        "CreateUser" | "ListUsers" => &["user/*"],
        "GetUser"
        | "UpdateUser"
        | "DeleteUser"
        | "CreateAccessKey"
        | "ListAccessKeys"
        | "UpdateAccessKey"
        | "DeleteAccessKey"
        | "GetAccessKeyLastUsed"
        | "ListGroupsForUser"
        | "ListPoliciesForUser" => &["user/alice"],
        "CreateGroup" | "ListGroups" => &["group/*"],
        "GetGroup"
        | "UpdateGroup"
        | "DeleteGroup"
        | "ListUsersForGroup"
        | "ListPoliciesForGroup" => &["group/staff"],
        "AddUserToGroup" | "RemoveUserFromGroup" => &["user/alice", "group/staff"],
        "CreateRole" | "ListRoles" => &["role/*"],
        "GetRole" | "UpdateRole" | "DeleteRole" | "ListPoliciesForRole" => &["role/auditor"],
        "CreatePolicy" | "ListPolicies" => &["policy/*"],
        "GetPolicy"
        | "DeletePolicy"
        | "CreatePolicyVersion"
        | "GetPolicyVersion"
        | "ListPolicyVersions"
        | "DeletePolicyVersion"
        | "SetDefaultPolicyVersion"
        | "ListEntitiesForPolicy" => &["policy/ReadCounts"],
        "AttachPolicyToUser" | "DetachPolicyFromUser" => &["user/alice", "policy/ReadCounts"],
        "AttachPolicyToGroup" | "DetachPolicyFromGroup" => &["group/staff", "policy/ReadCounts"],
        "AttachPolicyToRole" | "DetachPolicyFromRole" => &["role/auditor", "policy/ReadCounts"],
        "DecodeDiagnosticMessage" => &["*"],
        other => panic!("what does {other} act on?"),
    }
}

#[test]
fn rights_are_for_exactly_what_the_call_names() {
    let world = World::start();
    let ram = Ram::new(&world);
    let arn = |name: &str| format!("acs:ram:*:{ACCOUNT}:{name}");
    let mut document = String::new();
    for action in RamAction::ALL {
        let spec = action.spec();
        let right = format!("ram:{}", spec.name);
        let all: Vec<String> = acts_on(spec.name).iter().map(|name| arn(name)).collect();
        let mut add = |prefix: &str, resources: &[String]| {
            let statements = [statement("Allow", &right, resources)];
            let name = format!("{prefix}{}", spec.name);
            write!(document, "{}", user(&name, &policy(&statements))).expect("written");
        };
        add("all", &all);
        for (index, name) in acts_on(spec.name).iter().enumerate() {
            let mut rest = all.clone();
            let left_out = rest.remove(index);
            // Something that is alike, and the same of another account.
            rest.push(arn(&format!("{}x", name.replace('*', "other"))));
            rest.push(left_out.replace(ACCOUNT, "2000000000000002"));
            add(&format!("without{index}"), &rest);
        }
    }
    world.apply(&super::acme(&document));
    for action in RamAction::ALL {
        let spec = action.spec();
        let query = example(spec);
        let reply = ram.call_as(&format!("all{}", spec.name), spec.name, &query);
        assert!(
            reply.status == 200 || reply.code() != "NoPermission",
            "{}: {reply:?}",
            spec.name
        );
        for (index, left_out) in acts_on(spec.name).iter().enumerate() {
            let who = format!("without{index}{}", spec.name);
            let reply = ram.call_as(&who, spec.name, &query);
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (403, "NoPermission"),
                "{who}"
            );
            let message = format!(
                "You are not authorized to do this action. Resource: {} Action: ram:{}",
                arn(left_out),
                spec.name
            );
            assert_eq!(reply.json()["Message"], message);
        }
    }
}

#[test]
fn a_user_may_be_let_manage_own_keys_only() {
    let world = World::start();
    let ram = Ram::new(&world);
    let own = policy(&[statement(
        "Allow",
        "ram:*AccessKey*",
        &["acs:ram:*:*:user/selfish".to_owned()],
    )]);
    world.apply(&super::acme(&user("selfish", &own)));
    ram.ok_as("selfish", "ListAccessKeys", &[]);
    ram.ok_as("selfish", "ListAccessKeys", &[("UserName", "selfish")]);
    ram.ok_as("selfish", "CreateAccessKey", &[]);
    for action in ["ListAccessKeys", "CreateAccessKey"] {
        let reply = ram.call_as("selfish", action, &[("UserName", "reader")]);
        assert_eq!(reply.code(), "NoPermission", "{action}");
    }
    let owners = [("UserAccessKeyId", "LTAIowner")];
    let reply = ram.call_as("selfish", "DeleteAccessKey", &owners);
    assert_eq!(reply.code(), "EntityNotExist.User.AccessKey");
    // Having no right at all, nobody learns even of own keys.
    assert_eq!(
        ram.call_as("nobody", "ListAccessKeys", &[]).code(),
        "NoPermission"
    );
}

#[test]
fn nothing_of_another_account_is_reached() {
    let world = World::start();
    let ram = Ram::new(&world);
    // The ISV's owner sees an account without users, whatever the names are.
    let listed = ram.ok_as("isv", "ListUsers", &[]);
    assert_eq!(listed["Users"]["User"], serde_json::json!([]));
    for (action, name) in [("GetUser", "reader"), ("DeleteUser", "nobody")] {
        let reply = ram.call_as("isv", action, &[("UserName", name)]);
        assert_eq!(reply.code(), "EntityNotExist.User");
    }
    let reply = ram.call_as(
        "isv",
        "GetPolicy",
        &[("PolicyName", "MetricsRead"), ("PolicyType", "Custom")],
    );
    assert_eq!(reply.code(), "EntityNotExist.Policy");
    ram.ok("GetUser", &[("UserName", "nobody")]);
}

#[test]
fn what_a_call_names_twice_is_refused_before_anything() {
    let world = World::start();
    let (host, date) = (world.address.to_string(), world.date());
    let call = chatmetric_rpc::sign::Call {
        method: chatmetric_rpc::request::Method::Post,
        host: &host,
        action: "DeleteUser",
        version: Product::Ram.version(),
        query: &[("UserName", "nobody")],
        headers: &[],
        body: b"UserName=reader",
        content_type: Some("application/x-www-form-urlencoded"),
        form: &[],
        date: &date,
        nonce: "a nonce of its own",
    };
    let algorithm = chatmetric_rpc::sign::Algorithm::HmacSha256;
    let signed = chatmetric_rpc::sign::sign_v3(algorithm, &key("owner"), &call);
    let reply = world.post(&signed);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "InvalidParameter.UserName")
    );
    let ram = Ram::new(&world);
    ram.ok("GetUser", &[("UserName", "nobody")]);
    ram.ok("GetUser", &[("UserName", "reader")]);
}
