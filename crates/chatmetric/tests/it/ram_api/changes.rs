//! What holds for every change: it takes effect at once, it cannot be replayed, it
//! is put down, and the wire is that of the product.

use super::{DOCUMENT, Ram};
use crate::process::{Served, call, data_dir};
use crate::world::{Reply, World, key};
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::directory::{Actor, AuditFilter};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use chatmetric_rpc::sign::SignedCall;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;

const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];
const METRIC: &str = "GetChatappPhoneNumberMetric";

/// A connection that stays open.
struct Live {
    stream: BufReader<TcpStream>,
}

impl Live {
    fn open(world: &World) -> Self {
        Self {
            stream: BufReader::new(world.connect()),
        }
    }

    fn send(&mut self, signed: &SignedCall) -> Reply {
        let mut request = format!("POST {} HTTP/1.1\r\ncontent-length: 0\r\n", signed.target);
        for (name, value) in &signed.headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .expect("written");
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            assert!(
                self.stream.read_line(&mut text).expect("read") > 0,
                "{text}"
            );
        }
        let length = Reply::parse(&text)
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .expect("a length");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("read");
        text += &String::from_utf8(body).expect("text");
        Reply::parse(&text)
    }
}

#[test]
fn a_permission_that_is_removed_is_gone_on_live_connections() {
    let world = World::start();
    let ram = Ram::new(&world);
    let of_user = [
        ("UserName", "reader"),
        ("PolicyName", "MetricsRead"),
        ("PolicyType", "Custom"),
    ];
    let member = [("UserName", "reader"), ("GroupName", "staff")];
    let of_group = [("GroupName", "staff"), of_user[1], of_user[2]];
    let version = |id| [("PolicyName", "MetricsRead"), ("VersionId", id)];
    ram.ok("CreateGroup", &member[1..]);
    ram.ok("AttachPolicyToGroup", &of_group);
    let deny = DOCUMENT.replace("Allow", "Deny");
    let second = [("PolicyName", "MetricsRead"), ("PolicyDocument", &deny)];
    ram.ok("CreatePolicyVersion", &second);

    let clock = SystemClock::default();
    let mut live = Live::open(&world);
    let mut ask = || live.send(&world.v3(&key("reader"), METRIC, &RANGE)).code();
    assert_eq!(ask(), "OK");
    let mut after = |action: &str, query: &[(&str, &str)], code: &str| {
        ram.ok(action, query);
        let changed_ms = clock.monotonic_ms();
        assert_eq!(ask(), code, "{action}");
        assert!(clock.monotonic_ms() - changed_ms < 1_000, "{action}");
    };
    let denied = "Ram.PermissionDeny";
    after("DetachPolicyFromUser", &of_user, denied);
    after("AddUserToGroup", &member, "OK");
    after("RemoveUserFromGroup", &member, denied);
    after("AttachPolicyToUser", &of_user, "OK");
    after("SetDefaultPolicyVersion", &version("v2"), denied);
    after("SetDefaultPolicyVersion", &version("v1"), "OK");
    let own = [("UserName", "reader"), ("UserAccessKeyId", "LTAIreader")];
    let off = [own[0], own[1], ("Status", "Inactive")];
    after("UpdateAccessKey", &off, "InvalidAccessKeyId.Inactive");
    after("DeleteAccessKey", &own, "InvalidAccessKeyId.NotFound");
}

#[test]
fn changes_are_put_down_with_who_made_them() {
    crate::log::collect();
    let world = World::start();
    let ram = Ram::new(&world);
    world.apply(&super::acme(
        "[[account.policy]]\nname = \"MetricsRead\"\ndocument = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ram:*\",\"Resource\":\"*\"}]}'\n",
    ));
    let reply = ram.call_as("reader", "CreateAccessKey", &[("UserName", "nobody")]);
    let secret = reply.json()["AccessKey"]["AccessKeySecret"].clone();
    let secret = secret.as_str().expect("a secret");
    let filter = AuditFilter {
        account: None,
        before_id: None,
        limit: 1,
    };
    let entries = world.directory.audit_log(&filter).expect("read");
    let entry = entries.first().expect("an entry");
    assert_eq!(entry.action, "CreateAccessKey");
    let actor = &entry.actor;
    assert_eq!(actor.name, "user/reader");
    assert_eq!(
        actor.account.as_ref().map(ToString::to_string).as_deref(),
        Some("1000000000000001")
    );
    assert_eq!(actor.source_ip, Some([127, 0, 0, 1].into()));
    assert_eq!(
        actor.request_id.as_deref(),
        reply.header("x-acs-request-id")
    );
    let key = actor.access_key_id.as_ref().map(ToString::to_string);
    assert_eq!(key.as_deref(), Some("LTAIreader"));
    // The secret was told once, and is nowhere else.
    assert!(secret.len() >= 30, "{secret}");
    assert!(!format!("{entry:?}").contains(secret));
    assert!(!crate::log::text().contains(secret));
    // Neither a call that is refused nor one that reads is a change.
    ram.refused(
        404,
        "EntityNotExist.User",
        "DeleteUser",
        &[("UserName", "missing")],
    );
    ram.ok("ListUsers", &[]);
    let entries = world.directory.audit_log(&filter).expect("read");
    assert_eq!(
        entries.first().map(|entry| entry.action.as_str()),
        Some("CreateAccessKey")
    );
    ram.ok("CreateUser", &[("UserName", "alice")]);
    let entries = world.directory.audit_log(&filter).expect("read");
    assert_eq!(
        entries.first().map(|entry| entry.actor.name.as_str()),
        Some("root")
    );
}

