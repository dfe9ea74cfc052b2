//! A running server with a directory of its own, and a client that signs.

use chatmetric::api::action::Action;
use chatmetric::api::spec::Product;
use chatmetric::clock::{Clock, ManualClock};
use chatmetric::config::Settings;
use chatmetric::directory::{ApplyOptions, Directory, Document, Format, InlineOnly};
use chatmetric::entropy::{Entropy, SeededEntropy};
use chatmetric::master_key::MasterKey;
use chatmetric::server::{Components, Peers, RunningServer, Server};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, SignedCall, sign_v1, sign_v3};
use chatmetric_store::{MemoryStore, Store};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When the tests begin: after the last of the samples.
pub(crate) const NOW_MS: i64 = 1_767_226_600_000;

/// The directory of most tests: one account with two spaces, its users, an ISV
/// with a customer, and a stranger.
pub(crate) const DIRECTORY: &str = r#"
[[account]]
id = "1000000000000001"
name = "acme"
[[account.access_key]]
id = "LTAIowner"
secret = "owner-secret"
[[account.access_key]]
id = "LTAIinactive"
secret = "inactive-secret"
status = "Inactive"
[[account.space]]
id = "space-a"
default = true
numbers = ["15550100101"]
[[account.space]]
id = "space-sg"
time_zone = "Asia/Singapore"
numbers = ["6591234567"]
unknown_numbers = "hold"
[[account.policy]]
name = "MetricsRead"
document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:GetChatappPhoneNumberMetric","Resource":"*"}]}'
[[account.policy]]
name = "NoMetrics"
document = '{"Version":"1","Statement":[{"Effect":"Deny","Action":"cams:*","Resource":"*"}]}'
[[account.user]]
name = "reader"
policies = ["MetricsRead"]
[[account.user.access_key]]
id = "LTAIreader"
secret = "reader-secret"
[[account.user]]
name = "nobody"
[[account.user.access_key]]
id = "LTAInobody"
secret = "nobody-secret"
[[account.user]]
name = "denied"
policies = ["MetricsRead", "NoMetrics"]
[[account.user.access_key]]
id = "LTAIdenied"
secret = "denied-secret"
[[account.webhook]]
id = "acme-wa"
kind = "whatsapp"
space = "space-a"
app_secrets = ["app-secret-one", "another-secret"]
verify_token = "my-verify-token"
[[account.webhook]]
id = "acme-all"
kind = "whatsapp"
app_secrets = ["app-secret-one"]
[[account.webhook]]
id = "acme-sg"
kind = "whatsapp"
space = "space-sg"
app_secrets = ["app-secret-one"]
[[account.webhook]]
id = "acme-cams"
kind = "cams"
token = "cams-token-000000000000"

[[account]]
id = "2000000000000002"
name = "isv"
[[account.access_key]]
id = "LTAIisv"
secret = "isv-secret"
[[account.space]]
id = "isv-own"
default = true
numbers = ["447700900123"]
[[account.space]]
id = "isv-customer"
numbers = ["447700900124"]
[[account.space]]
id = "isv-other"
numbers = ["447700900125"]
[[account.isv_grant]]
code = "isv-code"
account = "1000000000000001"
spaces = ["isv-customer"]

[[account]]
id = "3000000000000003"
name = "unsubscribed"
subscribed = false
[[account.access_key]]
id = "LTAIunsubscribed"
secret = "unsubscribed-secret"
"#;

/// A key of [`DIRECTORY`].
pub(crate) fn key(name: &str) -> Credentials {
    Credentials {
        access_key_id: format!("LTAI{name}"),
        secret: SecretKey::new(format!("{name}-secret")),
        security_token: None,
    }
}

