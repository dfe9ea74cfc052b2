//! Policies: their versions, who has them, how they are deleted.

use super::{DOCUMENT, Ram, TRUST, acme};
use crate::world::World;
use std::fmt::Write as _;

pub(super) const OPERATIONS: &[&str] = &[
    "CreatePolicy",
    "GetPolicy",
    "ListPolicies",
    "DeletePolicy",
    "CreatePolicyVersion",
    "GetPolicyVersion",
    "ListPolicyVersions",
    "DeletePolicyVersion",
    "SetDefaultPolicyVersion",
    "AttachPolicyToUser",
    "AttachPolicyToGroup",
    "AttachPolicyToRole",
    "DetachPolicyFromUser",
    "DetachPolicyFromGroup",
    "DetachPolicyFromRole",
    "ListPoliciesForUser",
    "ListPoliciesForGroup",
    "ListPoliciesForRole",
    "ListEntitiesForPolicy",
];

/// The three kinds that can have a policy, with the parameter that names one.
const HOLDERS: [(&str, &str, &str, &str); 3] = [
    ("User", "To", "From", "UserName"),
    ("Group", "To", "From", "GroupName"),
    ("Role", "To", "From", "RoleName"),
];

const NAMED: [(&str, &str); 2] = [("PolicyName", "ReadCounts"), ("PolicyType", "Custom")];

fn version(id: &str) -> [(&str, &str); 3] {
    [NAMED[0], NAMED[1], ("VersionId", id)]
}

#[test]
fn policies_live_and_are_refused_as_declared() {
    let world = World::start();
    let ram = Ram::new(&world);
    let made = ram.ok(
        "CreatePolicy",
        &[
            ("PolicyName", "ReadCounts"),
            ("Description", "reads"),
            ("PolicyDocument", DOCUMENT),
        ],
    );
    assert_eq!(made["Policy"]["DefaultVersion"], "v1");
    let shown = ram.ok("GetPolicy", &NAMED);
    assert_eq!(shown["Policy"]["PolicyDocument"], DOCUMENT);
    assert_eq!(shown["DefaultPolicyVersion"]["PolicyDocument"], DOCUMENT);
    assert_eq!(shown["DefaultPolicyVersion"]["IsDefaultVersion"], true);
    versions(&ram);
    holders(&world, &ram);

    let listed = ram.ok("ListPolicies", &[("PolicyType", "Custom")]);
    let names = listed["Policies"]["Policy"]
        .as_array()
        .expect("a list")
        .len();
    assert_eq!(names, 3);
    let system = ram.ok("ListPolicies", &[("PolicyType", "System")]);
    assert_eq!(system["Policies"]["Policy"], serde_json::json!([]));

    ram.refused(
        409,
        "DeleteConflict.Policy.Version",
        "DeletePolicy",
        &NAMED[..1],
    );
    let cascade = [NAMED[0], ("CascadingDelete", "true")];
    ram.ok("DeletePolicy", &cascade);
    refusals(&world, &ram);
    ram.assert_complete(OPERATIONS);
}

