//! Servers that let nobody in without TLS and credentials: accounts, users and their files
//! made as `nsc` makes them.
//!
//! Invariant: nothing here is a switch of the program; the nodes have the configuration that
//! operators write.

use super::counts::{batches, compare_all, load};
use super::servers::{Access, Servers};
use super::{Node, key_file};
use crate::certificates::{TestCa, VALID_YEARS};
use crate::process::{DIRECTORY, Served};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_sim::Model;
use nkeys::KeyPair;
use serde_json::{Value, json};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};

/// A token of NATS: what `nats` says of `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let head = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let claims = json!({
        "jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(), "name": name,
        "sub": subject.public_key(), "nats": nats,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&head), encode(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("a seed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn account_limits(storage: i64) -> Value {
    json!({"type": "account", "version": 2, "limits": {
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1, "mem_storage": storage, "disk_storage": storage,
        "streams": -1, "consumer": -1,
    }})
}

/// An account and the credentials of a user of it.
fn account(operator: &KeyPair, name: &str, storage: i64) -> (KeyPair, String, String) {
    let (account, user) = (KeyPair::new_account(), KeyPair::new_user());
    let of_account = token(operator, &account, name, &account_limits(storage));
    let all = json!({"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1,
                     "payload": -1});
    let of_user = token(&account, &user, name, &all);
    let seed = user.seed().expect("a seed");
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    (account, of_account, credentials)
}

fn write_secret(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut options = std::fs::File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.expect("new")
        .write_all(text.as_bytes())
        .expect("space");
}

/// Files of operators and of clients.
struct Files(tempfile::TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes everything, and says how servers are configured by it.
    fn make() -> (Self, Access) {
        let files = Self(tempfile::tempdir().expect("a directory"));
        let ca = TestCa::new().expect("a CA");
        let issued = ca.issue(&["127.0.0.1"], VALID_YEARS).expect("issued");
        std::fs::write(files.path("ca.pem"), ca.pem()).expect("space");
        std::fs::write(files.path("cert.pem"), &issued.certificate).expect("space");
        write_secret(&files.path("key.pem"), &issued.key);
        let other = TestCa::new().expect("a CA");
        std::fs::write(files.path("other-ca.pem"), other.pem()).expect("space");
        let operator = KeyPair::new_operator();
        let nats = json!({"type": "operator", "version": 2});
        let of_operator = token(&operator, &operator, "operator", &nats);
        let (system, of_system, system_user) = account(&operator, "system", 0);
        let (app, of_app, app_user) = account(&operator, "app", -1);
        // One that the servers were never told of.
        let (_, _, stranger) = account(&KeyPair::new_operator(), "stranger", -1);
        write_secret(&files.path("system.creds"), &system_user);
        write_secret(&files.path("app.creds"), &app_user);
        write_secret(&files.path("stranger.creds"), &stranger);
        let configuration = format!(
            "operator: \"{of_operator}\"\nsystem_account: {}\nresolver: MEMORY\n\
             resolver_preload: {{ {}: \"{of_system}\", {}: \"{of_app}\" }}\n\
             tls {{ cert_file: \"{}\", key_file: \"{}\" }}\n",
            system.public_key(),
            system.public_key(),
            app.public_key(),
            files.path("cert.pem").display(),
            files.path("key.pem").display(),
        );
        let access = Access {
            configuration,
            files: Some((files.path("app.creds"), files.path("ca.pem"))),
        };
        (files, access)
    }

    /// The lines of a node that name its files.
    fn lines(&self, credentials: &str, ca: &str) -> String {
        format!(
            "credentials_file = \"{}\"\nsystem_credentials_file = \"{}\"\ntls_ca_file = \"{}\"",
            self.path(credentials).display(),
            self.path("system.creds").display(),
            self.path(ca).display()
        )
    }
}

#[test]
fn nodes_work_over_tls_with_credentials_and_not_without() {
    let (files, access) = Files::make();
    let key = key_file(&files.0, "key");
    let servers = Servers::start_with(access);
    let lines = files.lines("app.creds", "ca.pem");
    let nodes = ["a", "b", "c"].map(|name| Node::with(&servers, name, &key, &lines));
    assert_eq!(nodes[0].apply(DIRECTORY).code, 0);
    // Nothing says that the servers sync: they are asked, with the credentials for it.
    let mut served: Vec<Served> = nodes.iter().map(Node::serve).collect();
    let urls = RwLock::new(served.iter().map(|it| it.url.clone()).collect());
    let (now_ms, model) = (SystemClock::default().now().0, Mutex::new(Model::new()));
    let batches = batches(now_ms, 40);
    load(&urls, &model, &batches[..20], |_| ());
    compare_all(&urls, &model, now_ms);

    // A node that comes back proves itself again.
    served.remove(1).kill();
    urls.write().expect("sound").remove(1);
    load(&urls, &model, &batches[20..], |_| ());
    let again = nodes[1].serve();
    urls.write().expect("sound").push(again.url.clone());
    compare_all(&urls, &model, now_ms);

    // Who is not known to the servers, and servers that are not known to the node.
    for (credentials, ca, told) in [
        ("stranger.creds", "ca.pem", "authorization violation"),
        ("app.creds", "other-ca.pem", "certificate"),
    ] {
        let lines = files.lines(credentials, ca);
        let ran = Node::with(&servers, "d", &key, &lines).refused();
        assert!(ran.code != 0 && ran.stderr.contains(told), "{ran:?}");
        assert!(!ran.stderr.contains("SUA"), "no seed is told: {ran:?}");
    }
    // Who must not ask how servers sync does not take it on trust.
    let lines = lines.replace("system.creds", "app.creds");
    let ran = Node::with(&servers, "d", &key, &lines).refused();
    assert!(ran.code != 0 && ran.stderr.contains("sync"), "{ran:?}");
}
