//! Backups of a server over HTTP: the same as one that is made beside the data; what is
//! cut, changed, refused or too much leaves everything as it was.

use super::{body, counts, files, list, made, restore_with_key, send};
use crate::process::{Ran, Served, agent, data_dir, post, run};
use chatmetric::backup::{HAVE_MAX, REQUEST_BYTES_MAX};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file with a new token of an instance, whether it is served or not.
pub(super) fn token(data_dir: &str, name: &str, more: &[&str]) -> PathBuf {
    let create = ["admin", "operator-token", "create", name];
    let ran = run(&[&create[..], &["--data-dir", data_dir], more].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let file = PathBuf::from(format!("{data_dir}.{name}.token"));
    std::fs::write(&file, ran.stdout).expect("written");
    file
}

pub(super) fn remote(url: &str, token: &Path, dest: &Path, more: &[&str]) -> Ran {
    let (dest, token) = (dest.display().to_string(), token.display().to_string());
    let arguments = ["backup", &dest, "--endpoint", url, "--token-file", &token];
    run(&[&arguments[..], &["-o", "json"], more].concat())
}

/// A backup that is made over HTTP, as its JSON tells it.
pub(super) fn made_remotely(url: &str, token: &Path, dest: &Path, more: &[&str]) -> Value {
    let ran = remote(url, token, dest, more);
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// A server with two runs and open journals, and a place with a backup of the first run.
struct Far {
    folder: tempfile::TempDir,
    data_dir: String,
    dest: PathBuf,
    served: Served,
    token: PathBuf,
}

impl Far {
    fn new() -> Self {
        let (folder, data_dir) = data_dir();
        let dest = folder.path().join("backups");
        let token = token(&data_dir, "far", &[]);
        for turn in 0..2 {
            let served = Served::start(&data_dir);
            send(&served.url, turn, 0, 200);
            drop(served.stop());
            // Seals what is open.
            assert_eq!(run(&["verify", "--data-dir", &data_dir]).code, 0);
            if turn == 0 {
                made(&data_dir, &dest, &[]);
            }
        }
        let served = Served::start(&data_dir);
        send(&served.url, 2, 0, 200);
        Self {
            folder,
            data_dir,
            dest,
            served,
            token,
        }
    }

    fn make(&self, dest: &Path) -> Value {
        made_remotely(&self.served.url, &self.token, dest, &[])
    }

    /// The place with its one backup, copied to another path.
    fn copy_of_place(&self, name: &str) -> PathBuf {
        let to = self.folder.path().join(name);
        for (path, bytes) in files(&self.dest) {
            let path = to.join(path.strip_prefix(&self.dest).expect("below"));
            std::fs::create_dir_all(path.parent().expect("one")).expect("made");
            std::fs::write(path, bytes).expect("written");
        }
        to
    }

    /// What is restored from the newest backup is verified and counts what the server
    /// counts.
    fn restores(&self, dest: &Path) {
        let name = dest.file_name().expect("a name").to_string_lossy();
        let to = self.folder.path().join(format!("restored-{name}"));
        let ran = restore_with_key(&self.data_dir, dest, &to, &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let to = to.display().to_string();
        assert_eq!(run(&["verify", "--data-dir", &to]).code, 0);
        let served = Served::start(&to);
        assert_eq!(counts(&served.url), counts(&self.served.url));
        assert_eq!(counts(&served.url).len(), 3);
    }
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).expect("there");
    let names = entries.map(|it| it.expect("readable").file_name());
    names.map(|it| it.to_string_lossy().into_owned()).collect()
}

#[test]
fn backups_from_here_and_from_elsewhere_share_their_runs() {
    let far = Far::new();
    let runs = names(&far.dest.join("runs"));
    let told = far.make(&far.dest);
    assert_eq!(told["present_files"], runs.len(), "{told}");
    assert!(names(&far.dest.join("runs")).is_superset(&runs));
    let runs = names(&far.dest.join("runs"));
    assert!(told["copied_bytes"].as_u64() < told["bytes"].as_u64());
    let local = made(&far.data_dir, &far.dest, &[]);
    assert_eq!(local["present_files"], runs.len(), "{local}");
    assert_eq!(local["positions"], told["positions"]);
    assert_eq!(local["files"], told["files"]);
    // The same files, byte for byte, but for the time in the manifests.
    let of = |told: &Value| {
        let dir = far
            .dest
            .join("backups")
            .join(told["id"].as_str().expect("an id"));
        let mut all = files(&dir);
        all.retain(|path, _| !path.to_string_lossy().contains("manifest."));
        let all = all.into_iter();
        let name = |path: PathBuf| path.file_name().expect("a name").to_owned();
        all.map(|(path, bytes)| (name(path), bytes))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&local), of(&told));
    let again = made_remotely(&far.served.url, &far.token, &far.dest, &["--keep", "1"]);
    assert_eq!(again["present_files"], runs.len(), "{again}");
    assert_eq!(again["removed_backups"], 3, "{again}");
    assert_eq!(list(&far.dest).len(), 1);
    far.restores(&far.dest);
    // A place of its own, which nobody had before.
    let fresh = far.folder.path().join("fresh/place");
    let told = far.make(&fresh);
    assert_eq!(told["present_files"], 0, "{told}");
    far.restores(&fresh);
}

/// What a proxy does to the answer of a server.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// Ends it after so many bytes.
    Cut(usize),
    /// Flips a bit of this byte.
    Flip(usize),
}

