//! Every fault of a stream has its key and its place.

use super::super::{ConfigError, Overrides, Settings};
use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn load(text: &str) -> Result<Settings, Vec<String>> {
    match Settings::from_parts(text, [], &Overrides::default()) {
        Ok(settings) => Ok(settings),
        Err(ConfigError::Faults(faults)) => Err(faults.iter().map(ToString::to_string).collect()),
        Err(error) => Err(vec![error.to_string()]),
    }
}

const GOOD: &str = "[[stream]]\nname = \"orders\"\nurls = [\"nats://127.0.0.1:4222\"]\n\
                    stream = \"ORDERS\"\nformat = \"ndjson\"\naccount = \"1000000000000001\"\n";

#[test]
fn a_stream_is_read() {
    let more = "subjects = [\"orders.*.>\"]\nstart = \"2026-01-31T00:00:00Z\"\non_gap = \"stop\"\n\
                durable = \"d\"\nspace = \"s\"\nbatch_messages_max = 5\n";
    let settings = load(&format!("{GOOD}{more}")).expect("valid");
    let [stream] = settings.streams.as_slice() else {
        panic!("{settings:?}");
    };
    assert_eq!(stream.source(), "stream/orders");
    assert_eq!(stream.start, StreamStart::At(EpochMs(1_769_817_600_000)));
    assert_eq!(stream.on_gap, OnGap::Stop);
    assert_eq!(
        (stream.batch_messages_max, stream.batch_bytes_max),
        (5, 8_388_608)
    );
}

#[test]
fn all_faults_of_streams_are_told_at_once() {
    let text = format!(
        "{GOOD}\n[[stream]]\nname = \"orders\"\nurls = [\"http://x\", \"nats://u:secret@h\"]\n\
         user = \"u\"\nstart = \"soon\"\nbatch_messages_max = 0\nqueue = \"q\"\n"
    );
    let expected = [
        "line 12, column 9: `stream[1].start`: `soon` is not `all`, `new` or a time such as `2026-01-31T00:00:00Z`",
        "line 14, column 1: `stream[1].queue`: unknown key `queue`; known are",
        "line 9, column 8: `stream[1].name`: another stream is called `orders` already",
        "`stream[1].stream`: must name a stream of JetStream",
        "`stream[1].format`: is missing",
        "`stream[1].account`: ",
        "line 13, column 22: `stream[1].batch_messages_max`: must be from 1 to 10000",
        "line 10, column 8: `stream[1].urls`: `http://x` is not",
        "`stream[1].password_file`: is missing: `user` is set",
    ];
    let told = load(&text).expect_err("faults");
    for expected in expected {
        assert!(
            told.iter().any(|fault| fault.contains(expected)),
            "{expected}: {told:#?}"
        );
    }
    let told = load(&GOOD.replace("nats://", "nats://u:secret@")).expect_err("a secret");
    assert!(
        told[0].contains("`stream[0].urls`: a URL has an `@`"),
        "{told:#?}"
    );
    assert!(!told[0].contains("secret@"), "{told:#?}");
    let told = load("[stream]\nname = \"x\"\n").expect_err("no list");
    assert!(
        told.iter()
            .any(|fault| fault.contains("write `[[stream]]`")),
        "{told:#?}"
    );
}

#[test]
fn a_token_goes_over_no_network_in_the_clear_and_its_file_is_private() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("token");
    std::fs::write(&file, "t0ken\n").expect("written");
    let mode = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
    };
    mode(0o600);
    let token = format!("token_file = \"{}\"\n", file.display());
    let far = GOOD.replace("127.0.0.1", "nats.example.com");
    load(&format!("{GOOD}{token}")).expect("local");
    for more in ["tls = true\n", "insecure_plain_text = true\n"] {
        load(&format!("{far}{token}{more}")).expect("meant");
    }
    load(&format!("{}{token}", far.replace("nats://", "tls://"))).expect("TLS");
    let told = load(&format!("{far}{token}")).expect_err("plain");
    assert!(told[0].contains("over a network without TLS"), "{told:?}");
    mode(0o640);
    let told = load(&format!("{GOOD}{token}")).expect_err("open to others");
    assert!(told[0].contains("must be 0600 or stricter"), "{told:?}");
    assert!(!format!("{told:?}").contains("t0ken"));
}

#[test]
fn servers_and_names_are_what_nats_takes() {
    for url in [
        "nats://h",
        "tls://h:1",
        "nats://[::1]:4222",
        "nats://10.0.0.1:65535",
    ] {
        assert!(Server::of(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "h",
        "nats://",
        "nats://h:0",
        "nats://h:x",
        "ws://h",
        "nats://h/x",
        "nats://[::1]x",
    ] {
        assert!(Server::of(url).is_err(), "{url}");
    }
    assert!(["a", "a.*.>", "$KV.x"].into_iter().all(is_subject));
    assert!(!["", "a..b", "a b", ".a"].into_iter().any(is_subject));
    assert!(["A", "a-b_c"].into_iter().all(is_nats_name));
    assert!(
        !["", "a.b", "a*", "a b", "a/b"]
            .into_iter()
            .any(is_nats_name)
    );
}