#[test]
fn a_change_is_made_once_even_after_a_restart() {
    let mut world = World::start();
    let signed = world.v3(&key("owner"), "CreateUser", &[("UserName", "once")]);
    assert_eq!(world.post(&signed).status, 200);
    assert_eq!(world.post(&signed).code(), "SignatureNonceUsed");
    Ram::new(&world).ok("DeleteUser", &[("UserName", "once")]);
    let host = world.address;
    world.stop();
    world.serve();
    // The port is another one now; the signature is for the old one.
    let reply = world.post(&signed);
    assert_ne!(reply.status, 200);
    assert_ne!(world.address, host);
    // RPC 1.0 does not sign the host, so a recorded call can be sent again.
    let signed = world.v1(&key("owner"), "CreateUser", &[("UserName", "twice")]);
    assert_eq!(world.post(&signed).status, 200);
    world.stop();
    world.serve();
    let reply = world.post(&signed);
    assert!(reply.body.contains("SignatureNonceUsed"), "{reply:?}");
}

#[test]
fn calls_a_second_are_limited_in_the_words_of_the_product() {
    let world = World::start();
    let ask = |who: &str, action: &str, query: &[(&str, &str)]| {
        world.post(&world.v3(&key(who), action, query))
    };
    for _ in 0..50 {
        assert_eq!(ask("owner", "ListUsers", &[]).status, 200);
    }
    let reply = ask("reader", "ListUsers", &[]);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "Throttling.User")
    );
    assert_eq!(reply.header("x-acs-retry-after"), Some("1000"));
    assert_eq!(
        reply.json()["Message"],
        "Request was denied due to user flow control."
    );
    // Another operation and another account are not concerned.
    assert_eq!(ask("owner", "ListGroups", &[]).status, 200);
    assert_eq!(ask("isv", "ListUsers", &[]).status, 200);
    for n in 0..20 {
        let name = format!("user-{n}");
        assert_eq!(
            ask("owner", "CreateUser", &[("UserName", &name)]).status,
            200
        );
    }
    let reply = ask("owner", "CreateUser", &[("UserName", "user-20")]);
    assert_eq!(reply.code(), "Throttling.User");
    world.clock.advance_ms(1_000);
    assert_eq!(
        ask("owner", "CreateUser", &[("UserName", "user-20")]).status,
        200
    );
}

#[test]
fn an_account_without_a_subscription_manages_its_users() {
    let world = World::start();
    let ram = Ram::new(&world);
    assert_eq!(
        world.metric("unsubscribed", &RANGE).code(),
        "Product.Unsubscript"
    );
    ram.ok_as("unsubscribed", "CreateUser", &[("UserName", "alice")]);
    ram.ok_as("unsubscribed", "GetUser", &[("UserName", "alice")]);
}

