//! The real program with one account, one space and one webhook, and requests
//! that are signed as its users sign them.

use super::connection::Connection;
use super::overload::HEAVY;
use crate::cpu;
use crate::workload::{Dataset, SPAN_DAYS};
use anyhow::{Context, Result, bail};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const DAY_MS: i64 = 86_400_000;
/// Keys: id and secret, of the account of most loads, and of one that sends little.
pub(super) const KEY: (&str, &str) = ("LTAIbench00000000000001", "bench-secret");
pub(super) const LIGHT_KEY: (&str, &str) = ("LTAIlight00000000000001", "light-secret");

const DOCUMENT: &str = r#"
[[account]]
id = "1000000000000001"
name = "bench"
calls_per_second = 100000
[[account.access_key]]
id = "LTAIbench00000000000001"
secret = "bench-secret"
[[account.space]]
id = "293483938849493"
default = true
unknown_numbers = "auto"
[[account.webhook]]
id = "bench"
kind = "whatsapp"
space = "293483938849493"
app_secrets = ["bench-app-secret"]
verify_token = "bench-verify"
[[account.webhook]]
id = "feedx"
kind = "cams"
token = "the-token-of-this-webhook"
[[account]]
id = "1000000000000002"
name = "other"
[[account.access_key]]
id = "LTAIlight00000000000001"
secret = "light-secret"
[[account.space]]
id = "293483938849494"
default = true
unknown_numbers = "auto"
[[account.webhook]]
id = "light"
kind = "whatsapp"
space = "293483938849494"
app_secrets = ["light-app-secret"]
verify_token = "light-verify"
"#;
/// A space of another account, and one that there is not.
pub(super) const FOREIGN_SPACE: &str = "293483938849494";
pub(super) const NO_SPACE: &str = "293483938849495";

/// One question of the load.
pub(super) struct Ask<'a> {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) granularity: &'a str,
    pub(super) number: Option<&'a str>,
    pub(super) space: Option<&'a str>,
}

pub(super) struct Instance {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
}

fn program() -> Result<PathBuf> {
    let program = std::env::var_os("CHATMETRIC_BIN").context("CHATMETRIC_BIN is not set")?;
    Ok(program.into())
}

/// Makes the directory of an instance that does not run.
fn apply(home: &Path, program: &Path) -> Result<()> {
    fs::create_dir_all(home)?;
    let document = home.join("directory.toml");
    fs::write(&document, DOCUMENT)?;
    let applied = Command::new(program)
        .args(["apply", "-f"])
        .arg(&document)
        .arg("--data-dir")
        .arg(home.join("data"))
        .stdin(Stdio::null())
        .output()
        .context("could not start the program")?;
    if !applied.status.success() {
        bail!(
            "`apply` failed: {}",
            String::from_utf8_lossy(&applied.stderr)
        );
    }
    Ok(())
}

/// What `cluster status` of a running node says.
pub(super) fn cluster_status(home: &Path) -> Result<Value> {
    let said = Command::new(program()?)
        .args(["cluster", "status", "--json", "--data-dir"])
        .arg(home.join("data"))
        .stdin(Stdio::null())
        .output()
        .context("could not start the program")?;
    serde_json::from_slice(&said.stdout).context("`cluster status` told no JSON")
}

