//! TLS: what is answered over it, who is refused, certificates and their
//! exchange, and the client that trusts a private CA.

use crate::certificates::{Issued, TestCa, VALID_YEARS};
use crate::faults::{Gate, GatedStore};
use crate::log;
use crate::process::{self, Served};
use crate::world::{Reply, World, hub_signature, key, sample};
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::config::{ConfigError, Overrides, Settings};
use chatmetric::server::limits::HANDSHAKE_TIMEOUT;
use chatmetric::tls::{LOOK_INTERVAL, TLS_FILE_BYTES_MAX};
use chatmetric_store::{MemoryStore, Store};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const ACTION: &str = "GetChatappPhoneNumberMetric";
const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
const KEPT: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Two files for the server, and the CA behind them.
struct Files {
    ca: TestCa,
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            ca: TestCa::new().expect("a CA"),
            folder: tempfile::tempdir().expect("a directory"),
        };
        files.write(&files.issue());
        files
    }

    fn issue(&self) -> Issued {
        self.ca.issue(&NAMES, VALID_YEARS).expect("issued")
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    fn write(&self, issued: &Issued) {
        replace(&self.certificate(), &issued.certificate);
        replace(&self.key(), &issued.key);
    }

    fn tune(&self, settings: &mut Settings) {
        settings.server.tls_cert_file = Some(self.certificate());
        settings.server.tls_key_file = Some(self.key());
    }

    /// The configuration that names the files.
    fn toml(&self) -> String {
        format!(
            "[server]\ntls_cert_file = \"{}\"\ntls_key_file = \"{}\"\n",
            self.certificate().display(),
            self.key().display()
        )
    }

    fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(der(self.ca.pem())).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

/// Writes a file beside and renames it, as tools that renew certificates do.
fn replace(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft);
    file.expect("opened")
        .write_all(text.as_bytes())
        .expect("written");
    std::fs::rename(&draft, path).expect("renamed");
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

/// A server that speaks TLS, and a client that trusts it.
struct Secure {
    world: World,
    files: Files,
    client: Arc<ClientConfig>,
}

impl Secure {
    fn start() -> Self {
        Self::start_with(|_| {}, Arc::new(MemoryStore::new()))
    }

    fn start_with(tune: impl FnOnce(&mut Settings), store: Arc<dyn Store>) -> Self {
        let files = Files::new();
        let world = World::start_with(
            |settings| {
                files.tune(settings);
                tune(settings);
            },
            store,
        );
        let client = Arc::new(files.client(rustls::ALL_VERSIONS));
        Self {
            world,
            files,
            client,
        }
    }

    fn connect(&self) -> Stream {
        self.connect_with(Arc::clone(&self.client))
    }

    fn connect_with(&self, client: Arc<ClientConfig>) -> Stream {
        let name = "127.0.0.1".try_into().expect("a name");
        let connection = ClientConnection::new(client, name).expect("a client");
        StreamOwned::new(connection, self.world.connect())
    }

    /// Sends bytes on a connection of their own and reads to its end, which has
    /// to be said and not just happen.
    #[track_caller]
    fn raw(&self, bytes: &[u8]) -> String {
        finish(self.connect(), bytes)
    }

    fn metric(&self, who: &str, headers: &[(&str, &str)]) -> Reply {
        let mut call = self.world.v3(&key(who), ACTION, &RANGE);
        for (name, value) in headers {
            call.headers.push(((*name).to_owned(), (*value).to_owned()));
        }
        let bytes = self
            .world
            .request("POST", &call.target, &call.headers, &call.body);
        Reply::parse(&self.raw(&bytes))
    }

    /// What a new connection is served with.
    fn certificate(&self) -> CertificateDer<'static> {
        // A client without a memory of sessions is always shown it.
        let client = Arc::new(self.files.client(rustls::ALL_VERSIONS));
        let mut stream = self.connect_with(client);
        stream.conn.complete_io(&mut stream.sock).expect("shaken");
        let shown = stream.conn.peer_certificates().expect("shown");
        shown[0].clone().into_owned()
    }

    #[track_caller]
    fn wait_for(&self, issued: &Issued) {
        let clock = SystemClock::default();
        let wanted = der(&issued.certificate);
        while self.certificate() != wanted {
            assert!(clock.monotonic_ms() < 30_000, "the new one is not served");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[track_caller]
fn finish(mut stream: Stream, bytes: &[u8]) -> String {
    stream.write_all(bytes).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read to the end");
    answer
}

/// Reads one answer of a connection that is kept.
fn read_answer(stream: &mut Stream, end: &[u8]) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end) {
        let mut byte = [0_u8; 1];
        stream.read_exact(&mut byte).expect("read");
        answer.push(byte[0]);
    }
    String::from_utf8(answer).expect("text")
}

#[test]
fn a_call_over_tls_is_answered_as_over_http() {
    let plain = World::start();
    let secure = Secure::start();
    let body = sample("wa_02_sent_v24.json");
    assert_eq!(
        plain.webhook("acme-wa", "app-secret-one", &body).status,
        200
    );
    let signature = hub_signature("app-secret-one", &body);
    let webhook = secure.world.request(
        "POST",
        "/webhooks/whatsapp/acme-wa",
        &[("x-hub-signature-256".to_owned(), signature)],
        &body,
    );
    assert_eq!(Reply::parse(&secure.raw(&webhook)).status, 200);
    for (version, name) in [
        (&rustls::version::TLS12, rustls::ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, rustls::ProtocolVersion::TLSv1_3),
    ] {
        let mut client = secure.files.client(&[version]);
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = Arc::new(client);
        let v3 = |world: &World| world.v3(&key("owner"), ACTION, &RANGE);
        let v1 = |world: &World| world.v1(&key("owner"), ACTION, &RANGE);
        for call in [&v3 as &dyn Fn(&World) -> _, &v1] {
            let expected = plain.post(&call(&plain));
            assert_eq!(expected.status, 200, "{expected:?}");
            assert!(expected.body.contains("15550100101"), "{expected:?}");
            let call = call(&secure.world);
            let request = secure
                .world
                .request("POST", &call.target, &call.headers, &call.body);
            let mut stream = secure.connect_with(Arc::clone(&client));
            stream.conn.complete_io(&mut stream.sock).expect("shaken");
            assert_eq!(stream.conn.protocol_version(), Some(name));
            assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
            let reply = Reply::parse(&finish(stream, &request));
            assert_eq!(reply.stable(), expected.stable());
        }
    }
}

#[test]
fn nothing_is_sent_before_the_handshake_ends() {
    let secure = Secure::start();
    let mut client = secure.files.client(&[&rustls::version::TLS13]);
    client.enable_early_data = true;
    let client = Arc::new(client);
    for resumes in [false, true] {
        let mut stream = secure.connect_with(Arc::clone(&client));
        // A server that took early data would have said so in its ticket.
        assert!(stream.conn.early_data().is_none());
        stream.conn.complete_io(&mut stream.sock).expect("shaken");
        let kind = stream.conn.handshake_kind();
        let resumed = kind == Some(rustls::HandshakeKind::Resumed);
        assert_eq!(resumed, resumes, "{kind:?}");
        assert!(finish(stream, HEALTH).starts_with("HTTP/1.1 200 OK"));
    }
}

#[test]
fn old_broken_and_foreign_handshakes_are_refused() {
    let secure = Secure::start();
    // A well-formed hello of TLS 1.1: version, random, no session, two suites, no
    // compression; with a kind of signature, so that the version alone is wrong.
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]);
    body.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(body.len()).expect("short");
    let mut old = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    old.extend(&body);
    let broken = [&old[..9], &[0xff; 200]].concat();
    let cases: [(&str, &[u8], Option<u8>); 4] = [
        ("TLS 1.1", &old, Some(70)),
        ("a broken hello", &broken, Some(50)),
        ("another record", b"\x17\x03\x03\x00\x01x", Some(10)),
        (
            "no TLS at all",
            b"\x00\x01\x02\x03\x04\x05\x06\x07",
            Some(50),
        ),
    ];
    for (name, bytes, alert) in cases {
        let mut stream = secure.world.connect();
        stream.write_all(bytes).expect("written");
        let mut answer = Vec::new();
        // Ends at once: long before the handshake's time is over.
        stream
            .set_read_timeout(Some(HANDSHAKE_TIMEOUT / 2))
            .expect("set");
        let ended = stream.read_to_end(&mut answer);
        assert!(
            ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset),
            "{name}: still open"
        );
        // A record of type alert with two bytes, the first of which says fatal.
        assert_eq!(answer.get(..1), Some([21].as_slice()), "{name}: {answer:?}");
        assert_eq!(answer.get(5), Some(&2), "{name}: {answer:?}");
        assert_eq!(answer.get(6).copied(), alert, "{name}: {answer:?}");
    }
    let mut client = secure.files.client(rustls::ALL_VERSIONS);
    client.alpn_protocols = vec![b"h2".to_vec()];
    let mut stream = secure.connect_with(Arc::new(client));
    let refused = stream.conn.complete_io(&mut stream.sock);
    assert!(refused.is_err_and(|e| e.to_string().contains("NoApplicationProtocol")));
    assert!(secure.raw(HEALTH).starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn plain_http_on_the_tls_port_is_told_so() {
    let secure = Secure::start();
    let reply = secure.world.metric("owner", &RANGE);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "MalformedRequest"),
        "{reply:?}"
    );
    let message = reply.json()["Message"].as_str().map(str::to_owned);
    assert!(message.is_some_and(|m| m.contains("HTTPS")), "{reply:?}");
    assert_eq!(
        reply.json()["RequestId"].as_str(),
        reply.header("x-acs-request-id")
    );
    // The answer arrives whole, also when more comes than anybody reads.
    let reply = secure.world.send("POST", "/", &[], &vec![b'x'; 200_000]);
    assert_eq!(reply.code(), "MalformedRequest");
}

