//! What goes wrong around the real program: a log that nobody reads, a disk
//! without room, a wrong key, a damaged directory, an end in the middle of things;
//! and what is on disk for whoever takes it away.

use crate::process::{Served, agent, client, data_dir, post, run};
use crate::world::World;
use chatmetric::client::MetricCall;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::control::{ControlClient, ControlError, ControlServer, Operator};
use chatmetric::directory::Format;
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

fn ask(url: &str) -> usize {
    let answer = client(url).metric(&MetricCall {
        start: EpochMs(1_767_139_200_000),
        end: EpochMs(1_767_312_000_000),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    answer.expect("an answer").rows.len()
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let full = || {
        let file = std::fs::File::options().write(true).open("/dev/full");
        Stdio::from(file.expect("a full device"))
    };
    for stderr in [Stdio::piped as fn() -> Stdio, full] {
        let (_folder, data_dir) = data_dir();
        let served = Served::start_unheard(&data_dir, stderr());
        for _ in 0..3 {
            assert_eq!(ask(&served.url), 0);
        }
        let (status, _) = served.stop();
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

/// A signed call as bytes, to be sent as often as one likes.
fn signed(nonce: &str) -> Vec<u8> {
    let date = format_utc_seconds(SystemClock::default().now().0 / 1_000).expect("a date");
    let credentials = Credentials {
        access_key_id: "LTAIowner".to_owned(),
        secret: SecretKey::new("owner-secret"),
        security_token: None,
    };
    let call = Call {
        method: Method::Post,
        host: "h",
        action: "GetChatappPhoneNumberMetric",
        version: "2020-06-06",
        query: &[("Start", "1767139200000"), ("End", "1767312000000")],
        headers: &[],
        body: b"",
        content_type: None,
        form: &[],
        date: &date,
        nonce,
    };
    let signed = sign_v3(Algorithm::HmacSha256, &credentials, &call);
    let headers = signed.headers.iter();
    let headers: String = headers.map(|(n, v)| format!("{n}: {v}\r\n")).collect();
    let head = format!("POST {} HTTP/1.1\r\n{headers}", signed.target);
    format!("{head}connection: close\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn send(url: &str, request: &[u8]) -> String {
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.write_all(request).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer
}

#[test]
fn a_disk_that_was_full_does_not_make_replays_possible() {
    let (_folder, data_dir) = data_dir();
    let nonces = format!("{data_dir}/nonces.log");
    let served = Served::start_ignoring_file_limits(&data_dir);
    let calls = ["one", "two", "three", "four"].map(signed);
    let ask = |at: usize| {
        let answer = send(&served.url, &calls[at]);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    };
    ask(0);
    // Room for half a record; then there is room again.
    let written = std::fs::metadata(&nonces).expect("the log").len();
    served.limit_files(Some(written + 11));
    ask(1);
    served.limit_files(None);
    ask(2);
    // Within a second or so the file is written anew.
    let whole = |bytes: u64| bytes == written + 2 * 24;
    for _ in 0..100 {
        if whole(std::fs::metadata(&nonces).expect("the log").len()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    ask(3);
    served.kill();
    let served = Served::start(&data_dir);
    for call in &calls {
        let answer = send(&served.url, call);
        assert!(answer.contains("SignatureNonceUsed"), "{answer}");
    }
}

/// Every file below a folder with its content.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), std::fs::read(path).expect("reads"));
        }
    }
    files
}

#[test]
fn no_message_id_and_no_recipient_is_on_disk() {
    let (folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    let now_s = SystemClock::default().now().0 / 1_000;
    let status = |id: &str, word: &str, at: &str| {
        format!(
            r#"{{"id":"{id}","status":"{word}","timestamp":{at},"recipient_id":"15550209999"}}"#
        )
    };
    let statuses = [
        status("wamid.canary-good", "sent", &now_s.to_string()),
        status("wamid.canary-bad", "sent", "null"),
        status("wamid.canary-late", "sent", "1600000000"),
        status("wamid.canary-future", "sent", &(now_s + 86_400).to_string()),
    ];
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"15550100101"}},"statuses":[{}]}}}}]}}]}}"#,
        statuses.join(",")
    );
    let agent = agent();
    for body in [&body, "wamid.canary-unparsable of 15550209999"] {
        assert_eq!(
            post(&agent, &served.url, "acme-wa", body),
            Some(200),
            "{body}"
        );
    }
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    let files = tree(folder.path());
    let bytes: usize = files.values().map(Vec::len).sum();
    assert!(bytes > 1_000, "the files were looked at");
    for (path, bytes) in files {
        for hidden in [&b"canary"[..], b"15550209999"] {
            let found = bytes.windows(hidden.len()).any(|part| part == hidden);
            assert!(!found, "personal data is in {}", path.display());
        }
    }
}

#[test]
fn a_wrong_master_key_changes_no_byte() {
    let (folder, data_dir) = data_dir();
    drop(Served::start(&data_dir).stop());
    let (other, _) = crate::process::data_dir();
    let key = other.path().join("data.key").display().to_string();
    let before = tree(folder.path());
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["verify"]] {
        let more = ["--data-dir", &data_dir, "--master-key-file", &key];
        let ran = run(&[command, &more[..]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("hint: the master key is in"), "{ran:?}");
        assert!(tree(folder.path()) == before, "{command:?} changed a file");
    }
}

#[test]
fn a_damaged_directory_is_no_fault_of_the_key() {
    let (folder, data_dir) = data_dir();
    let file = folder.path().join("data/directory.sqlite");
    for content in [&b"not a database, whatever its name says"[..], &[0; 4096]] {
        std::fs::write(&file, content).expect("written");
        let ran = run(&["verify", "--data-dir", &data_dir]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(!ran.stderr.contains("master key"), "{ran:?}");
    }
}

#[test]
fn a_conversation_that_is_open_begins_nothing_once_the_server_stops() {
    let world = World::start();
    let folder = tempfile::tempdir().expect("a folder");
    let operator = Operator {
        directory: Arc::clone(&world.directory),
        store: Arc::clone(&world.store),
        clock: world.clock.clone(),
        backups: Arc::default(),
        streams: Arc::default(),
        peers: None,
    };
    let server = ControlServer::start(folder.path(), operator).expect("listens");
    let mut client = ControlClient::connect(folder.path()).expect("connects");
    assert!(client.export(Format::Toml, false).is_ok());
    server.stop();
    match client.export(Format::Toml, false) {
        Err(ControlError::Refused(refusal)) => {
            assert!(refusal.message.contains("stopping"), "{}", refusal.message);
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}
