//! More than the server can take: twice what it took at best, under a cap of memory, and an
//! account that sends that much beside one that does not.
//!
//! The server has one core and the client another one, so that what is measured is the
//! server's. Every body brings messages that were never sent before; what is accepted is
//! compared with the API afterwards. Latencies count from when a request was sent, because
//! the client cannot hold back what it cannot send.
//!
//! Invariant: figures are told only when every answer was a 200 or the documented refusal
//! and the API counts exactly what was accepted.

mod bodies;
mod cap;
mod load;

use super::instance::Instance;
use crate::arguments::Arguments;
use crate::machine;
use anyhow::{Context, Result, bail};
use bodies::Bodies;
use cap::Cap;
use load::{Load, Outcome, Pace};
use std::process::Command;
use std::time::Duration;

/// What the server may have in memory, all in all.
const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Connections at capacity: as many as one account may have in flight.
const CAPACITY_CONNECTIONS: usize = 1_000;
/// Connections of who sends twice that. While a body of 25 kB comes in a connection takes
/// some 50 KiB, so 3,000 of them do not fit below the cap: the kernel ends the server.
const OVERLOAD_CONNECTIONS: u64 = 1_250;
/// Connections and share of the capacity of the account that sends little.
const LIGHT_CONNECTIONS: usize = 64;
const LIGHT_SHARE: f64 = 0.1;
/// Statuses of a body.
const STATUSES: usize = 100;
/// The core of the server, and that of the client.
const CORES: [&str; 2] = ["0", "1"];
/// Bodies of the accounts, by webhook: who sends too much, and who does not.
pub(super) const HEAVY: (&str, &str) = ("bench", "bench-app-secret");
pub(super) const LIGHT: (&str, &str) = ("light", "light-app-secret");

/// Runs the bench, and fails when something was lost, counted twice or refused wrongly.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let seconds = arguments.number("seconds", 20)?;
    let span = Duration::from_secs(seconds);
    let statuses = usize::try_from(arguments.number("events", STATUSES as u64)?)?;
    let connections = arguments.number("connections", OVERLOAD_CONNECTIONS)?;
    let connections = usize::try_from(connections)?;
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    println!("{}", machine::describe());
    let cap = Cap::new(MEMORY_BYTES_MAX);
    let instance = Instance::start_below(&home.path().join("data"), cap.entrance().as_deref())?;
    pin(instance.pid(), CORES[0])?;
    pin(std::process::id(), CORES[1])?;
    let heavy = Bodies::new(instance.address(), HEAVY, "6590000001", statuses);
    let light = Bodies::new(instance.address(), LIGHT, "6590000002", statuses);
    let send = |bodies: &Bodies, connections, pace, span| {
        Load {
            address: instance.address(),
            connections,
            pace,
            span,
        }
        .run(bodies)
    };
    // Nothing is warm at first.
    send(
        &heavy,
        CAPACITY_CONNECTIONS,
        Pace::Closed,
        Duration::from_secs(3),
    )?;
    let before = send(&heavy, CAPACITY_CONNECTIONS, Pace::Closed, span)?;
    let before_kib = cap::resident_kib(instance.pid())?;
    let twice = Pace::Scheduled(2.0 * before.per_second());
    let overload = send(&heavy, connections, twice, span)?;
    let after_kib = cap::resident_kib(instance.pid())?;
    // Each new message is proven absent among all before it, so capacity goes down with
    // what is stored: it is measured on either side of the overload.
    let after = send(&heavy, CAPACITY_CONNECTIONS, Pace::Closed, span)?;
    let per_second = tell_overload(&before, &overload, &after, statuses);
    println!(
        "figure: memory {} MiB at capacity, {} MiB after twice as much, {} MiB at most (cap {} MiB, {})",
        before_kib / 1024,
        after_kib / 1024,
        cap::resident_peak_kib(instance.pid())? / 1024,
        MEMORY_BYTES_MAX / 1024 / 1024,
        cap.told()
    );
    let little = Pace::Scheduled(LIGHT_SHARE * per_second);
    let twice = Pace::Scheduled(2.0 * per_second);
    let alone = send(&light, LIGHT_CONNECTIONS, little, span)?;
    let (beside, flood) = std::thread::scope(|scope| {
        let flood = scope.spawn(|| send(&heavy, connections, twice, span));
        let beside = send(&light, LIGHT_CONNECTIONS, little, span);
        (beside, flood.join())
    });
    let flood = flood.ok().context("a thread of the client panicked")??;
    tell_tenants(&alone, &beside?, &flood);
    for (bodies, key) in [
        (&heavy, super::instance::KEY),
        (&light, super::instance::LIGHT_KEY),
    ] {
        let counted = instance.sent_of(key, bodies.number())?;
        let accepted = bodies.accepted() * statuses as u64;
        if counted != accepted {
            bail!("{accepted} messages were accepted and {counted} are counted");
        }
        println!(
            "figure: {accepted} accepted messages of {} are counted, each once",
            bodies.number()
        );
    }
    instance.stop()?;
    drop(cap);
    Ok(())
}

/// Keeps all threads of a process, and those that it will have, on one core.
fn pin(pid: u32, core: &str) -> Result<()> {
    let done = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", core, &pid.to_string()])
        .output()
        .context("could not start taskset")?;
    if !done.status.success() {
        bail!("taskset: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}

/// Tells the capacity before and after, and what came of twice as much as it was before;
/// gives the mean of both in bodies a second.
fn tell_overload(before: &Outcome, overload: &Outcome, after: &Outcome, statuses: usize) -> f64 {
    for (when, capacity) in [("before", before), ("after", after)] {
        println!(
            "figure: capacity {when} {:.0} bodies/s of {statuses} statuses ({} connections): p50 {:.1} ms, p99 {:.1} ms",
            capacity.per_second(),
            CAPACITY_CONNECTIONS,
            capacity.quantile(0.5),
            capacity.quantile(0.99)
        );
    }
    let per_second = f64::midpoint(before.per_second(), after.per_second());
    let p99_ms = f64::midpoint(before.quantile(0.99), after.quantile(0.99));
    println!(
        "figure: offered {:.0} % of the mean of both: goodput {:.0} % (bar 90), p99 of accepted {:.1} ms, {:.2} times that at capacity (bar 2); {} accepted, {} refused with 503 Busy",
        100.0 * overload.offered_per_second() / per_second,
        100.0 * overload.per_second() / per_second,
        overload.quantile(0.99),
        overload.quantile(0.99) / p99_ms,
        overload.accepted(),
        overload.refused()
    );
    per_second
}

fn tell_tenants(alone: &Outcome, beside: &Outcome, flood: &Outcome) {
    println!(
        "figure: an account that sends {:.0} % of the capacity: {:.0} bodies/s alone, {:.0} ({:.0} %, bar 80) beside one that offers {:.0}/s; refused {} and {}; p50 {:.1} and {:.1} ms, p99 {:.1} and {:.1} ms",
        100.0 * LIGHT_SHARE,
        alone.per_second(),
        beside.per_second(),
        100.0 * beside.per_second() / alone.per_second(),
        flood.offered_per_second(),
        alone.refused(),
        beside.refused(),
        alone.quantile(0.5),
        beside.quantile(0.5),
        alone.quantile(0.99),
        beside.quantile(0.99)
    );
}