fn versions(ram: &Ram<'_>) {
    let deny = DOCUMENT.replace("Allow", "Deny");
    let add = |more: &[(&'static str, &'static str)]| {
        let mut query = vec![NAMED[0], ("PolicyDocument", deny.as_str())];
        query.extend_from_slice(more);
        ram.call("CreatePolicyVersion", &query)
    };
    let made = ram.ok(
        "CreatePolicyVersion",
        &[NAMED[0], ("PolicyDocument", &deny)],
    );
    assert_eq!(made["PolicyVersion"]["VersionId"], "v2");
    assert_eq!(made["PolicyVersion"]["IsDefaultVersion"], false);
    assert_eq!(
        ram.ok("GetPolicy", &NAMED)["Policy"]["PolicyDocument"],
        DOCUMENT
    );
    ram.ok("SetDefaultPolicyVersion", &version("v2"));
    assert_eq!(
        ram.ok("GetPolicy", &NAMED)["Policy"]["PolicyDocument"],
        deny
    );
    let conflict = "DeleteConflict.Policy.Version.Default";
    ram.refused(409, conflict, "DeletePolicyVersion", &version("v2"));
    ram.ok("DeletePolicyVersion", &version("v1"));

    // A number is not given again, and the oldest goes only when asked.
    assert_eq!(
        add(&[("SetAsDefault", "true")]).json()["PolicyVersion"]["VersionId"],
        "v3"
    );
    for _ in 0..3 {
        assert_eq!(add(&[]).status, 200);
    }
    assert_eq!(add(&[]).code(), "LimitExceeded.Policy.Version");
    assert_eq!(
        add(&[("RotateStrategy", "None")]).code(),
        "LimitExceeded.Policy.Version"
    );
    let rotated = add(&[(
        "RotateStrategy",
        "DeleteOldestNonDefaultVersionWhenLimitExceeded",
    )]);
    assert_eq!(rotated.json()["PolicyVersion"]["VersionId"], "v7");
    let listed = ram.ok("ListPolicyVersions", &NAMED);
    let listed = listed["PolicyVersions"]["PolicyVersion"]
        .as_array()
        .expect("a list");
    let ids: Vec<_> = listed
        .iter()
        .map(|version| version["VersionId"].as_str())
        .collect();
    assert_eq!(ids, ["v3", "v4", "v5", "v6", "v7"].map(Some));
    assert_eq!(
        ram.ok("GetPolicyVersion", &version("v3"))["PolicyVersion"]["IsDefaultVersion"],
        true
    );

    for action in [
        "GetPolicyVersion",
        "DeletePolicyVersion",
        "SetDefaultPolicyVersion",
    ] {
        ram.refused(404, "EntityNotExist.Policy.Version", action, &version("v1"));
        for odd in ["1", "v", "v01", "V1", "v1x", "v99999999999"] {
            let code = "InvalidParameter.VersionId.Format";
            ram.refused(400, code, action, &version(odd));
        }
    }
    let odd = [
        NAMED[0],
        ("PolicyDocument", DOCUMENT),
        ("RotateStrategy", "Oldest"),
    ];
    let code = "InvalidParameter.RotateStrategy";
    ram.refused(400, code, "CreatePolicyVersion", &odd);
    let odd = [
        NAMED[0],
        ("PolicyDocument", DOCUMENT),
        ("SetAsDefault", "yes"),
    ];
    ram.refused(
        400,
        "InvalidParameter.SetAsDefault",
        "CreatePolicyVersion",
        &odd,
    );
}

fn holders(world: &World, ram: &Ram<'_>) {
    ram.ok("CreateUser", &[("UserName", "holder")]);
    ram.ok("CreateGroup", &[("GroupName", "holder")]);
    let role = [("RoleName", "holder"), ("AssumeRolePolicyDocument", TRUST)];
    ram.ok("CreateRole", &role);
    for (kind, to, from, parameter) in HOLDERS {
        let (attach, detach) = (
            format!("AttachPolicy{to}{kind}"),
            format!("DetachPolicy{from}{kind}"),
        );
        let list = format!("ListPoliciesFor{kind}");
        let query = [NAMED[0], NAMED[1], (parameter, "holder")];
        ram.ok(&attach, &query);
        let attached = world.date();
        let listed = ram.ok(&list, &[(parameter, "holder")]);
        assert_eq!(listed["Policies"]["Policy"][0]["PolicyName"], "ReadCounts");
        assert_eq!(listed["Policies"]["Policy"][0]["AttachDate"], attached);
        ram.refused(
            409,
            &format!("EntityAlreadyExists.{kind}.Policy"),
            &attach,
            &query,
        );
        let cascade = [NAMED[0], ("CascadingDelete", "true")];
        ram.refused(
            409,
            &format!("DeleteConflict.Policy.{kind}"),
            "DeletePolicy",
            &cascade,
        );
        let all = ram.ok("ListEntitiesForPolicy", &NAMED);
        let plural = format!("{kind}s");
        assert_eq!(all[&plural][kind][0][parameter], "holder");
        assert_eq!(ram.ok("GetPolicy", &NAMED)["Policy"]["AttachmentCount"], 1);

        let missing = [NAMED[0], NAMED[1], (parameter, "missing")];
        let no_policy = [("PolicyName", "Missing"), NAMED[1], (parameter, "holder")];
        let system = [NAMED[0], ("PolicyType", "System"), (parameter, "holder")];
        let odd = [NAMED[0], ("PolicyType", "custom"), (parameter, "holder")];
        let scoped = [
            NAMED[0],
            NAMED[1],
            (parameter, "holder"),
            ("ResourceGroupId", "rg-1"),
        ];
        for action in [&attach, &detach] {
            ram.refused(404, &format!("EntityNotExist.{kind}"), action, &missing);
            ram.refused(404, "EntityNotExist.Policy", action, &no_policy);
            ram.refused(404, "EntityNotExist.Policy", action, &system);
            ram.refused(400, "InvalidParameter.PolicyType", action, &odd);
            // What it would limit is not limited here, so it is not taken silently.
            ram.refused(400, "InvalidParameter.ResourceGroupId", action, &scoped);
        }
        ram.refused(
            404,
            &format!("EntityNotExist.{kind}"),
            &list,
            &[(parameter, "missing")],
        );
        ram.ok(&detach, &query);
        ram.refused(
            404,
            &format!("EntityNotExist.{kind}.Policy"),
            &detach,
            &query,
        );
    }
}

