//! More than the server can take: twice what it took at best, under a cap of memory, and an
//! account that sends that much beside one that does not.
//!
//! The server has one core and the client another one, so that what is measured is the
//! server's. Every body brings messages that were never sent before; what is accepted is
//! compared with the API afterwards. Latencies count from when a request was sent, because
//! the client cannot hold back what it cannot send.
//!
//! Invariant: it ends well only when every answer was a 200 or the documented refusal, the
//! API counts exactly what was accepted, and the memory was never above the cap; with
//! `--bars 1` only when the bars of speed are held too.

pub(super) mod bodies;
mod cap;
pub(super) mod load;

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
/// How often it is overloaded at least, each time for a part of the span: merges of the store
/// take seconds of its core, and must fall on both loads alike.
const ROUNDS_MIN: u32 = 12;
/// Longer spans have more parts and not longer ones.
const PART_MAX: Duration = Duration::from_secs(60);
/// An hour of overload takes an hour and a quarter: the capacity is measured for less long,
/// as often.
const CAPACITY_PART_MAX: Duration = Duration::from_secs(15);
/// For how long an account sends little, alone and beside another, at most.
const TENANTS_MAX: Duration = Duration::from_secs(60);
/// The least of the capacity that is accepted under twice as much, and the most of the p99 at
/// capacity.
const GOODPUT_MIN: f64 = 0.9;
const P99_MAX: f64 = 2.0;
/// The least that is offered, of the capacity: less would be no overload. It is twice what was
/// measured before a part, and the capacity is that of before and after it.
const OFFERED_MIN: f64 = 1.9;
/// What is left to an account that sends little, of what it has alone.
const LIGHT_MIN: f64 = 0.8;
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
    // Each new message is proven absent among all before it, so capacity goes down with
    // what is stored: it is measured on either side of each overload.
    let (rounds, part) = rounds(span);
    let capacity_part = part.min(CAPACITY_PART_MAX);
    let at_capacity = || send(&heavy, CAPACITY_CONNECTIONS, Pace::Closed, capacity_part);
    let mut capacities = vec![at_capacity()?];
    let before_kib = cap::resident_kib(instance.pid())?;
    let (mut overloads, mut after_kib) = (Vec::new(), 0);
    for _ in 0..rounds {
        let now = capacities.last().map_or(f64::NAN, Outcome::per_second);
        overloads.push(send(&heavy, connections, Pace::Scheduled(2.0 * now), part)?);
        after_kib = cap::resident_kib(instance.pid())?;
        capacities.push(at_capacity()?);
    }
    let (per_second, overload) = tell_overload(&capacities, &overloads, statuses);
    let most_kib = cap::resident_peak_kib(instance.pid())?;
    println!(
        "figure: memory {} MiB at capacity, {} MiB after twice as much, {} MiB at most (cap {} MiB, {})",
        before_kib / 1024,
        after_kib / 1024,
        most_kib / 1024,
        MEMORY_BYTES_MAX / 1024 / 1024,
        cap.told()
    );
    let little = Pace::Scheduled(LIGHT_SHARE * per_second);
    let twice = Pace::Scheduled(2.0 * per_second);
    let tenants = span.min(TENANTS_MAX);
    let alone = send(&light, LIGHT_CONNECTIONS, little, tenants)?;
    let (beside, flood) = std::thread::scope(|scope| {
        let flood = scope.spawn(|| send(&heavy, connections, twice, tenants));
        let beside = send(&light, LIGHT_CONNECTIONS, little, tenants);
        (beside, flood.join())
    });
    let flood = flood.ok().context("a thread of the client panicked")??;
    let beside = tell_tenants(&alone, &beside?, &flood);
    counted(&instance, &heavy, super::instance::KEY)?;
    counted(&instance, &light, super::instance::LIGHT_KEY)?;
    instance.stop()?;
    drop(cap);
    if most_kib.saturating_mul(1024) > MEMORY_BYTES_MAX {
        bail!("it had {most_kib} KiB in memory");
    }
    let bars = [("overload", overload), ("two accounts", beside)];
    let lost = bars.iter().find(|(_, held)| !held);
    match lost {
        Some((what, _)) if arguments.number("bars", 0)? > 0 => bail!("a bar is lost: {what}"),
        Some(_) | None => Ok(()),
    }
}