/// A proxy for one call; gives its URL, and how many bytes the server answered.
fn proxy(url: &str, harm: Harm) -> (String, std::thread::JoinHandle<usize>) {
    let server = url.strip_prefix("http://").expect("http").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let own = format!("http://{}", listener.local_addr().expect("an address"));
    let proxying = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("called");
        let mut server = TcpStream::connect(server).expect("connected");
        let (mut from, mut to) = (
            client.try_clone().expect("cloned"),
            server.try_clone().expect("cloned"),
        );
        let asking = std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).expect("read");
        let length = answer.len();
        match harm {
            Harm::Cut(at) => answer.truncate(at),
            Harm::Flip(at) => answer[at] ^= 1,
        }
        // A client that has seen enough is gone.
        drop(client.write_all(&answer));
        drop(client.shutdown(Shutdown::Both));
        asking.join().expect("ended");
        length
    });
    (own, proxying)
}

#[test]
fn an_answer_that_is_cut_or_changed_is_no_backup() {
    let far = Far::new();
    let through = |harm: Harm, dest: &Path| {
        let (url, proxying) = proxy(&far.served.url, harm);
        let ran = remote(&url, &far.token, dest, &[]);
        (ran, proxying.join().expect("ended"))
    };
    let whole = far.copy_of_place("whole");
    let (ran, length) = through(Harm::Cut(usize::MAX), &whole);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(list(&whole).len(), 2);
    let eighths = (1..8).map(|at| length * at / 8);
    let mut harms: Vec<Harm> = [0, 20, 200, 500]
        .into_iter()
        .chain(eighths)
        .map(Harm::Cut)
        .collect();
    // The last chunk has 7 bytes around it; before it is the proof, of 37 bytes.
    harms.extend([length - 60, length - 40, length - 8].map(Harm::Cut));
    harms.extend((1..8).map(|at| Harm::Flip(length * at / 8)));
    harms.push(Harm::Flip(length - 20));
    for (at, harm) in harms.into_iter().enumerate() {
        let dest = far.copy_of_place(&format!("place-{at}"));
        let before = files(&dest);
        let (ran, _) = through(harm, &dest);
        assert_eq!(ran.code, 1, "{harm:?}: {ran:?}");
        let said = ["no backup was made", "could not reach"];
        assert!(
            said.iter().any(|it| ran.stderr.contains(it)),
            "{harm:?}: {ran:?}"
        );
        assert!(ran.stdout.is_empty(), "{harm:?}: {ran:?}");
        let after = files(&dest);
        for (path, bytes) in &before {
            assert_eq!(after.get(path), Some(bytes), "{harm:?}: {}", path.display());
        }
        // Runs that came whole stay, for the next one.
        for path in after.keys().filter(|path| !before.contains_key(*path)) {
            let is_run = path.parent() == Some(&dest.join("runs"))
                && path.extension().is_some_and(|it| it == "run");
            assert!(is_run, "{harm:?}: {}", path.display());
        }
        assert_eq!(
            names(&dest.join("backups")),
            names(&far.dest.join("backups"))
        );
    }
    assert!(far.served.said().contains("sent a backup"));
}