#[test]
fn an_unfinished_handshake_ends_and_holds_nobody_up() {
    let secure = Secure::start();
    let clock = SystemClock::default();
    let silent = secure.world.connect();
    let mut slow = secure.world.connect();
    slow.write_all(b"\x16\x03\x01\x00").expect("written");
    assert!(secure.raw(HEALTH).starts_with("HTTP/1.1 200 OK"));
    let least_ms = u64::try_from(HANDSHAKE_TIMEOUT.as_millis()).expect("short");
    assert!(clock.monotonic_ms() < least_ms, "it waited for the others");
    for mut stream in [silent, slow] {
        let mut byte = [0_u8; 1];
        assert_eq!(stream.read(&mut byte).expect("closed, not reset"), 0);
        let took_ms = clock.monotonic_ms();
        assert!(took_ms >= least_ms - 500, "closed after {took_ms} ms");
        assert!(took_ms < 2 * least_ms, "closed after {took_ms} ms");
    }
}

#[test]
fn handshakes_count_as_connections() {
    let secure = Secure::start_with(
        |settings| settings.server.max_connections = 2,
        Arc::new(MemoryStore::new()),
    );
    let waiting = [secure.world.connect(), secure.world.connect()];
    let mut third = secure.connect();
    let short = Some(Duration::from_millis(300));
    third.sock.set_read_timeout(short).expect("set");
    assert!(third.conn.complete_io(&mut third.sock).is_err(), "it waits");
    drop(waiting);
    let long = Some(Duration::from_secs(20));
    third.sock.set_read_timeout(long).expect("set");
    assert!(finish(third, HEALTH).starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn refusals_of_the_http_library_have_the_vendors_shape() {
    let secure = Secure::start();
    let headers = format!("x: {}\r\n", "v".repeat(60_000)).repeat(4);
    for (bytes, status, code) in [
        ("hello\r\n\r\n".to_owned(), 400, "MalformedRequest"),
        (
            "GET / HTTP/9.1\r\nhost: h\r\n\r\n".to_owned(),
            400,
            "MalformedRequest",
        ),
        (
            format!("GET / HTTP/1.1\r\nhost: h\r\n{headers}\r\n"),
            431,
            "RequestHeadersTooLarge",
        ),
    ] {
        let mut stream = secure.connect();
        stream.write_all(bytes.as_bytes()).expect("written");
        let mut answer = Vec::new();
        // hyper closes with something unread, so the end may be a reset.
        let _end = stream.read_to_end(&mut answer);
        let reply = Reply::parse(&String::from_utf8_lossy(&answer));
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert_eq!(
            reply.json()["RequestId"].as_str(),
            reply.header("x-acs-request-id")
        );
    }
}

#[test]
fn requests_follow_each_other_and_hide_nothing() {
    let secure = Secure::start();
    let kept = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    let closing = "GET /readyz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    // In one record, then cut at every place of the seam.
    let both = format!("{kept}{closing}");
    let mut cuts = vec![both.len()];
    cuts.extend(kept.len() - 3..kept.len() + 3);
    for cut in cuts {
        let mut stream = secure.connect();
        stream.write_all(&both.as_bytes()[..cut]).expect("written");
        stream.flush().expect("flushed");
        let answer = finish(stream, &both.as_bytes()[cut..]);
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    }
    let hidden = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{kept}"
    );
    let answer = secure.raw(hidden.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(Reply::parse(&answer).code(), "MissingAction");
}

#[test]
fn secure_transport_is_a_fact_that_policies_can_ask_for() {
    const POLICY: &str = "[[account]]\nid = \"1000000000000001\"\n[[account.policy]]\nname = \"MetricsRead\"\ndocument = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"acs:SecureTransport\":\"true\"}}}]}'\n";
    let denied = "Ram.PermissionDeny";
    let plain = World::start();
    plain.apply(POLICY);
    assert_eq!(plain.metric("reader", &RANGE).code(), denied);
    let secure = Secure::start();
    secure.world.apply(POLICY);
    assert_eq!(secure.metric("reader", &[]).code(), "OK");
    // Only a proxy that is trusted can say otherwise.
    let http = [("x-forwarded-proto", "http")];
    assert_eq!(secure.metric("reader", &http).code(), "OK");

    let proxied = Secure::start_with(
        |settings| settings.server.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")],
        Arc::new(MemoryStore::new()),
    );
    proxied.world.apply(POLICY);
    for (headers, code) in [
        (vec![], "OK"),
        (vec![("x-forwarded-proto", "https")], "OK"),
        (vec![("x-forwarded-proto", "http")], denied),
        (vec![("x-forwarded-proto", "https, http")], denied),
        (vec![("x-forwarded-for", "192.0.2.1")], denied),
        (
            vec![
                ("x-forwarded-for", "192.0.2.1"),
                ("x-forwarded-proto", "https"),
            ],
            "OK",
        ),
    ] {
        assert_eq!(
            proxied.metric("reader", &headers).code(),
            code,
            "{headers:?}"
        );
    }
}

#[test]
fn a_changed_certificate_is_served_to_new_connections() {
    log::collect();
    let secure = Secure::start();
    let mut old = secure.connect();
    old.write_all(KEPT).expect("written");
    read_answer(&mut old, b"ok\n");

    let second = secure.files.issue();
    assert_ne!(secure.certificate(), der(&second.certificate));
    secure.files.write(&second);
    secure.wait_for(&second);

    // A pair that does not match changes nothing, and is told once.
    let third = secure.files.issue();
    replace(&secure.files.key(), &third.key);
    let told = format!(
        "does not belong to the certificate in `{}`",
        secure.files.certificate().display()
    );
    let clock = SystemClock::default();
    while !log::text().contains(&told) {
        assert!(clock.monotonic_ms() < 30_000, "nothing is logged");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(LOOK_INTERVAL * 2);
    assert_eq!(log::text().matches(&told).count(), 1);
    assert_eq!(secure.certificate(), der(&second.certificate));

    replace(&secure.files.certificate(), &third.certificate);
    secure.wait_for(&third);
    // Who was there before all this is served on.
    old.write_all(KEPT).expect("written");
    read_answer(&mut old, b"ok\n");
    assert!(!log::text().contains("PRIVATE KEY"));
}

#[test]
fn an_expired_certificate_is_served_with_a_warning() {
    log::collect();
    let files = Files::new();
    files.write(&files.ca.issue(&NAMES, (2020, 2025)).expect("issued"));
    let _world = World::start_with(
        |settings| files.tune(settings),
        Arc::new(MemoryStore::new()),
    );
    let path = files.certificate().display().to_string();
    let text = log::text();
    let mut lines = text.lines().filter(|line| line.contains(&path));
    let line = lines.next().expect("a warning");
    assert!(line.contains("WARN"), "{line}");
    assert!(line.contains("the TLS certificate has expired"), "{line}");
    assert!(line.contains("2025-01-01T00:00:00Z"), "{line}");
    assert_eq!(lines.next(), None);
}

#[test]
fn a_stop_says_good_bye_to_tls_connections() {
    let store = Arc::new(GatedStore::new());
    let mut secure = Secure::start_with(|_| {}, store.clone());
    store.set(Gate::Shut);
    let body = sample("wa_02_sent_v24.json");
    let signature = hub_signature("app-secret-one", &body);
    let headers = [("x-hub-signature-256".to_owned(), signature)];
    let request = secure
        .world
        .request("POST", "/webhooks/whatsapp/acme-wa", &headers, &body);
    let mut working = secure.connect();
    working.write_all(&request).expect("written");
    let mut idle = secure.connect();
    idle.write_all(KEPT).expect("written");
    read_answer(&mut idle, b"ok\n");
    let shaking = secure.world.connect();
    while store.waiting() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let clock = SystemClock::default();
    let opener = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        store.set(Gate::Open);
    });
    secure.world.stop();
    opener.join().expect("no panic");
    let took_ms = clock.monotonic_ms();
    assert!(took_ms < 5_000, "the stop waited {took_ms} ms");
    let mut answer = String::new();
    working.read_to_string(&mut answer).expect("a proper end");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(idle.read(&mut [0]).expect("a proper end"), 0);
    drop(shaking);
}

/// What the configuration says about the files.
fn faults(files: &Files) -> String {
    let settings = Settings::from_parts(&files.toml(), [], &Overrides::default());
    let faults = match settings {
        Ok(_) => return "none".to_owned(),
        Err(ConfigError::Faults(faults)) => faults,
        Err(error) => panic!("{error}"),
    };
    let folder = files.folder.path().display().to_string();
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| fault.to_string().replace(&folder, "."))
        .collect();
    lines.join("\n")
}