/// Tells what was accepted of one account; fails when the API counts anything else.
fn counted(instance: &Instance, bodies: &Bodies, key: (&str, &str)) -> Result<()> {
    let (counted, accepted) = (instance.sent_of(key, bodies.number())?, bodies.accepted());
    let accepted = accepted * bodies.statuses();
    if counted != accepted {
        bail!("{accepted} messages were accepted and {counted} are counted");
    }
    println!(
        "figure: {accepted} accepted messages of {} are counted, each once",
        bodies.number()
    );
    Ok(())
}

/// How often it is overloaded within `span`, and for how long each time.
fn rounds(span: Duration) -> (u32, Duration) {
    let whole_parts = span.as_secs() / PART_MAX.as_secs();
    let rounds = u32::try_from(whole_parts).map_or(u32::MAX, |parts| parts.max(ROUNDS_MIN));
    (rounds, span / rounds)
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

/// Tells what came of all overloads beside the capacities before and after each; gives the
/// last capacity in bodies a second, and whether the bars are held.
fn tell_overload(capacities: &[Outcome], overloads: &[Outcome], statuses: usize) -> (f64, bool) {
    let (before, after) = (
        capacities.get(..overloads.len()).unwrap_or_default(),
        capacities.get(1..).unwrap_or_default(),
    );
    let (early, late) = (Outcome::in_turn(before), Outcome::in_turn(after));
    let capacity = f64::midpoint(early.per_second(), late.per_second());
    let p99_ms = f64::midpoint(early.quantile(0.99), late.quantile(0.99));
    let overload = Outcome::in_turn(overloads);
    let neighbours = before.iter().zip(after).zip(overloads);
    let mut parts: Vec<f64> = neighbours
        .map(|((before, after), overload)| {
            let capacity = f64::midpoint(before.per_second(), after.per_second());
            100.0 * overload.per_second() / capacity
        })
        .collect();
    parts.sort_by(f64::total_cmp);
    println!(
        "figure: capacity {capacity:.0} bodies/s of {statuses} statuses ({CAPACITY_CONNECTIONS} connections), p99 {p99_ms:.1} ms; offered {:.0} % of it: goodput {:.0} % (bar 90; single parts {:.0} to {:.0}), p99 of accepted {:.1} ms, {:.2} times that at capacity (bar 2); {} accepted, {} refused with 503 Busy; {} parts by turns with the capacity",
        100.0 * overload.offered_per_second() / capacity,
        100.0 * overload.per_second() / capacity,
        parts.first().copied().unwrap_or(f64::NAN),
        parts.last().copied().unwrap_or(f64::NAN),
        overload.quantile(0.99),
        overload.quantile(0.99) / p99_ms,
        overload.accepted(),
        overload.refused(),
        overloads.len()
    );
    let ends = [capacities.first(), capacities.last()];
    let [first, last] = ends.map(|one| one.map_or(f64::NAN, Outcome::per_second));
    println!("figure: capacity {first:.0} bodies/s at first, {last:.0} at last");
    let goodput = overload.per_second() / capacity;
    let was_too_much =
        overload.offered_per_second() / capacity >= OFFERED_MIN && overload.refused() > 0;
    let held = was_too_much && goodput >= GOODPUT_MIN && overload.quantile(0.99) / p99_ms < P99_MAX;
    (last, held)
}

/// Tells what is left to an account that sends little; gives whether the bar is held.
fn tell_tenants(alone: &Outcome, beside: &Outcome, flood: &Outcome) -> bool {
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
    beside.per_second() / alone.per_second() >= LIGHT_MIN
}