/// What an interrupted backup had brought is compared by the server and not sent again;
/// what was damaged since is.
#[test]
fn a_backup_that_was_cut_goes_on_with_what_had_come() {
    let far = Far::new();
    for damage in [false, true] {
        let dest = far.copy_of_place(if damage { "damaged" } else { "kept" });
        let whole = far.copy_of_place(&format!("whole-{damage}"));
        let (url, proxying) = proxy(&far.served.url, Harm::Cut(usize::MAX));
        assert_eq!(remote(&url, &far.token, &whole, &[]).code, 0);
        let length = proxying.join().expect("ended");
        let (url, proxying) = proxy(&far.served.url, Harm::Cut(length - 20));
        assert_eq!(remote(&url, &far.token, &dest, &[]).code, 1);
        proxying.join().expect("ended");
        let runs = names(&dest.join("runs"));
        let had = names(&far.dest.join("runs"));
        let stray: Vec<_> = runs.difference(&had).collect();
        assert!(!stray.is_empty(), "{runs:?}");
        if damage {
            let path = dest.join("runs").join(stray[0]);
            let mut bytes = std::fs::read(&path).expect("readable");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).expect("written");
        }
        let told = far.make(&dest);
        let again = usize::from(damage);
        assert_eq!(told["present_files"], runs.len() - again, "{told}");
        far.restores(&dest);
    }
}

fn ask(url: &str, token: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let sent = agent()
        .post(format!("{url}/operator/v1/backup"))
        .header("authorization", format!("Bearer {token}"))
        .send(body);
    let mut answer = sent.expect("an answer");
    let bytes = answer
        .body_mut()
        .with_config()
        .limit(u64::MAX)
        .read_to_vec();
    (answer.status().as_u16(), bytes.expect("read"))
}

#[test]
fn who_may_not_have_a_backup_gets_none() {
    let (folder, data_dir) = data_dir();
    let reader = token(&data_dir, "reader", &["--read-only"]);
    let writer = token(&data_dir, "writer", &[]);
    let wrong = folder.path().join("wrong.token");
    std::fs::write(&wrong, "not-a-token").expect("written");
    let served = Served::start(&data_dir);
    send(&served.url, 0, 0, 5);
    let dest = folder.path().join("backups");
    for (token, code) in [(&wrong, "InvalidToken"), (&reader, "Denied")] {
        let ran = remote(&served.url, token, &dest, &[]);
        assert!(ran.code == 1 && ran.stderr.contains(code), "{ran:?}");
        assert!(!dest.exists(), "{ran:?}");
    }
    let token = std::fs::read_to_string(&reader).expect("readable");
    let (status, answer) = ask(&served.url, token.trim(), b"{\"have\":[]}");
    assert_eq!(status, 403, "{}", String::from_utf8_lossy(&answer));
    let text = std::fs::read_to_string(&writer).expect("readable");
    let refused = |body: &Value| {
        let (status, answer) = ask(&served.url, text.trim(), body.to_string().as_bytes());
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        (
            status,
            answer["field"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let have = json!({ "identity": "1-2", "bytes": 1 });
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "have": [], "more": 1 }), "body"),
        (
            json!({ "have": [{ "identity": "../x", "bytes": 1 }] }),
            "have[0].identity",
        ),
        (
            json!({ "have": [have.clone(), { "identity": "1", "bytes": 1, "sha256": "x" }] }),
            "have[1].sha256",
        ),
        (json!({ "have": vec![have.clone(); HAVE_MAX + 1] }), "have"),
    ] {
        assert_eq!(refused(&body), (400, field.to_owned()));
    }
    let most = json!({ "have": vec![have; HAVE_MAX] }).to_string();
    assert_eq!(ask(&served.url, text.trim(), most.as_bytes()).0, 200);
    let long = vec![b' '; REQUEST_BYTES_MAX.max(4 * 1024 * 1024) + 1];
    assert_eq!(ask(&served.url, text.trim(), &long).0, 413);
    // The list is of the place that is here.
    let ran = remote(&served.url, &writer, &dest, &["--list"]);
    assert!(ran.code == 2 && ran.stderr.contains("--list"), "{ran:?}");
    made_remotely(&served.url, &writer, &dest, &[]);
    assert_eq!(list(&dest).len(), 1);
}

