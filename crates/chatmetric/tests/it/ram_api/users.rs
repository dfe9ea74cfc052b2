//! Users: made, shown, listed, changed, deleted.

use super::{Ram, acme};
use crate::world::World;
use std::fmt::Write as _;

pub(super) const OPERATIONS: &[&str] = &[
    "CreateUser",
    "GetUser",
    "ListUsers",
    "UpdateUser",
    "DeleteUser",
];

#[test]
fn users_live_and_are_refused_as_declared() {
    let world = World::start();
    let ram = Ram::new(&world);
    let made = ram.ok(
        "CreateUser",
        &[
            ("UserName", "alice.b-1_2"),
            ("DisplayName", "Älice <b>"),
            ("MobilePhone", "86-18600008888"),
            ("Email", "alice@example.com"),
            ("Comments", "counts \"messages\""),
        ],
    );
    let user = &made["User"];
    assert_eq!(user["DisplayName"], "Älice <b>");
    assert_eq!(user["CreateDate"], world.date());
    let id = user["UserId"].as_str().expect("an id").to_owned();
    assert_eq!((id.len(), id.parse::<u64>().is_ok()), (18, true));

    let alice = [("UserName", "alice.b-1_2")];
    let shown = ram.ok("GetUser", &alice);
    assert_eq!(shown["User"]["Email"], "alice@example.com");
    assert_eq!(shown["User"]["UpdateDate"], made["User"]["CreateDate"]);

    let renamed = ram.ok(
        "UpdateUser",
        &[
            ("UserName", "alice.b-1_2"),
            ("NewUserName", "alice"),
            ("NewDisplayName", "Alice"),
            // Empty is absent, so this stays.
            ("NewComments", ""),
        ],
    );
    assert_eq!(renamed["User"]["UserId"], id);
    assert_eq!(renamed["User"]["Comments"], "counts \"messages\"");
    assert_eq!(renamed["User"]["UpdateDate"], world.date());
    ram.refused(404, "EntityNotExist.User", "GetUser", &alice);

    // Gone and made again, somebody else has the name.
    ram.ok("DeleteUser", &[("UserName", "alice")]);
    let again = ram.ok("CreateUser", &[("UserName", "alice")]);
    assert_ne!(again["User"]["UserId"], id);

    refusals(&world, &ram);
    ram.assert_complete(OPERATIONS);
}