/// A server in this process.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) address: SocketAddr,
    /// Where figures are, when they have a listener of their own.
    pub(crate) metrics_address: Option<SocketAddr>,
    data_dir: tempfile::TempDir,
    settings: Settings,
    components: Option<Components>,
    peers: Option<Arc<dyn Peers>>,
    server: Option<RunningServer>,
    runtime: Option<tokio::runtime::Runtime>,
    nonces: AtomicU64,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {}, Arc::new(MemoryStore::new()))
    }

    /// Starts with tuned settings on a store of the test's choice.
    pub(crate) fn start_with(tune: impl FnOnce(&mut Settings), store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at(EpochMs(NOW_MS)));
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let (mut world, components) = Self::prepare(clock, shared, store);
        let mut settings = Settings::default();
        settings.server.listen = "127.0.0.1:0".parse().expect("an address");
        settings.store.data_dir = world.data_dir.path().join("data");
        tune(&mut settings);
        world.settings = settings;
        world.components = Some(components);
        world.serve();
        world
    }

    /// Starts as one of several nodes.
    pub(crate) fn among(peers: Arc<dyn Peers>) -> Self {
        let mut world = Self::empty();
        world.apply(DIRECTORY);
        world.peers = Some(peers);
        world.serve();
        world
    }

    /// A world with an empty directory, which is not served yet.
    pub(crate) fn empty() -> Self {
        let clock = Arc::new(ManualClock::at(EpochMs(NOW_MS)));
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let (mut world, components) = Self::open(clock, shared, Arc::new(MemoryStore::new()));
        world.settings.server.listen = "127.0.0.1:0".parse().expect("an address");
        world.settings.store.data_dir = world.data_dir.path().join("data");
        world.components = Some(components);
        world
    }

    /// Starts the server, for the first time or again on what was there before.
    pub(crate) fn serve(&mut self) {
        let components = self.components.clone().expect("prepared");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = runtime
            .block_on(Server::start_node(
                self.settings.clone(),
                components,
                self.peers.clone(),
            ))
            .expect("the server starts");
        self.address = server.local_addr();
        self.metrics_address = server.metrics_addr();
        self.server = Some(server);
        self.runtime = Some(runtime);
    }

    fn prepare(
        clock: Arc<ManualClock>,
        shared: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> (Self, Components) {
        let (world, components) = Self::open(clock, shared, store);
        world.apply(DIRECTORY);
        (world, components)
    }

    fn open(
        clock: Arc<ManualClock>,
        shared: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> (Self, Components) {
        let data_dir = tempfile::tempdir().expect("a directory");
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
        let master_key = MasterKey::generate(entropy.as_ref());
        let directory = Directory::open(
            &data_dir.path().join("data"),
            master_key,
            Arc::clone(&entropy),
        )
        .expect("the directory opens");
        let directory = Arc::new(directory);
        let world = Self {
            clock,
            store: Arc::clone(&store),
            directory: Arc::clone(&directory),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics_address: None,
            data_dir,
            settings: Settings::default(),
            components: None,
            peers: None,
            server: None,
            runtime: None,
            nonces: AtomicU64::new(0),
        };
        let components = Components {
            store,
            directory,
            clock: shared,
            entropy,
        };
        (world, components)
    }

    pub(crate) fn apply(&self, document: &str) {
        let document = Document::parse(document, Format::Toml, &InlineOnly).expect("a document");
        self.directory
            .apply(&document, ApplyOptions::default(), EpochMs(NOW_MS))
            .expect("it applies");
    }

    /// The account of [`DIRECTORY`] that the store knows as the holder of events.
    pub(crate) fn account_key(&self) -> AccountKey {
        let snapshot = self.directory.snapshot();
        let number = PhoneNumber::parse("15550100101").expect("digits");
        snapshot.number_owner(&number).expect("owned").account.key
    }

    /// What the clock shows, in seconds.
    pub(crate) fn clock_s(&self) -> i64 {
        self.clock.now().0.div_euclid(1_000)
    }

    /// Stops the server and gives the runtime back.
    pub(crate) fn stop(&mut self) {
        if let (Some(server), Some(runtime)) = (self.server.take(), self.runtime.take()) {
            runtime.block_on(server.shutdown());
        }
    }

    /// Sends raw bytes on a connection of their own and reads to the end.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("written");
        let mut answer = Vec::new();
        let _ended = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("set");
        stream
    }

    /// Sends a request and reads its answer.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Reply {
        Reply::parse(&self.raw(&self.request(method, target, headers, body)))
    }

    /// A request as bytes; the connection ends with it.
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Vec<u8> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            request += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n", body.len());
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &[], b"")
    }

    fn nonce(&self) -> String {
        format!("nonce-{}", self.nonces.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn date(&self) -> String {
        format_utc_seconds(self.clock.now().0 / 1_000).expect("a date")
    }

    /// A signed V3 call.
    pub(crate) fn v3(
        &self,
        credentials: &Credentials,
        action: &str,
        query: &[(&str, &str)],
    ) -> SignedCall {
        let (host, date, nonce) = (self.address.to_string(), self.date(), self.nonce());
        let call = call(&host, &date, &nonce, action, query);
        sign_v3(Algorithm::HmacSha256, credentials, &call)
    }

    /// A signed V1 call.
    pub(crate) fn v1(
        &self,
        credentials: &Credentials,
        action: &str,
        query: &[(&str, &str)],
    ) -> SignedCall {
        let (host, date, nonce) = (self.address.to_string(), self.date(), self.nonce());
        sign_v1(credentials, &call(&host, &date, &nonce, action, query))
    }

    pub(crate) fn post(&self, signed: &SignedCall) -> Reply {
        self.send("POST", &signed.target, &signed.headers, &signed.body)
    }

    /// A metric query by V3.
    pub(crate) fn metric(&self, who: &str, query: &[(&str, &str)]) -> Reply {
        self.post(&self.v3(&key(who), "GetChatappPhoneNumberMetric", query))
    }

    /// A webhook body, signed.
    pub(crate) fn webhook(&self, id: &str, secret: &str, body: &[u8]) -> Reply {
        let headers = [(
            "X-Hub-Signature-256".to_owned(),
            hub_signature(secret, body),
        )];
        self.send("POST", &format!("/webhooks/whatsapp/{id}"), &headers, body)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

fn call<'a>(
    host: &'a str,
    date: &'a str,
    nonce: &'a str,
    action: &'a str,
    query: &'a [(&'a str, &'a str)],
) -> Call<'a> {
    Call {
        method: Method::Post,
        host,
        action,
        version: version(action),
        query,
        headers: &[],
        body: b"",
        content_type: None,
        form: &[],
        date,
        nonce,
    }
}

/// The version in which an action is served; for one that is not, that of CAMS.
pub(crate) fn version(action: &str) -> &'static str {
    let known = Action::all().find(|known| known.name() == action);
    known.map_or(Product::Cams, Action::product).version()
}

