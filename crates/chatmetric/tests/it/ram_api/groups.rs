//! Groups and their users.

use super::{Ram, acme};
use crate::world::World;
use std::fmt::Write as _;

pub(super) const OPERATIONS: &[&str] = &[
    "CreateGroup",
    "GetGroup",
    "ListGroups",
    "UpdateGroup",
    "DeleteGroup",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "ListGroupsForUser",
    "ListUsersForGroup",
];

#[test]
fn groups_live_and_are_refused_as_declared() {
    let world = World::start();
    let ram = Ram::new(&world);
    let made = ram.ok(
        "CreateGroup",
        &[("GroupName", "staff"), ("Comments", "all")],
    );
    let id = made["Group"]["GroupId"].clone();
    let staff = [("GroupName", "staff")];
    assert_eq!(ram.ok("GetGroup", &staff)["Group"]["Comments"], "all");
    let renamed = ram.ok(
        "UpdateGroup",
        &[
            ("GroupName", "staff"),
            ("NewGroupName", "people"),
            ("NewComments", "each"),
        ],
    );
    assert_eq!(renamed["Group"]["GroupId"], id);
    let listed = ram.ok("ListGroups", &[]);
    assert_eq!(listed["Groups"]["Group"][0]["Comments"], "each");
    assert_eq!(listed["IsTruncated"], false);

    let member = [("UserName", "nobody"), ("GroupName", "people")];
    ram.ok("AddUserToGroup", &member);
    ram.refused(
        409,
        "EntityAlreadyExists.User.Group",
        "AddUserToGroup",
        &member,
    );
    let of_user = ram.ok("ListGroupsForUser", &[("UserName", "nobody")]);
    assert_eq!(of_user["Groups"]["Group"][0]["GroupName"], "people");
    assert_eq!(
        of_user["Groups"]["Group"][0]["JoinDate"]
            .as_str()
            .map(str::len),
        Some(20)
    );
    let people = [("GroupName", "people")];
    let of_group = ram.ok("ListUsersForGroup", &people);
    assert_eq!(of_group["Users"]["User"][0]["UserName"], "nobody");
    ram.refused(409, "DeleteConflict.Group.User", "DeleteGroup", &people);
    ram.ok("RemoveUserFromGroup", &member);
    ram.refused(
        404,
        "EntityNotExist.User.Group",
        "RemoveUserFromGroup",
        &member,
    );

    let policy = [
        ("GroupName", "people"),
        ("PolicyName", "MetricsRead"),
        ("PolicyType", "Custom"),
    ];
    ram.ok("AttachPolicyToGroup", &policy);
    ram.refused(409, "DeleteConflict.Group.Policy", "DeleteGroup", &people);
    ram.ok("DetachPolicyFromGroup", &policy);
    ram.ok("DeleteGroup", &people);

    refusals(&world, &ram);
    ram.assert_complete(OPERATIONS);
}

fn refusals(world: &World, ram: &Ram<'_>) {
    let missing = [("GroupName", "missing")];
    for action in [
        "GetGroup",
        "UpdateGroup",
        "DeleteGroup",
        "ListUsersForGroup",
    ] {
        ram.refused(404, "EntityNotExist.Group", action, &missing);
        ram.refused(400, "MissingGroupName", action, &[]);
    }
    ram.refused(
        404,
        "EntityNotExist.User",
        "ListGroupsForUser",
        &[("UserName", "missing")],
    );
    ram.ok("CreateGroup", &[("GroupName", "one")]);
    ram.ok("CreateGroup", &[("GroupName", "two")]);
    for action in ["AddUserToGroup", "RemoveUserFromGroup"] {
        let no_user = [("UserName", "missing"), ("GroupName", "one")];
        ram.refused(404, "EntityNotExist.User", action, &no_user);
        let no_group = [("UserName", "nobody"), ("GroupName", "missing")];
        ram.refused(404, "EntityNotExist.Group", action, &no_group);
    }
    let one = [("GroupName", "one")];
    ram.refused(409, "EntityAlreadyExists.Group", "CreateGroup", &one);
    let taken = [("GroupName", "one"), ("NewGroupName", "two")];
    ram.refused(409, "EntityAlreadyExists.Group", "UpdateGroup", &taken);
    let long = [("GroupName", "one"), ("NewComments", &"c".repeat(129))];
    ram.refused(
        400,
        "InvalidParameter.NewComments.Length",
        "UpdateGroup",
        &long,
    );

    let mut many = String::new();
    for n in 0..98 {
        let users = if n < 50 { "\"reader\"" } else { "" };
        writeln!(
            many,
            "[[account.group]]\nname = \"many-{n}\"\nusers = [{users}]"
        )
        .expect("written");
    }
    world.apply(&acme(&many));
    ram.refused(
        409,
        "LimitExceeded.Group",
        "CreateGroup",
        &[("GroupName", "one-more")],
    );
    ram.refused(
        409,
        "LimitExceeded.User.Group",
        "AddUserToGroup",
        &[("UserName", "reader"), ("GroupName", "one")],
    );
}
