//! PostgreSQL 15: one statement a batch that upserts the messages and rolls the
//! difference up into the tallies.
//!
//! Not tuned away from safety: `fsync`, `synchronous_commit` and `full_page_writes`
//! are on. Invariant: the server is ours alone: started here, on a socket in its
//! own directory, as an unprivileged user, and stopped with its client.

use super::{HalfHour, Number, Rival, Tally};
use crate::feed::{Arrival, Report};
use ::postgres::{Client, Config, NoTls, Statement};
use anyhow::{Context, Result, bail};
use chatmetric_core::MessageStatus;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uuid::Uuid;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The user of Debian's package.
const USER: &str = "postgres";

const SCHEMA: &str = "
    CREATE TABLE message (
        fingerprint uuid PRIMARY KEY, number bigint NOT NULL, sent int, delivered int);
    CREATE TABLE tally (
        number bigint, slot int, sent int NOT NULL, delivered int NOT NULL,
        PRIMARY KEY (number, slot));
    CHECKPOINT;";

const UPSERT: &str = "
    WITH input AS (
        SELECT fingerprint, min(number) AS number,
               min(slot) FILTER (WHERE status <= 3) AS sent,
               min(slot) FILTER (WHERE status BETWEEN 2 AND 3) AS delivered
        FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::int[])
             AS event (fingerprint, number, status, slot)
        GROUP BY fingerprint),
    before AS (
        SELECT fingerprint, message.sent, message.delivered
        FROM message JOIN input USING (fingerprint)),
    after AS (
        INSERT INTO message AS m (fingerprint, number, sent, delivered)
        SELECT fingerprint, number, sent, delivered FROM input
        ON CONFLICT (fingerprint) DO UPDATE
        SET sent = least(m.sent, excluded.sent), delivered = least(m.delivered, excluded.delivered)
        WHERE (m.sent, m.delivered) IS DISTINCT FROM
              (least(m.sent, excluded.sent), least(m.delivered, excluded.delivered))
        RETURNING fingerprint, number, sent, delivered),
    delta AS (
        SELECT number, slot, sum(s) AS sent, sum(d) AS delivered
        FROM (
            SELECT number, sent AS slot, 1 AS s, 0 AS d FROM after WHERE sent IS NOT NULL
            UNION ALL
            SELECT number, delivered, 0, 1 FROM after WHERE delivered IS NOT NULL
            UNION ALL
            SELECT number, before.sent, -1, 0 FROM after JOIN before USING (fingerprint)
            WHERE before.sent IS NOT NULL
            UNION ALL
            SELECT number, before.delivered, 0, -1 FROM after JOIN before USING (fingerprint)
            WHERE before.delivered IS NOT NULL) AS change
        GROUP BY number, slot
        HAVING sum(s) <> 0 OR sum(d) <> 0)
    INSERT INTO tally AS t (number, slot, sent, delivered)
    SELECT number, slot, sent, delivered FROM delta
    ON CONFLICT (number, slot) DO UPDATE
    SET sent = t.sent + excluded.sent, delivered = t.delivered + excluded.delivered";

const TALLIES: &str = "
    SELECT slot, sent, delivered FROM tally
    WHERE number = $1 AND slot >= $2 AND slot < $3 ORDER BY slot";

const SERIES: &str = "
    SELECT slot / 2 AS half_hour, sum(sent), sum(delivered) FROM tally
    WHERE number = $1 AND slot >= $2 AND slot < $3
    GROUP BY half_hour HAVING sum(sent) <> 0 OR sum(delivered) <> 0 ORDER BY half_hour";

/// A running server and one client of it.
pub(crate) struct Postgres {
    // The client goes before its server.
    client: Client,
    upsert: Statement,
    tallies: Statement,
    series: Statement,
    server: Server,
}

impl Postgres {
    /// Whether PostgreSQL 15 is on this machine.
    pub(crate) fn is_installed() -> bool {
        Path::new(PROGRAMS).join("postgres").exists()
    }

    /// Makes a cluster in a new directory, starts it and makes the tables.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let server = Server::start(dir)?;
        let mut client = server.client()?;
        client.batch_execute(SCHEMA)?;
        Ok(Self {
            upsert: client.prepare(UPSERT)?,
            tallies: client.prepare(TALLIES)?,
            series: client.prepare(SERIES)?,
            client,
            server,
        })
    }
}