/// The wall clock of the machine, ms since the epoch.
#[expect(clippy::disallowed_methods, reason = "requests carry the real time")]
pub(super) fn wall_clock_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Instance {
    /// The program itself.
    pub(super) fn start(home: &Path) -> Result<Self> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.arg("serve");
        Self::launch(home, &program, command)
    }

    /// The program in a control group from its first instruction on: it looks at its limits
    /// when it starts.
    pub(super) fn start_below(home: &Path, entrance: Option<&Path>) -> Result<Self> {
        let program = program()?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "[ -z \"$0\" ] || echo $$ > \"$0\"; exec \"$@\""])
            .arg(entrance.unwrap_or(Path::new("")))
            .arg(&program)
            .arg("serve");
        Self::launch(home, &program, command)
    }

    /// The same server without its store.
    pub(super) fn ceiling(home: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("http-ceiling");
        Self::launch(home, &program()?, command)
    }

    /// The receiver of `node-receiver`, with its database at `socket_dir`.
    pub(super) fn node(home: &Path, script: &Path, socket_dir: &Path) -> Result<Self> {
        let mut command = Command::new("node");
        command
            .arg(script)
            .env("PGHOST", socket_dir)
            .env("APP_SECRET", HEAVY.1)
            .env("NODE_ENV", "production");
        Self::launch(home, &program()?, command)
    }

    fn launch(home: &Path, program: &Path, command: Command) -> Result<Self> {
        apply(home, program)?;
        Self::serve(home, command)
    }

    /// A node of a cluster: `config` has its section. The first brings the directory, the
    /// others have its master key.
    pub(super) fn node_of_cluster(home: &Path, config: &str, first: &Path) -> Result<Self> {
        let program = program()?;
        if home == first {
            apply(home, &program)?;
        }
        fs::create_dir_all(home)?;
        let file = home.join("chatmetric.toml");
        fs::write(&file, config)?;
        let mut command = Command::new(&program);
        command.arg("serve").arg("--config").arg(file);
        command.arg("--master-key-file").arg(first.join("data.key"));
        Self::serve(home, command)
    }

    fn serve(home: &Path, mut command: Command) -> Result<Self> {
        let data_dir = home.join("data");
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = home.join("serve.log");
        let process = command
            .arg("--data-dir")
            .arg(&data_dir)
            .arg("--listen")
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .context("could not start the server")?;
        let mut instance = Self {
            process,
            address,
            log,
        };
        instance.wait_until_ready()?;
        Ok(instance)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = cpu::now();
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        while started.elapsed() < START_TIMEOUT {
            if let Ok(mut connection) = Connection::open(self.address)
                && connection
                    .exchange(request.as_bytes())
                    .is_ok_and(|(status, _)| status == 200)
            {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("serve ended with {status}:\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("not ready:\n{}", self.log())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A signed webhook, ready to be sent.
    pub(super) fn webhook(&self, body: &str) -> Vec<u8> {
        self.webhook_of(HEAVY, body)
    }

    /// A webhook of an id and a secret.
    pub(super) fn webhook_of(&self, (id, secret): (&str, &str), body: &str) -> Vec<u8> {
        let digest = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .map(|mut mac| {
                mac.update(body.as_bytes());
                hex::encode(mac.finalize().into_bytes())
            })
            .unwrap_or_default();
        let mut request = format!(
            "POST /webhooks/whatsapp/{id} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             X-Hub-Signature-256: sha256={digest}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body.as_bytes());
        request
    }

    /// The busiest numbers: those that have a row in nearly every half hour.
    pub(super) fn busiest(&self, now_ms: i64) -> Result<Vec<String>> {
        let start_ms = now_ms - SPAN_DAYS * DAY_MS;
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        for row in self.rows(start_ms, now_ms, "DAILY", None)? {
            *sent.entry(row.number).or_default() += row.sent;
        }
        let mut numbers: Vec<_> = sent.into_iter().collect();
        numbers.sort_by_key(|(_, sent)| std::cmp::Reverse(*sent));
        Ok(numbers.into_iter().take(3).map(|(it, _)| it).collect())
    }

    /// A signed question; each nonce works once.
    pub(super) fn signed(&self, ask: &Ask<'_>, nonce: &str) -> Vec<u8> {
        self.signed_by(KEY, ask, nonce)
    }

    fn signed_by(&self, (id, secret): (&str, &str), ask: &Ask<'_>, nonce: &str) -> Vec<u8> {
        let credentials = Credentials {
            access_key_id: id.into(),
            secret: SecretKey::new(secret.as_bytes()),
            security_token: None,
        };
        let (start, end) = (ask.start_ms.to_string(), ask.end_ms.to_string());
        let mut query = vec![
            ("Start", start.as_str()),
            ("End", end.as_str()),
            ("Granularity", ask.granularity),
        ];
        query.extend(ask.number.map(|number| ("PhoneNumber", number)));
        query.extend(ask.space.map(|space| ("CustSpaceId", space)));
        let host = self.address.to_string();
        let date = jiff::Timestamp::from_second(wall_clock_ms() / 1000)
            .map(|now| now.to_string())
            .unwrap_or_default();
        let call = Call {
            method: Method::Post,
            host: &host,
            action: "GetChatappPhoneNumberMetric",
            version: "2020-06-06",
            query: &query,
            headers: &[("accept", "application/json")],
            body: b"",
            content_type: None,
            form: &[],
            date: &date,
            nonce,
        };
        let signed = sign_v3(Algorithm::HmacSha256, &credentials, &call);
        let mut request =
            format!("POST {} HTTP/1.1\r\nContent-Length: 0\r\n", signed.target).into_bytes();
        for (name, value) in &signed.headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }

    fn rows(
        &self,
        start_ms: i64,
        end_ms: i64,
        granularity: &str,
        number: Option<&str>,
    ) -> Result<Vec<Row>> {
        let nonce = format!(
            "check-{start_ms}-{granularity}-{}",
            number.unwrap_or_default()
        );
        let ask = Ask {
            start_ms,
            end_ms,
            granularity,
            number,
            space: None,
        };
        self.answered(&self.signed(&ask, &nonce))
    }

    fn answered(&self, request: &[u8]) -> Result<Vec<Row>> {
        let mut connection = Connection::open(self.address)?;
        let (status, body) = connection.exchange(request)?;
        if status != 200 {
            bail!("answer {status}: {}", String::from_utf8_lossy(body));
        }
        let answer: Value = serde_json::from_slice(body)?;
        let rows = answer
            .get("Data")
            .and_then(Value::as_array)
            .context("no rows in the answer")?;
        rows.iter().map(Row::parse).collect()
    }

    /// All that a number sent in the last days, as its account is told.
    pub(super) fn sent_of(&self, key: (&str, &str), number: &str) -> Result<u64> {
        let now_ms = wall_clock_ms();
        let ask = Ask {
            start_ms: now_ms - 2 * DAY_MS,
            end_ms: now_ms + DAY_MS,
            granularity: "DAILY",
            number: Some(number),
            space: None,
        };
        let request = self.signed_by(key, &ask, &format!("sent-of-{number}-{}", self.address));
        Ok(self.answered(&request)?.iter().map(|row| row.sent).sum())
    }

    /// Compares all half hours of all numbers with the model, through the API.
    pub(super) fn check(&self, dataset: &Dataset) -> Result<()> {
        let slots = dataset.expected.values().flat_map(BTreeMap::keys);
        let (first, last) = slots.fold((i64::MAX, 0), |(low, high), slot| {
            (low.min(*slot), high.max(*slot))
        });
        for (number, totals) in &dataset.expected {
            let mut expected: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
            for (slot_ms, counts) in totals {
                let pair = expected
                    .entry(slot_ms - slot_ms.rem_euclid(1_800_000))
                    .or_default();
                pair.0 += counts.sent;
                pair.1 += counts.delivered;
            }
            expected.retain(|_, counts| *counts != (0, 0));
            let mut found = BTreeMap::new();
            let mut start_ms = first;
            while start_ms <= last {
                let end_ms = (start_ms + SPAN_DAYS * DAY_MS).min(last + 1);
                for row in self.rows(start_ms, end_ms, "HALF_HOUR", Some(number))? {
                    found.insert(row.start_ms, (row.sent, row.delivered));
                }
                start_ms += SPAN_DAYS * DAY_MS;
            }
            if found != expected {
                bail!("the answer for `{number}` differs from the model");
            }
        }
        Ok(())
    }

    pub(super) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.process.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("serve ended with {status}:\n{}", self.log());
        }
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A server that was stopped is gone already; one that was not must go.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

struct Row {
    start_ms: i64,
    number: String,
    sent: u64,
    delivered: u64,
}

impl Row {
    fn parse(value: &Value) -> Result<Self> {
        let number = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_i64)
                .with_context(|| format!("no `{name}`"))
        };
        Ok(Self {
            start_ms: number("Start")?,
            number: value
                .get("PhoneNumber")
                .and_then(Value::as_str)
                .context("no number")?
                .to_owned(),
            sent: u64::try_from(number("SentCount")?)?,
            delivered: u64::try_from(number("DeliveredCount")?)?,
        })
    }
}