#[test]
fn the_wire_is_that_of_the_product() {
    let world = World::start();
    let ram = Ram::new(&world);
    let reply = ram.call("ListUsers", &[("MaxItems", "1")]);
    expect_test::expect![[r#"200 {"RequestId":"<id>","Users":{"User":[{"UserId":"<user>","UserName":"denied","DisplayName":"","MobilePhone":"","Email":"","Comments":"","CreateDate":"2026-01-01T00:16:40Z","UpdateDate":"2026-01-01T00:16:40Z"}]},"IsTruncated":true,"Marker":"denied"}"#]]
        .assert_eq(&without_id(&reply));
    let xml = world.post(&world.v1(
        &key("owner"),
        "ListUsers",
        &[("MaxItems", "1"), ("Format", "XML")],
    ));
    assert_eq!(xml.header("content-type"), Some("text/xml;charset=utf-8"));
    let id = xml.header("x-acs-request-id").expect("an id");
    let body = xml.body.replace(id, "<id>");
    assert!(
        body.contains("<ListUsersResponse><RequestId><id></RequestId><Users><User><UserId>")
            && body.ends_with("</User></Users><IsTruncated>true</IsTruncated><Marker>denied</Marker></ListUsersResponse>"),
        "{body}"
    );
    let denied = ram.call_as("nobody", "DeleteUser", &[("UserName", "reader")]);
    expect_test::expect![[r#"403 {"RequestId":"<id>","Message":"You are not authorized to do this action. Resource: acs:ram:*:1000000000000001:user/reader Action: ram:DeleteUser","Recommend":"/troubleshoot?q=NoPermission&product=Ram&requestId=<id>","HostId":"<host>","Code":"NoPermission","AccessDeniedDetail":{"PolicyType":"AccountLevelIdentityBasedPolicy","AuthPrincipalOwnerId":"1000000000000001","EncodedDiagnosticMessage":"<sealed>","AuthPrincipalType":"SubUser","AuthPrincipalDisplayName":"<user id>","NoPermissionType":"ImplicitDeny","AuthAction":"ram:DeleteUser"}}"#]]
        .assert_eq(&denied.stable());
    // The product is served in its version and in no other.
    let version = world.v3(&key("owner"), "ListUsers", &[("Version", "2020-06-06")]);
    assert_eq!(
        world.post(&version).status,
        200,
        "a parameter is not the version"
    );
}

fn without_id(reply: &Reply) -> String {
    let id = reply.json()["Users"]["User"][0]["UserId"].clone();
    reply.stable().replace(id.as_str().unwrap_or("-"), "<user>")
}

/// Rights are judged before a change waits for its turn; so that a right that is
/// taken away is gone within a second, the wait is short.
#[test]
fn a_change_is_made_soon_or_not_at_all() {
    let world = World::start();
    let account = AccountId::parse("1000000000000001").expect("an id");
    let change = |name: &str| {
        let signed = world.v3(&key("owner"), "CreateUser", &[("UserName", name)]);
        world.post(&signed)
    };
    let (busy, is_busy) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // The closure takes the ends of the channels and borrows the rest.
        let (world, account, change) = (&world, &account, &change);
        scope.spawn(move || {
            let actor = Actor::operator("test");
            let held = world
                .directory
                .change_identities(account, &actor, EpochMs(0), |_| {
                    busy.send(()).expect("waited for");
                    released.recv().expect("released");
                    Ok(())
                });
            held.expect("nothing was changed");
        });
        is_busy.recv().expect("the directory is busy");
        // Two have their turn and wait for the directory; further ones have none.
        let waiting = ["one", "two", "three", "four"].map(|name| scope.spawn(move || change(name)));
        let clock = SystemClock::default();
        let started_ms = clock.monotonic_ms();
        while waiting.iter().filter(|call| call.is_finished()).count() < 2 {
            std::thread::sleep(std::time::Duration::from_millis(10));
            assert!(
                clock.monotonic_ms() - started_ms < 10_000,
                "none was refused"
            );
        }
        assert!(clock.monotonic_ms() - started_ms >= 500);
        release.send(()).expect("still held");
        let mut codes = waiting.map(|call| call.join().expect("answered").status);
        codes.sort_unstable();
        assert_eq!(codes, [200, 200, 503, 503]);
    });
}

/// A change that a power cut could make possible a second time is not made; what
/// only reads goes on.
#[test]
fn without_a_place_for_its_nonce_no_change_is_made() {
    let (folder, data_dir) = data_dir();
    let served = Served::start_ignoring_file_limits(&data_dir);
    let owner = key("owner");
    let call = |action, query: &[(&str, &str)]| call(&served.url, &owner, action, query);
    assert_eq!(call("CreateUser", &[("UserName", "alice")]).0, 200);
    let nonces = folder.path().join("data/nonces.log");
    let bytes = std::fs::metadata(&nonces).expect("a file").len();
    served.limit_files(Some(bytes));
    let refused = call("CreateUser", &[("UserName", "bob")]);
    assert_eq!(
        (refused.0, refused.1.contains("ServiceUnavailable")),
        (503, true),
        "{refused:?}"
    );
    assert_eq!(call("GetUser", &[("UserName", "alice")]).0, 200);
    served.limit_files(None);
    // Not `EntityAlreadyExists`: nothing was made.
    assert_eq!(call("CreateUser", &[("UserName", "bob")]).0, 200);
}
