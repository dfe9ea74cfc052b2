//! The receiver that people write today, as a rival: Node with Express in front of
//! PostgreSQL 15 (`node-receiver/`), sent the same signed bodies.
//!
//! It is not exact by design, so its counts are compared and the difference is
//! reported instead of refused. Invariant: every body was answered with 200.

use super::instance::Instance;
use super::report::{self, Row};
use super::{recent, webhooks};
use crate::rivals::postgres::{Postgres, Server};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const HALF_HOUR_MS: i64 = 1_800_000;
/// Statuses a body, and the statuses that are sent in such bodies.
const BODIES: [(usize, usize); 4] = [(1, 2000), (10, 6000), (100, 12_000), (1000, 20_000)];

/// The program of the receiver; none when its packages are not installed.
fn program() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("node-receiver");
    let installed = dir.join("node_modules/express").is_dir();
    installed.then(|| dir.join("server.mjs"))
}

/// Sends it one round, and tells how many half hours it counted wrongly.
pub(super) fn run(
    home: &Path,
    numbers: u64,
    connections: usize,
    rows: &mut Vec<Row>,
) -> Result<Option<String>> {
    let Some(program) = program().filter(|_| Postgres::is_installed()) else {
        return Ok(None);
    };
    // PostgreSQL runs as another user and must reach its directory.
    fs::set_permissions(home, fs::Permissions::from_mode(0o755))?;
    let server = Server::start(&home.join("postgres"))?;
    let events: usize = BODIES.iter().map(|(_, events)| events).sum();
    let dataset = recent(events as u64, numbers);
    let receiver = Instance::node(&home.join("node"), &program, server.dir())?;
    let mut rest = dataset.events.as_slice();
    for (statuses, events) in BODIES {
        let (own, others) = rest.split_at(events.min(rest.len()));
        rest = others;
        let measured = webhooks(&receiver, own, statuses, connections, Some(server.pid()))?;
        let name = format!("webhooks of {statuses} statuses, Node with Express and PostgreSQL 15");
        report::add(rows, name, measured);
    }
    let mut expected: BTreeMap<(String, i64), (u64, u64)> = BTreeMap::new();
    for (number, totals) in &dataset.expected {
        for (slot_ms, counts) in totals {
            let place = (number.clone(), slot_ms.div_euclid(HALF_HOUR_MS));
            let sums = expected.entry(place).or_default();
            sums.0 += counts.sent;
            sums.1 += counts.delivered;
        }
    }
    expected.retain(|_, counts| *counts != (0, 0));
    let mut client = server.client().context("after the webhooks")?;
    let mut same = 0;
    for row in client.query("SELECT number, half_hour, sent, delivered FROM tally", &[])? {
        let place = (row.get(0), row.get(1));
        let (sent, delivered): (i32, i32) = (row.get(2), row.get(3));
        let counts = (u64::try_from(sent)?, u64::try_from(delivered)?);
        same += usize::from(expected.get(&place) == Some(&counts));
    }
    Ok(Some(format!(
        "Node with Express and PostgreSQL 15 counted {} of {} half hours wrongly; ours none.",
        expected.len() - same,
        expected.len()
    )))
}
