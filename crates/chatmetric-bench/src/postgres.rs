//! The rival: PostgreSQL 15, one statement a batch that upserts the messages and
//! rolls the difference up into the tallies.
//!
//! It keeps two of our five counters (`sent`, `delivered`), which is less work
//! than ours does. It is as durable: `fsync` and `synchronous_commit` are on. The
//! server is started by this bench, on a socket in its own directory, as an
//! unprivileged user, and stopped with it.

use crate::cpu;
use crate::store::{Measured, SERIES_READS};
use crate::workload::{BATCH_EVENTS, Dataset, SPAN_DAYS, START_MS};
use ::postgres::{Client, Config, NoTls};
use anyhow::{Context, Result, bail};
use chatmetric_core::MessageStatus;
use chatmetric_sim::Totals;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uuid::Uuid;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The user of Debian's package.
const USER: &str = "postgres";
const SLOT_MS: i64 = 15 * 60 * 1000;

const SCHEMA: &str = "
    DROP TABLE IF EXISTS message, tally;
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

const SERIES: &str = "
    SELECT slot / 2 AS half_hour, sum(sent), sum(delivered) FROM tally
    WHERE number = $1 AND slot >= $2 AND slot < $3
    GROUP BY half_hour HAVING sum(sent) <> 0 OR sum(delivered) <> 0 ORDER BY half_hour";

/// A running server.
pub(crate) struct Server {
    dir: PathBuf,
    pid: u32,
}

impl Server {
    /// Whether PostgreSQL 15 is on this machine.
    pub(crate) fn is_installed() -> bool {
        Path::new(PROGRAMS).join("postgres").exists()
    }

    /// Makes a cluster below `dir` and starts it.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        let dir = dir.join("postgres");
        fs::create_dir_all(&dir)?;
        if is_root() {
            run(Command::new("chown").arg(USER).arg(&dir))?;
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
        Ok(Self { dir, pid })
    }

    fn client(&self) -> Result<Client> {
        let mut config = Config::new();
        config.host_path(&self.dir).user("bench").dbname("postgres");
        config
            .connect(NoTls)
            .context("could not connect to PostgreSQL")
    }

    /// Runs the dataset through new tables.
    pub(crate) fn run(&self, dataset: &Dataset) -> Result<Measured> {
        let mut client = self.client()?;
        client.batch_execute(SCHEMA)?;
        let columns = columns(dataset);
        let upsert = client.prepare(UPSERT)?;
        let log_before = self.log_position(&mut client)?;
        let cpu_before = cpu::own() + cpu::of_family(self.pid)?;
        let started = cpu::now();
        for batch in &columns {
            client.execute(
                &upsert,
                &[
                    &batch.fingerprints,
                    &batch.numbers,
                    &batch.statuses,
                    &batch.slots,
                ],
            )?;
        }
        let wall = started.elapsed();
        let cpu = (cpu::own() + cpu::of_family(self.pid)?).saturating_sub(cpu_before);
        let log_bytes = self.log_position(&mut client)?.saturating_sub(log_before);
        check(&mut client, dataset)?;
        let stored: i64 = client
            .query_one(
                "SELECT (pg_total_relation_size('message') + pg_total_relation_size('tally'))::bigint",
                &[],
            )?
            .get(0);
        let series_us = series(&mut client, dataset)?;
        Ok(Measured {
            events: dataset.events.len(),
            cpu,
            wall,
            log_bytes,
            stored_bytes: u64::try_from(stored).unwrap_or_default(),
            series_us,
        })
    }

    fn log_position(&self, client: &mut Client) -> Result<u64> {
        let bytes: i64 = client
            .query_one("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint", &[])?
            .get(0);
        Ok(u64::try_from(bytes)?)
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

/// One batch as the arrays of the statement.
#[derive(Default)]
struct Columns {
    fingerprints: Vec<Uuid>,
    numbers: Vec<i64>,
    statuses: Vec<i16>,
    slots: Vec<i32>,
}

/// The arrays are made before the clock starts, as our batches are.
fn columns(dataset: &Dataset) -> Vec<Columns> {
    dataset
        .hashed()
        .chunks(BATCH_EVENTS)
        .map(|chunk| {
            let mut columns = Columns::default();
            for event in chunk {
                columns
                    .fingerprints
                    .push(Uuid::from_u128(event.fingerprint.0));
                columns
                    .numbers
                    .push(event.number.as_str().parse().unwrap_or_default());
                columns.statuses.push(match event.status {
                    MessageStatus::Sent => 1,
                    MessageStatus::Delivered => 2,
                    MessageStatus::Read => 3,
                    MessageStatus::Failed => 4,
                });
                columns
                    .slots
                    .push(i32::try_from(event.at.0 / SLOT_MS).unwrap_or_default());
            }
            columns
        })
        .collect()
}

fn check(client: &mut Client, dataset: &Dataset) -> Result<()> {
    for (number, expected) in &dataset.expected {
        let digits: i64 = number.parse()?;
        let mut found: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for row in client.query(
            "SELECT slot, sent, delivered FROM tally WHERE number = $1",
            &[&digits],
        )? {
            let (slot, sent, delivered): (i32, i32, i32) = (row.get(0), row.get(1), row.get(2));
            if (sent, delivered) != (0, 0) {
                found.insert(
                    i64::from(slot) * SLOT_MS,
                    (u64::try_from(sent)?, u64::try_from(delivered)?),
                );
            }
        }
        let counted = |totals: &Totals| (totals.sent, totals.delivered);
        let expected: BTreeMap<i64, (u64, u64)> = expected
            .iter()
            .map(|(slot_ms, totals)| (*slot_ms, counted(totals)))
            .filter(|(_, counts)| *counts != (0, 0))
            .collect();
        if found != expected {
            bail!("PostgreSQL's counts of `{number}` differ from the model");
        }
    }
    Ok(())
}

fn series(client: &mut Client, dataset: &Dataset) -> Result<Vec<f64>> {
    let statement = client.prepare(SERIES)?;
    let first = i32::try_from(START_MS / SLOT_MS)?;
    let last = i32::try_from((START_MS + SPAN_DAYS * 86_400_000) / SLOT_MS)?;
    let numbers: Vec<i64> = dataset
        .expected
        .keys()
        .map(|number| number.parse())
        .collect::<Result<_, _>>()?;
    let mut taken = Vec::with_capacity(SERIES_READS);
    for number in numbers.iter().cycle().take(SERIES_READS) {
        let started = cpu::now();
        let rows = client.query(&statement, &[number, &first, &last])?;
        taken.push(started.elapsed().as_secs_f64() * 1e6);
        if rows.is_empty() {
            bail!("a series without rows");
        }
    }
    Ok(taken)
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
