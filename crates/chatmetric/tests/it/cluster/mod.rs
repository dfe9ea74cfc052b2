//! Several real programs on three real nats-servers: one directory and one count, whatever
//! is killed.

mod changes;
mod counts;
mod failover;
mod migrate;
mod partition;
mod secured;
mod servers;

use crate::process::{DIRECTORY, Ran, Served, call, command, run, run_with_input};
use crate::streams::wait_until;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::sign::Credentials;
use servers::Servers;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A node: its data directory and its configuration.
struct Node {
    folder: tempfile::TempDir,
    key: String,
}

impl Node {
    fn new(servers: &Servers, name: &str, key: &str) -> Self {
        Self::with(servers, name, key, "servers_sync_always = true")
    }

    /// With these lines of the section of the cluster.
    fn with(servers: &Servers, name: &str, key: &str, more: &str) -> Self {
        let node = Self {
            folder: tempfile::tempdir().expect("a directory"),
            key: key.to_owned(),
        };
        let config = format!(
            "[cluster]\nnats_urls = {}\nnode = \"{name}\"\npartitions = 4\n\
             {more}\n[watch]\nenabled = false\n",
            servers.urls()
        );
        std::fs::write(node.folder.path().join("c.toml"), config).expect("written");
        node
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn arguments(&self) -> Vec<String> {
        let (config, data_dir) = (self.path("c.toml"), self.path("data"));
        [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--config",
            &config,
            "--data-dir",
            &data_dir,
            "--master-key-file",
            &self.key,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn serve(&self) -> Served {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Served::start_with(&arguments)
    }

    /// Below another program that stays out of its way.
    fn serve_below(&self, wrapper: &[String]) -> Served {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Served::start_below(wrapper, &arguments)
    }

    /// What `cluster status` of the running node says.
    fn status(&self) -> Option<serde_json::Value> {
        let data_dir = self.path("data");
        let ran = run(&["cluster", "status", "--json", "--data-dir", &data_dir]);
        serde_json::from_str(&ran.stdout).ok()
    }

    /// Waits until `members` are there and every partition is counted by who should.
    fn settled(&self, members: &[&str]) {
        wait_until("replicas where they belong", || {
            let status = self.status();
            status.is_some_and(|status| is_settled(&status, members))
        });
    }

    /// What it says when it does not start.
    fn refused(&self) -> Ran {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = command(&arguments).stdin(Stdio::null()).output();
        output.expect("the program starts").into()
    }

    fn apply(&self, document: &str) -> Ran {
        let data_dir = self.path("data");
        let words = [
            "apply",
            "-f",
            "-",
            "--data-dir",
            &data_dir,
            "--master-key-file",
            &self.key,
        ];
        run_with_input(&words, document.as_bytes())
    }
}

fn is_settled(status: &serde_json::Value, wanted_members: &[&str]) -> bool {
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let members = list(&status["members"]);
    let names: Vec<_> = members.iter().map(|it| it["name"].as_str()).collect();
    let wanted = list(&status["wanted"]);
    names.len() == wanted_members.len()
        && wanted_members.iter().all(|it| names.contains(&Some(it)))
        && wanted.iter().enumerate().all(|(partition, wanted)| {
            let follows = |it: &&serde_json::Value| {
                let all = list(&it["follows"]);
                all.contains(&serde_json::json!(partition))
            };
            let counting: Vec<_> = members
                .iter()
                .filter(follows)
                .map(|it| &it["name"])
                .collect();
            let wanted = list(wanted);
            wanted.len() == counting.len() && wanted.iter().all(|it| counting.contains(&it))
        })
}

/// A master key in a file.
fn key_file(folder: &tempfile::TempDir, name: &str) -> String {
    let path = folder.path().join(name);
    let key = chatmetric::master_key::MasterKey::generate(&chatmetric::entropy::SystemEntropy);
    key.write_new(&path).expect("written");
    path.display().to_string()
}

fn credentials(id: &str, secret: &str) -> Credentials {
    Credentials {
        access_key_id: id.to_owned(),
        secret: SecretKey::new(secret),
        security_token: None,
    }
}

/// The status of a call with a key that a node does not know. Another one, 503, comes
/// while the owner of an account changes.
const UNKNOWN_KEY: u16 = 404;

/// Waits until a node answers calls with this key.
fn answers(url: &str, id: &str, secret: &str) {
    wait_until("a node that answers", || who(url, id, secret) == 200);
}

fn who(url: &str, id: &str, secret: &str) -> u16 {
    call(url, &credentials(id, secret), "GetCallerIdentity", &[]).0
}

const ANOTHER: &str = r#"
[[account]]
id = "1000000000000002"
name = "other"
[[account.access_key]]
id = "LTAIother"
secret = "other-secret"
[[account.space]]
id = "space-b"
default = true
"#;

#[test]
fn one_directory_on_all_nodes() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let mut servers = Servers::start();
    let [a, b, c] = ["a", "b", "c"].map(|name| Node::new(&servers, name, &key));
    // The first node brings a directory with accounts.
    assert_eq!(a.apply(DIRECTORY).code, 0);
    let on_a = a.serve();
    let on_b = b.serve();
    answers(&on_b.url, "LTAIowner", "owner-secret");

    // A change on one node is there at once, and on the other after a moment.
    let ran = b.apply(ANOTHER);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(who(&on_b.url, "LTAIother", "other-secret"), UNKNOWN_KEY);
    answers(&on_b.url, "LTAIother", "other-secret");
    answers(&on_a.url, "LTAIother", "other-secret");

    // What changes while a node is dead, and while the leader of the changes is, is there.
    on_a.kill();
    let leader = servers.leader_of("chatmetric-directory");
    servers.kill(leader);
    let without = ANOTHER.replace(
        "[[account.access_key]]\nid = \"LTAIother\"",
        "[[account.access_key]]\nid = \"LTAIthird\"",
    );
    wait_until("a change with two servers", || b.apply(&without).code == 0);
    servers.start_again(leader);
    let on_a = a.serve();
    assert_ne!(who(&on_a.url, "LTAIthird", "other-secret"), UNKNOWN_KEY);
    // A server that was away may have no picture yet: a node that is new waits for it.
    let mut pictures = Vec::new();
    wait_until("pictures on all servers", || {
        pictures.extend(servers.take_objects("chatmetric-directory-pictures"));
        !pictures.is_empty()
    });
    let on_c = std::thread::scope(|scope| {
        let starting = scope.spawn(|| c.serve());
        std::thread::sleep(Duration::from_secs(2));
        assert!(!starting.is_finished());
        servers.put_objects("chatmetric-directory-pictures", pictures);
        starting.join().expect("started")
    });
    assert_ne!(who(&on_c.url, "LTAIthird", "other-secret"), UNKNOWN_KEY);
    answers(&on_c.url, "LTAIthird", "other-secret");

    // Commands that open a data directory themselves leave a node's alone.
    on_a.kill();
    let data = a.path("data");
    let with = ["--data-dir", &data, "--master-key-file", &a.key];
    let before = std::fs::read(&a.key).expect("a key");
    for words in [&["verify"][..], &["admin", "rotate-master-key"]] {
        let ran = run(&[words, &with].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("of a node of a cluster"), "{ran:?}");
    }
    assert_eq!(std::fs::read(&a.key).expect("a key"), before);
    assert!(!Path::new(&format!("{}.new", a.key)).exists());
    answers(&a.serve().url, "LTAIthird", "other-secret");

    // Another master key, and another directory, are refused with a reason.
    let wrong = Node::new(&servers, "d", &key_file(&keys, "other-key"));
    let ran = wrong.refused();
    assert!(
        ran.code != 0 && ran.stderr.contains("wrong master key"),
        "{ran:?}"
    );
    let foreign = Node::new(&servers, "e", &key);
    assert_eq!(foreign.apply(DIRECTORY).code, 0);
    let ran = foreign.refused();
    assert!(
        ran.code != 0 && ran.stderr.contains("accounts of its own"),
        "{ran:?}"
    );
}