#[test]
fn another_server_or_a_strange_place_is_refused_untouched() {
    let far = Far::new();
    let (_other, other_dir) = data_dir();
    let other_token = token(&other_dir, "other", &[]);
    let other = Served::start(&other_dir);
    let before = files(&far.dest);
    let ran = remote(&other.url, &other_token, &far.dest, &["--keep", "1"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("another instance"),
        "{ran:?}"
    );
    assert_eq!(files(&far.dest), before);
    let foreign = far.folder.path().join("foreign");
    std::fs::create_dir(&foreign).expect("made");
    std::fs::write(foreign.join("notes"), "mine").expect("written");
    let ran = remote(&far.served.url, &far.token, &foreign, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("holds no backups of chatmetric"),
        "{ran:?}"
    );
    assert_eq!(files(&foreign).len(), 1);
    // Somebody uses it.
    let lock = std::fs::File::open(far.dest.join("lock")).expect("there");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockShared).expect("locked");
    let ran = remote(&far.served.url, &far.token, &far.dest, &[]);
    assert!(ran.code == 1 && ran.stderr.contains("uses"), "{ran:?}");
    assert_eq!(files(&far.dest), before);
    // What answers is no server of ours.
    drop(lock);
    let ran = remote("http://127.0.0.1:9", &far.token, &far.dest, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("127.0.0.1:9"),
        "{ran:?}"
    );
    assert_eq!(files(&far.dest), before);
}

/// More than what lies in buffers on the way.
const LARGE_BYTES: u64 = 16 * 1024 * 1024;

#[test]
fn one_is_sent_at_a_time_and_a_client_that_left_holds_nothing() {
    let (folder, data_dir) = data_dir();
    let token = token(&data_dir, "far", &[]);
    let served = Served::start(&data_dir);
    let agent = agent();
    let beside = folder.path().join("beside");
    let mut sent = 0;
    loop {
        for _ in 0..40 {
            let body = body(0, sent, 2_000);
            assert_eq!(post(&agent, &served.url, "acme-wa", &body), Some(200));
            sent += 2_000;
        }
        // Files of a store are longer than what is in them.
        let told = made(&data_dir, &beside, &["--keep", "1"]);
        if told["bytes"].as_u64() > Some(LARGE_BYTES) {
            break;
        }
    }
    let text = std::fs::read_to_string(&token).expect("readable");
    let request = format!(
        "POST /operator/v1/backup HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-length: 11\r\n\r\n{{\"have\":[]}}",
        text.trim()
    );
    let host = served.url.strip_prefix("http://").expect("http");
    let mut first = TcpStream::connect(host).expect("connected");
    first.write_all(request.as_bytes()).expect("written");
    let mut begin = [0; 64];
    first.read_exact(&mut begin).expect("read");
    assert!(begin.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let dest = folder.path().join("backups");
    let ran = remote(&served.url, &token, &dest, &[]);
    assert!(
        ran.code == 1 && ran.stderr.contains("one at a time"),
        "{ran:?}"
    );
    assert!(!dest.exists());
    let mut second = TcpStream::connect(host).expect("connected");
    let request = request.replace("host: x", "host: x\r\nconnection: close");
    second.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    second.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: "), "{answer}");
    // Backups beside the data are made meanwhile.
    made(&data_dir, &beside, &[]);
    drop(first);
    let mut ran = remote(&served.url, &token, &dest, &[]);
    for _ in 0..500 {
        if ran.code == 0 {
            break;
        }
        assert!(ran.stderr.contains("one at a time"), "{ran:?}");
        std::thread::sleep(Duration::from_millis(20));
        ran = remote(&served.url, &token, &dest, &[]);
    }
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(served.said().contains("was broken off"));
    // A server that stops does not wait for a client that reads nothing.
    let mut third = TcpStream::connect(host).expect("connected");
    third.write_all(request.as_bytes()).expect("written");
    third.read_exact(&mut begin).expect("read");
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
}

#[test]
fn no_secret_is_on_the_way() {
    let secrets = super::refused::Secrets::new();
    let token = token(&secrets.data_dir, "far", &[]);
    let text = std::fs::read_to_string(&token).expect("readable");
    let (status, stream) = ask(&secrets.served.url, text.trim(), b"{\"have\":[]}");
    assert_eq!(status, 200);
    assert!(stream.len() > 10_000, "{}", stream.len());
    secrets.check("the stream", &stream);
    let token = text.trim().as_bytes();
    assert!(!stream.windows(token.len()).any(|it| it == token));
}