impl Rival for Postgres {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        let columns = Columns::of(&arrival.reports)?;
        self.client.execute(
            &self.upsert,
            &[
                &columns.fingerprints,
                &columns.numbers,
                &columns.statuses,
                &columns.slots,
            ],
        )?;
        Ok(())
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.pid)
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.client.batch_execute("CHECKPOINT")?)
    }

    /// The tables with their indexes: the log has nothing that they have not.
    fn stored_bytes(&mut self) -> Result<u64> {
        let bytes: i64 = self
            .client
            .query_one(
                "SELECT (pg_total_relation_size('message') + pg_total_relation_size('tally'))::bigint",
                &[],
            )?
            .get(0);
        Ok(u64::try_from(bytes)?)
    }

    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()> {
        let (digits, first, end) = bounds(number, &slots)?;
        for row in self.client.query(&self.tallies, &[&digits, &first, &end])? {
            let (slot, sent, delivered): (i32, i32, i32) = (row.get(0), row.get(1), row.get(2));
            let tally = Tally {
                sent: sent.into(),
                delivered: delivered.into(),
            };
            each(u32::try_from(slot)?, tally);
        }
        Ok(())
    }

    /// The server adds the half hours up: fewer rows travel.
    fn series(&mut self, number: &Number, slots: Range<u32>) -> Result<Vec<HalfHour>> {
        let (digits, first, end) = bounds(number, &slots)?;
        self.client
            .query(&self.series, &[&digits, &first, &end])?
            .into_iter()
            .map(|row| {
                let (half_hour, sent, delivered): (i32, i64, i64) =
                    (row.get(0), row.get(1), row.get(2));
                Ok((u32::try_from(half_hour)? * 2, Tally { sent, delivered }))
            })
            .collect()
    }
}

fn bounds(number: &Number, slots: &Range<u32>) -> Result<(i64, i32, i32)> {
    Ok((
        i64::try_from(number.digits)?,
        i32::try_from(slots.start)?,
        i32::try_from(slots.end).unwrap_or(i32::MAX),
    ))
}

/// A running server.
pub(crate) struct Server {
    dir: PathBuf,
    pid: u32,
}

impl Server {
    /// Makes a cluster below `dir` and starts it.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        if is_root() {
            run(Command::new("chown").arg(USER).arg(dir))?;
        }
        let data = dir.join("data");
        run(program("initdb")
            .args([
                "--auth=trust",
                "--username=bench",
                "--no-sync",
                "--encoding=UTF8",
                "--no-locale",
                "-D",
            ])
            .arg(&data))?;
        let settings = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c fsync=on -c synchronous_commit=on \
             -c full_page_writes=on -c shared_buffers=512MB -c max_wal_size=4GB -c work_mem=64MB",
            dir.display()
        );
        let log = dir.join("log");
        run(program("pg_ctl")
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(&log)
            .args(["-w", "-o", &settings, "start"]))
        .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        let pid_file = fs::read_to_string(data.join("postmaster.pid"))?;
        let pid = pid_file
            .lines()
            .next()
            .context("an empty pid file")?
            .trim()
            .parse()?;
        Ok(Self {
            dir: dir.to_owned(),
            pid,
        })
    }

    /// Where its socket is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn client(&self) -> Result<Client> {
        let mut config = Config::new();
        config.host_path(&self.dir).user("bench").dbname("postgres");
        config
            .connect(NoTls)
            .context("could not connect to PostgreSQL")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about an error while going down.
        drop(run(program("pg_ctl")
            .arg("-D")
            .arg(self.dir.join("data"))
            .args(["-m", "immediate", "-w", "stop"])));
    }
}

/// One batch as the arrays of the statement; failures are left out, because none
/// of the two counters needs them.
#[derive(Default)]
struct Columns {
    fingerprints: Vec<Uuid>,
    numbers: Vec<i64>,
    statuses: Vec<i16>,
    slots: Vec<i32>,
}

impl Columns {
    fn of(reports: &[Report]) -> Result<Self> {
        let mut columns = Self::default();
        for report in reports {
            columns.statuses.push(match report.status {
                MessageStatus::Sent => 1,
                MessageStatus::Delivered => 2,
                MessageStatus::Read => 3,
                MessageStatus::Failed => continue,
            });
            columns
                .fingerprints
                .push(Uuid::from_u128(report.fingerprint));
            columns.numbers.push(i64::try_from(report.number)?);
            columns.slots.push(i32::try_from(report.slot)?);
        }
        Ok(columns)
    }
}

/// One of PostgreSQL's programs; it refuses to run as root.
fn program(name: &str) -> Command {
    let path = Path::new(PROGRAMS).join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
            .arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs it to its end. What it says goes to a file and not to a pipe: the server
/// that `pg_ctl` leaves behind would hold a pipe open.
fn run(command: &mut Command) -> Result<()> {
    let mut said = tempfile::tempfile().context("could not make a temporary file")?;
    let status = command
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said.try_clone()?)
        .status()
        .with_context(|| format!("could not start `{}`", command.get_program().display()))?;
    if !status.success() {
        let mut text = String::new();
        said.seek(SeekFrom::Start(0))?;
        said.read_to_string(&mut text)?;
        bail!("{command:?} failed: {status}\n{}", text.trim_end());
    }
    Ok(())
}
