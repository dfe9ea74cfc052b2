//! Roles and their trust policies.

use super::{DOCUMENT, Ram, TRUST, acme};
use crate::world::World;
use std::fmt::Write as _;

pub(super) const OPERATIONS: &[&str] = &[
    "CreateRole",
    "GetRole",
    "ListRoles",
    "UpdateRole",
    "DeleteRole",
];

#[test]
fn roles_live_and_are_refused_as_declared() {
    let world = World::start();
    let ram = Ram::new(&world);
    let made = ram.ok(
        "CreateRole",
        &[
            ("RoleName", "auditor"),
            ("Description", "audits"),
            ("AssumeRolePolicyDocument", TRUST),
            ("MaxSessionDuration", "7200"),
        ],
    );
    let role = &made["Role"];
    assert_eq!(role["Arn"], "acs:ram::1000000000000001:role/auditor");
    assert_eq!(role["MaxSessionDuration"], 7_200);
    let auditor = [("RoleName", "auditor")];
    let shown = ram.ok("GetRole", &auditor);
    assert_eq!(shown["Role"]["RoleId"], role["RoleId"]);
    assert_eq!(shown["Role"]["AssumeRolePolicyDocument"], TRUST);

    let other = TRUST.replace(":root", ":user/reader");
    let changed = ram.ok(
        "UpdateRole",
        &[
            ("RoleName", "auditor"),
            ("NewAssumeRolePolicyDocument", &other),
            ("NewDescription", "audits more"),
            ("NewMaxSessionDuration", "3600"),
            ("NewAllowConsoleLogin", "false"),
        ],
    );
    assert_eq!(changed["Role"]["AssumeRolePolicyDocument"], other);
    assert_eq!(changed["Role"]["MaxSessionDuration"], 3_600);
    assert_eq!(changed["Role"]["UpdateDate"], world.date());
    let listed = ram.ok("ListRoles", &[]);
    assert_eq!(listed["Roles"]["Role"][0]["Description"], "audits more");

    let policy = [
        ("RoleName", "auditor"),
        ("PolicyName", "MetricsRead"),
        ("PolicyType", "Custom"),
    ];
    ram.ok("AttachPolicyToRole", &policy);
    ram.refused(409, "DeleteConflict.Role.Policy", "DeleteRole", &auditor);
    ram.ok("DetachPolicyFromRole", &policy);
    ram.ok("DeleteRole", &auditor);
    // Without a duration it is an hour.
    let plain = [("RoleName", "auditor"), ("AssumeRolePolicyDocument", TRUST)];
    let again = ram.ok("CreateRole", &plain);
    assert_eq!(again["Role"]["MaxSessionDuration"], 3_600);
    assert_ne!(again["Role"]["RoleId"], role["RoleId"]);

    refusals(&world, &ram);
    ram.assert_complete(OPERATIONS);
}

fn refusals(world: &World, ram: &Ram<'_>) {
    for action in ["GetRole", "UpdateRole", "DeleteRole"] {
        ram.refused(
            404,
            "EntityNotExist.Role",
            action,
            &[("RoleName", "missing")],
        );
        ram.refused(400, "MissingRoleName", action, &[]);
    }
    let make = |more: &[(&'static str, &'static str)]| {
        let mut query = vec![("RoleName", "new"), ("AssumeRolePolicyDocument", TRUST)];
        query.extend_from_slice(more);
        ram.call("CreateRole", &query)
    };
    for (code, parameter) in [
        (
            "InvalidParameter.MaxSessionDuration",
            ("MaxSessionDuration", "3599"),
        ),
        (
            "InvalidParameter.MaxSessionDuration",
            ("MaxSessionDuration", "43201"),
        ),
        (
            "InvalidParameter.MaxSessionDuration",
            ("MaxSessionDuration", "1h"),
        ),
        (
            "InvalidParameter.AllowConsoleLogin",
            ("AllowConsoleLogin", "true"),
        ),
        ("InvalidParameter.Tag", ("Tag.1.Key", "team")),
    ] {
        let reply = make(&[parameter]);
        assert_eq!((reply.status, reply.code().as_str()), (400, code));
    }
    let nobody = [("RoleName", "new")];
    let code = "MissingAssumeRolePolicyDocument";
    ram.refused(400, code, "CreateRole", &nobody);
    let taken = [("RoleName", "auditor"), ("AssumeRolePolicyDocument", TRUST)];
    ram.refused(409, "EntityAlreadyExists.Role", "CreateRole", &taken);
    for (action, parameter) in [
        ("CreateRole", "AssumeRolePolicyDocument"),
        ("UpdateRole", "NewAssumeRolePolicyDocument"),
    ] {
        let reply = ram.call(action, &[("RoleName", "auditor"), (parameter, DOCUMENT)]);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "MalformedPolicyDocument")
        );
        let message = reply.json()["Message"]
            .as_str()
            .expect("a message")
            .to_owned();
        assert!(message.contains("`Statement[0]."), "{message}");
    }
    let mut many = String::new();
    for n in 0..999 {
        writeln!(
            many,
            "[[account.role]]\nname = \"many-{n}\"\ntrust_policy = '{TRUST}'"
        )
        .expect("written");
    }
    world.apply(&acme(&many));
    assert_eq!(make(&[]).code(), "LimitExceeded.Role");
}