fn refusals(world: &World, ram: &Ram<'_>) {
    for action in [
        "GetPolicy",
        "DeletePolicy",
        "GetPolicyVersion",
        "ListPolicyVersions",
        "DeletePolicyVersion",
        "SetDefaultPolicyVersion",
        "ListEntitiesForPolicy",
    ] {
        ram.refused(404, "EntityNotExist.Policy", action, &version("v1"));
    }
    let query = [NAMED[0], ("PolicyDocument", DOCUMENT)];
    ram.refused(404, "EntityNotExist.Policy", "CreatePolicyVersion", &query);
    let taken = [("PolicyName", "MetricsRead"), ("PolicyDocument", DOCUMENT)];
    ram.refused(409, "EntityAlreadyExists.Policy", "CreatePolicy", &taken);
    for name in ["a_b", "a.b", "é"] {
        let query = [("PolicyName", name), ("PolicyDocument", DOCUMENT)];
        let code = "InvalidParameter.PolicyName.InvalidChars";
        ram.refused(400, code, "CreatePolicy", &query);
    }
    let long = "n".repeat(129);
    let query = [("PolicyName", long.as_str()), ("PolicyDocument", DOCUMENT)];
    ram.refused(
        400,
        "InvalidParameter.PolicyName.Length",
        "CreatePolicy",
        &query,
    );
    let text = "d".repeat(1_025);
    let query = [
        ("PolicyName", "N"),
        ("Description", text.as_str()),
        ("PolicyDocument", DOCUMENT),
    ];
    ram.refused(
        400,
        "InvalidParameter.Description.Length",
        "CreatePolicy",
        &query,
    );
    let query = [
        ("PolicyName", "N"),
        ("PolicyDocument", DOCUMENT),
        ("Tag.1.Key", "team"),
    ];
    ram.refused(400, "InvalidParameter.Tag", "CreatePolicy", &query);

    let mut policies = String::new();
    for n in 0..1_498 {
        writeln!(
            policies,
            "[[account.policy]]\nname = \"many-{n}\"\ndocument = '{DOCUMENT}'"
        )
        .expect("written");
    }
    let twenty: Vec<_> = (0..20).map(|n| format!("\"many-{n}\"")).collect();
    let twenty = twenty.join(", ");
    world.apply(&acme(&format!(
        "{policies}[[account.user]]\nname = \"holder\"\npolicies = [{twenty}]\n\
         [[account.group]]\nname = \"holder\"\npolicies = [{twenty}]\n\
         [[account.role]]\nname = \"holder\"\ntrust_policy = '{TRUST}'\npolicies = [{twenty}]\n"
    )));
    let query = [("PolicyName", "one-more"), ("PolicyDocument", DOCUMENT)];
    ram.refused(409, "LimitExceeded.Policy", "CreatePolicy", &query);
    for (kind, to, _, parameter) in HOLDERS {
        let query = [("PolicyName", "many-20"), NAMED[1], (parameter, "holder")];
        let code = format!("LimitExceeded.{kind}.Policy");
        ram.refused(409, &code, &format!("AttachPolicy{to}{kind}"), &query);
    }
    malformed(ram);
}

/// The message names the place, so that whoever wrote the document finds it.
fn malformed(ram: &Ram<'_>) {
    let long = format!("{DOCUMENT}{}", " ".repeat(6_145 - DOCUMENT.len()));
    for (document, place) in [
        ("{", "$"),
        (r#"{"Version":"2","Statement":[]}"#, "Version"),
        (&DOCUMENT.replace("Effect", "Effekt"), "Statement[0].Effekt"),
        (
            &DOCUMENT.replace("Resource", "NotResource"),
            "Statement[0].NotResource",
        ),
        (TRUST, "Statement[0].Principal"),
        (&long, "$"),
    ] {
        for action in ["CreatePolicy", "CreatePolicyVersion"] {
            let query = [("PolicyName", "MetricsRead"), ("PolicyDocument", document)];
            let reply = ram.call(action, &query);
            assert_eq!(
                (reply.status, reply.code()),
                (400, "MalformedPolicyDocument".into())
            );
            let message = reply.json()["Message"]
                .as_str()
                .expect("a message")
                .to_owned();
            assert!(message.contains(&format!("`{place}`")), "{message}");
        }
    }
}