fn refusals(world: &World, ram: &Ram<'_>) {
    let long = "a".repeat(65);
    let long_text = "ä".repeat(129);
    for (code, query) in [
        ("MissingUserName", vec![]),
        ("MissingUserName", vec![("UserName", "")]),
        (
            "InvalidParameter.UserName.InvalidChars",
            vec![("UserName", "a/b")],
        ),
        (
            "InvalidParameter.UserName.InvalidChars",
            vec![("UserName", "é")],
        ),
        (
            "InvalidParameter.UserName.InvalidChars",
            vec![("UserName", "a*")],
        ),
        (
            "InvalidParameter.UserName.Length",
            vec![("UserName", &long)],
        ),
        (
            "InvalidParameter.DisplayName.Length",
            vec![("UserName", "u"), ("DisplayName", &long_text)],
        ),
        (
            "InvalidParameter.Comments.Length",
            vec![("UserName", "u"), ("Comments", &long_text)],
        ),
        (
            "InvalidParameter.Comments.InvalidChars",
            vec![("UserName", "u"), ("Comments", "a\u{7}b")],
        ),
        (
            "InvalidParameter.Email.Format",
            vec![("UserName", "u"), ("Email", "nobody")],
        ),
        (
            "InvalidParameter.MobilePhone.Format",
            vec![("UserName", "u"), ("MobilePhone", "call me")],
        ),
    ] {
        ram.refused(400, code, "CreateUser", &query);
    }
    ram.refused(
        400,
        "InvalidParameter.NewEmail.Format",
        "UpdateUser",
        &[("UserName", "alice"), ("NewEmail", "nobody")],
    );
    ram.refused(
        400,
        "InvalidParameter.NewUserName.InvalidChars",
        "UpdateUser",
        &[("UserName", "alice"), ("NewUserName", "a b")],
    );
    // The longest of everything is taken.
    ram.ok(
        "CreateUser",
        &[
            ("UserName", &"a".repeat(64)),
            ("DisplayName", &"ä".repeat(128)),
            ("Comments", &"ä".repeat(128)),
        ],
    );

    let exists = [("UserName", "alice")];
    ram.refused(409, "EntityAlreadyExists.User", "CreateUser", &exists);
    let reader = [("UserName", "alice"), ("NewUserName", "reader")];
    ram.refused(409, "EntityAlreadyExists.User", "UpdateUser", &reader);
    let missing = [("UserName", "missing")];
    ram.refused(404, "EntityNotExist.User", "UpdateUser", &missing);
    ram.refused(404, "EntityNotExist.User", "DeleteUser", &missing);

    world.apply(&acme(
        "[[account.group]]\nname = \"staff\"\nusers = [\"nobody\"]\n",
    ));
    let conflict = |user| {
        let reply = ram.call("DeleteUser", &[("UserName", user)]);
        (reply.status, reply.code())
    };
    let code = |code: &str| (409, format!("DeleteConflict.User.{code}"));
    assert_eq!(conflict("reader"), code("AccessKey"));
    let nobody = [("UserName", "nobody"), ("UserAccessKeyId", "LTAInobody")];
    ram.ok("DeleteAccessKey", &nobody);
    assert_eq!(conflict("nobody"), code("Group"));
    let reader = [("UserName", "reader"), ("UserAccessKeyId", "LTAIreader")];
    ram.ok("DeleteAccessKey", &reader);
    assert_eq!(conflict("reader"), code("Policy"));

    let mut many = String::new();
    for n in 0..1_000 {
        writeln!(many, "[[account.user]]\nname = \"many-{n}\"").expect("written");
    }
    world.apply(&acme(&many));
    let reply = ram.call("CreateUser", &[("UserName", "one-more")]);
    assert_eq!(reply.code(), "LimitExceeded.User");
    let message = reply.json()["Message"].as_str().map(str::to_owned);
    assert_eq!(
        message.as_deref(),
        Some("The count of users beyond the current limits. The limit is 1000.")
    );
    // A document may name more than the API makes: they are listed all the same.
    let page = ram.ok("ListUsers", &[("MaxItems", "1000")]);
    assert_eq!(page["Users"]["User"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(page["IsTruncated"], true);
}

#[test]
fn lists_come_in_pages_that_changes_cannot_disturb() {
    let world = World::start();
    let ram = Ram::new(&world);
    let page = |marker: Option<&str>| {
        let mut query = vec![("MaxItems", "2")];
        query.extend(marker.map(|marker| ("Marker", marker)));
        let body = ram.ok("ListUsers", &query);
        let users = body["Users"]["User"].as_array().expect("a list");
        let names: Vec<String> = users
            .iter()
            .filter_map(|user| user["UserName"].as_str().map(str::to_owned))
            .collect();
        let marker = body["Marker"].as_str().map(str::to_owned);
        assert_eq!(body["IsTruncated"], marker.is_some());
        (names, marker)
    };
    let (names, marker) = page(None);
    assert_eq!(names, ["denied", "nobody"]);
    // What the page ended with goes, and others come: the next page is right.
    ram.ok(
        "UpdateUser",
        &[("UserName", "nobody"), ("NewUserName", "a")],
    );
    ram.ok("CreateUser", &[("UserName", "zoe")]);
    let (names, marker) = page(marker.as_deref());
    assert_eq!((names, marker), (vec!["reader".into(), "zoe".into()], None));

    for (code, query) in [
        ("InvalidParameter.MaxItems", ("MaxItems", "0")),
        ("InvalidParameter.MaxItems", ("MaxItems", "1001")),
        ("InvalidParameter.MaxItems", ("MaxItems", "many")),
        ("InvalidParameter.Marker", ("Marker", &"m".repeat(129))),
    ] {
        ram.refused(400, code, "ListUsers", &[query]);
    }
}
