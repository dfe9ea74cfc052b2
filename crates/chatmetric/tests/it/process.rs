//! Starts the real program: commands to their end, and `serve` until it is killed.

use chatmetric::client::{ApiClient, Endpoint};
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::entropy::{Entropy as _, SystemEntropy};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::Sha256;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One account with one key, one space that takes every number, one webhook.
pub(crate) const DIRECTORY: &str = r#"
[[account]]
id = "1000000000000001"
name = "acme"
[[account.access_key]]
id = "LTAIowner"
secret = "owner-secret"
[[account.space]]
id = "space-a"
default = true
time_zone = "Asia/Kolkata"
[[account.webhook]]
id = "acme-wa"
kind = "whatsapp"
space = "space-a"
app_secrets = ["app-secret-one"]
"#;

/// A command with nothing of the caller's environment that could steer it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatmetric"));
    for (name, _) in std::env::vars() {
        if name.starts_with("CHATMETRIC_") || name.starts_with("ALIBABA_CLOUD_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("COLUMNS", "80")
        .env("HOME", "/nonexistent")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

/// What a command gave: exit code, stdout, stderr.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    command(arguments)
        .output()
        .expect("the program starts")
        .into()
}

/// Runs a command with something on stdin.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // It may refuse before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("writes");
    output.into()
}

/// A data directory with [`DIRECTORY`] applied.
pub(crate) fn data_dir() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data_dir = folder.path().join("data").display().to_string();
    let ran = run_with_input(
        &["apply", "-f", "-", "--data-dir", &data_dir],
        DIRECTORY.as_bytes(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    (folder, data_dir)
}

/// As many files as the system lets one have: both ends of a connection are files, and a
/// program has the limit of whoever starts it.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit");
}

/// A running `chatmetric serve`.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    stderr: Option<std::thread::JoinHandle<()>>,
    said: Arc<Mutex<String>>,
}

impl Served {
    pub(crate) fn start(data_dir: &str) -> Self {
        Self::start_with(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_command(command(arguments))
    }

    /// Starts in a shell that lets a write above a limit of [`Self::limit_files`] be
    /// an error and not the end of the process.
    pub(crate) fn start_ignoring_file_limits(data_dir: &str) -> Self {
        let program = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(program.get_program())
            .args(program.get_args())
            .stdin(Stdio::null());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        Self::start_command(shell)
    }

    /// Starts it below another program that stays out of its way: `strace -D` for
    /// one, so that the process is still a child of this one.
    pub(crate) fn start_below(wrapper: &[String], arguments: &[&str]) -> Self {
        let program = command(arguments);
        let mut below = Command::new(&wrapper[0]);
        below
            .args(&wrapper[1..])
            .arg(program.get_program())
            .args(program.get_args())
            .stdin(Stdio::null());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => below.env(name, value),
                None => below.env_remove(name),
            };
        }
        Self::start_command(below)
    }

    /// Limits how long a file may become, in bytes; what is longer stays.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = rustix::process::Rlimit {
            current: bytes,
            maximum: None,
        };
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, limit)
            .expect("limited");
    }

    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let said = Arc::new(Mutex::new(String::new()));
        let hearing = Arc::clone(&said);
        let stderr = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut said = hearing.lock().expect("no panic");
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self::started(child, stderr, said)
    }

    /// Starts it with a log that cannot be written: a reader who left, or a full disk.
    pub(crate) fn start_unheard(data_dir: &str, stderr: Stdio) -> Self {
        let mut child = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir])
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the program starts");
        // The reading end, if there is one, is closed here.
        drop(child.stderr.take());
        Self::started(child, std::thread::spawn(|| {}), Arc::default())
    }

    fn started(
        mut child: Child,
        stderr: std::thread::JoinHandle<()>,
        said: Arc<Mutex<String>>,
    ) -> Self {
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("reads");
        let Ok(told) = serde_json::from_str::<serde_json::Value>(&line) else {
            drop(child.kill());
            drop(child.wait());
            stderr.join().expect("reads");
            panic!("it did not start: {}", said.lock().expect("no panic"));
        };
        let url = told["listening"].as_str().expect("the address").to_owned();
        Self {
            child,
            url,
            stderr: Some(stderr),
            said,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("kills");
        self.end().1
    }

    /// SIGTERM, not waited for
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// SIGTERM
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        self.terminate();
        self.end()
    }

    /// What it has written to stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no panic").clone()
    }

    /// SIGHUP
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// SIGSTOP: it keeps its connections and says nothing.
    pub(crate) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// SIGCONT
    pub(crate) fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("signals");
    }

    fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        self.stderr.take().expect("once").join().expect("reads");
        (status, self.said())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A signed client of the owner of [`DIRECTORY`].
pub(crate) fn client(url: &str) -> ApiClient {
    ApiClient::new(
        Endpoint::parse(url).expect("an endpoint"),
        Credentials {
            access_key_id: "LTAIowner".to_owned(),
            secret: SecretKey::new("owner-secret"),
            security_token: None,
        },
        Arc::new(SystemClock::default()),
        Arc::new(SystemEntropy),
    )
}

/// A connection that posts signed webhooks.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .new_agent()
}

/// A signed call: status and body.
pub(crate) fn call(
    url: &str,
    who: &Credentials,
    action: &str,
    query: &[(&str, &str)],
) -> (u16, String) {
    let now_s = SystemClock::default().now().0 / 1_000;
    let mut nonce = [0; 16];
    SystemEntropy.fill(&mut nonce);
    let (date, nonce) = (format_utc_seconds(now_s), hex::encode(nonce));
    let host = url.strip_prefix("http://").expect("http");
    let call = Call {
        method: Method::Post,
        host,
        action,
        version: crate::world::version(action),
        query,
        headers: &[],
        body: b"",
        content_type: None,
        form: &[],
        date: &date.expect("a date"),
        nonce: &nonce,
    };
    let signed = sign_v3(Algorithm::HmacSha256, who, &call);
    let mut request = agent().post(format!("{url}{}", signed.target));
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let mut answer = request.send_empty().expect("an answer");
    let body = answer.body_mut().read_to_string().expect("read");
    (answer.status().as_u16(), body)
}

/// Posts a body as Meta does; `None` when no answer came.
pub(crate) fn post(agent: &ureq::Agent, url: &str, webhook: &str, body: &str) -> Option<u16> {
    post_for(agent, url, webhook, body).map(|(status, _)| status)
}

/// The same, with the header `Retry-After`.
pub(crate) fn post_for(
    agent: &ureq::Agent,
    url: &str,
    webhook: &str,
    body: &str,
) -> Option<(u16, Option<String>)> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"app-secret-one").expect("any length");
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let mut answer = agent
        .post(format!("{url}/webhooks/whatsapp/{webhook}"))
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .send(body.as_bytes())
        .ok()?;
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after");
    let retry_after = retry_after
        .and_then(|it| it.to_str().ok())
        .map(str::to_owned);
    answer.body_mut().read_to_vec().ok()?;
    Some((status, retry_after))
}

/// A path of the test data.
pub(crate) fn testdata(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/webhooks");
    root.join(name).display().to_string()
}