#[test]
fn files_that_are_no_pair_are_faults_of_the_configuration() {
    let files = Files::new();
    let issued = files.issue();
    let mut seen = String::new();
    let mut note = |name: &str| {
        seen += &format!("{name}\n  {}\n", faults(&files).replace('\n', "\n  "));
    };
    note("a pair");
    files.write(&files.ca.issue(&NAMES, (2020, 2021)).expect("issued"));
    note("expired");
    replace(&files.key(), &issued.key);
    note("another key");
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(files.key(), open).expect("set");
    replace(&files.certificate(), "nothing\n");
    note("a key for the group, no certificate");
    replace(
        &files.certificate(),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    replace(
        &files.key(),
        &issued.key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    );
    note("no certificate inside, a passphrase");
    replace(&files.certificate(), "-----BEGIN CERTIFICATE-----\nAAAA\n");
    note("no end");
    replace(&files.certificate(), &issued.certificate);
    replace(
        &files.key(),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    note("no key inside");
    let long = usize::try_from(TLS_FILE_BYTES_MAX).expect("short") + 1;
    replace(&files.certificate(), &"x".repeat(long));
    std::fs::remove_file(files.key()).expect("removed");
    std::fs::create_dir(files.key()).expect("made");
    note("too long, a directory");
    expect_test::expect![[r#"
        a pair
          none
        expired
          none
        another key
          line 3, column 16: `server.tls_key_file`: the key in `./server.key` does not belong to the certificate in `./server.pem`
        a key for the group, no certificate
          line 2, column 17: `server.tls_cert_file`: `./server.pem` holds no certificate: it must be PEM, the server's own first, then those between it and the CA
          line 3, column 16: `server.tls_key_file`: could not read `./server.key`: it has mode 0640 and must be 0600 or stricter (chmod 600 it)
        no certificate inside, a passphrase
          line 2, column 17: `server.tls_cert_file`: certificate 1 of `./server.pem` cannot be read: invalid peer certificate: BadEncoding
          line 3, column 16: `server.tls_key_file`: `./server.key` holds no private key: it must be PEM (PKCS #8, PKCS #1 or SEC 1) without a passphrase
        no end
          line 2, column 17: `server.tls_cert_file`: `./server.pem` is not PEM: an `-----END …-----` is missing, or what is before it is not base64
          line 3, column 16: `server.tls_key_file`: `./server.key` holds no private key: it must be PEM (PKCS #8, PKCS #1 or SEC 1) without a passphrase
        no key inside
          line 3, column 16: `server.tls_key_file`: the key in `./server.key` cannot be used: it must be RSA of 2048 to 8192 bits, ECDSA of P-256 or P-384, or Ed25519: unexpected error: failed to parse private key as RSA, ECDSA, or EdDSA
        too long, a directory
          line 2, column 17: `server.tls_cert_file`: could not read `./server.pem`: it has 524289 bytes, more than 524288
          line 3, column 16: `server.tls_key_file`: could not read `./server.key`: it is not a regular file
    "#]].assert_eq(&seen);
}

#[test]
fn the_program_serves_and_queries_over_tls() {
    let (folder, data_dir) = process::data_dir();
    let files = Files::new();
    let config = folder.path().join("chatmetric.toml");
    std::fs::write(&config, files.toml()).expect("written");
    let config = config.display().to_string();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, files.ca.pem()).expect("written");
    let ca = ca.display().to_string();
    // With TLS every address may be listened on.
    let serve = [
        "serve",
        "--config",
        &config,
        "--listen",
        "0.0.0.0:0",
        "--data-dir",
        &data_dir,
    ];
    let served = Served::start_with(&serve);
    let port = served.url.strip_prefix("https://0.0.0.0:").expect("https");
    let query = |arguments: &[&str]| {
        let mut command = process::command(&["query", "--start", "-1d", "--end", "now"]);
        command
            .args(arguments)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIowner")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "owner-secret");
        process::Ran::from(command.output().expect("it starts"))
    };
    let https = format!("https://127.0.0.1:{port}");
    let ran = query(&["--endpoint", &https, "--ca-file", &ca, "-o", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = query(&["--endpoint", &https]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("--ca-file"), "{ran:?}");
    // The compatibility cases pass here too.
    let mut cases = process::command(&["conformance", "--endpoint", &https, "--ca-file", &ca]);
    cases
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIowner")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "owner-secret");
    let ran = process::Ran::from(cases.output().expect("it starts"));
    assert_eq!(ran.code, 0, "{ran:?}");
    // A name that the certificate does not have.
    let other = format!("https://127.0.0.2:{port}");
    let ran = query(&["--endpoint", &other, "--ca-file", &ca]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("a name in its certificate"), "{ran:?}");
    let ran = query(&["--endpoint", &format!("http://127.0.0.1:{port}")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("HTTPS"), "{ran:?}");
    for wrong in [
        folder.path().join("nowhere").display().to_string(),
        files.key().display().to_string(),
    ] {
        let ran = query(&["--endpoint", &https, "--ca-file", &wrong]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("`--ca-file`: "), "{ran:?}");
    }
    // Nothing changed, so only the signal can have had the files read.
    served.hang_up();
    let told = "new connections get the TLS files as they are now";
    let clock = SystemClock::default();
    while !served.said().contains(told) {
        assert!(clock.monotonic_ms() < 30_000, "{}", served.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    let (status, stderr) = served.stop();
    assert!(status.success(), "{stderr}");
    replace(&files.key(), &files.issue().key);
    let ran = process::run(&serve);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("`server.tls_key_file`: the key in"),
        "{ran:?}"
    );
}