pub(crate) fn hub_signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A sample webhook body.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../testdata/webhooks/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(path).expect("a sample")
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        });
        Self {
            status: status.unwrap_or(0),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json()["Code"].as_str().expect("a code").to_owned()
    }

    /// The body with what differs from run to run replaced.
    pub(crate) fn stable(&self) -> String {
        let id = self.header("x-acs-request-id").unwrap_or("-");
        let host = self.json_host();
        let mut body = self.body.replace(id, "<id>").replace(&host, "<host>");
        for (member, mask) in [
            ("EncodedDiagnosticMessage", "<sealed>"),
            ("AuthPrincipalDisplayName", "<user id>"),
        ] {
            let denial = self.detail_member(member);
            // Ids of users are drawn; names of sessions are not.
            let drawn = |text: &String| mask == "<sealed>" || text.len() == 18;
            if let Some(text) = denial.filter(drawn) {
                body = body.replace(&text, mask);
            }
        }
        format!("{} {body}", self.status)
    }

    /// A member of AccessDeniedDetail.
    pub(crate) fn detail_member(&self, name: &str) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        json["AccessDeniedDetail"][name].as_str().map(str::to_owned)
    }

    fn json_host(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let host = json.and_then(|json| json["HostId"].as_str().map(str::to_owned));
        host.filter(|host| !host.is_empty())
            .unwrap_or_else(|| "\u{0}".to_owned())
    }
}
