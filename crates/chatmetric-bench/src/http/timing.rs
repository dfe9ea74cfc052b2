//! Whether the time of an answer tells what the answer does not: something of somebody else
//! against something that there is not, asked for by turns in an order that is drawn.
//!
//! Told is how often the one took longer than the other (0.5: the time says nothing), with
//! the error of that figure, beside two controls: a kind against itself, and two calls
//! that differ by what they do, which must be told apart.
//! Not here: what refusals cost (`http`). Invariant: answers of a pair have one status.

use super::connection::Connection;
use super::instance::{Ask, FOREIGN_SPACE, Instance, NO_SPACE, wall_clock_ms};
use super::overload::{HEAVY, LIGHT};
use crate::arguments::Arguments;
use crate::{cpu, machine};
use anyhow::{Context, Result, bail};
use chatmetric_sim::Random;

const DAY_MS: i64 = 86_400_000;
const OWN_NUMBER: &str = "6590000001";
const FOREIGN_NUMBER: &str = "6590000002";
const NO_NUMBER: &str = "6590000003";
/// Errors within which a figure may be off by chance.
const ERRORS_MAX: f64 = 5.0;
/// Below this, nobody learns anything with fewer than thousands of calls.
const SHIFT_MAX: f64 = 0.03;

/// Makes request number `n`.
type Make<'a> = Box<dyn Fn(usize) -> Vec<u8> + 'a>;

/// Two kinds of call that a caller must not be able to tell apart.
struct Pair<'a> {
    name: &'static str,
    status: u16,
    kinds: [Make<'a>; 2],
    /// A control: whether it must be told apart.
    told_apart: bool,
}

/// Runs the bench; fails when a pair is told apart that must not be, or a control is not
/// what it should be.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let calls = usize::try_from(arguments.number("calls", 20_000)?)?;
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    println!("{}", machine::describe());
    let instance = Instance::start(&home.path().join("data"))?;
    let mut connection = Connection::open(instance.address())?;
    for (webhook, number) in [(HEAVY, OWN_NUMBER), (LIGHT, FOREIGN_NUMBER)] {
        let sent = instance.webhook_of(webhook, &one_status(number));
        let (status, body) = connection.exchange(&sent)?;
        if status != 200 {
            bail!("answer {status}: {}", String::from_utf8_lossy(body));
        }
    }
    let mut wrong = Vec::new();
    for pair in pairs(&instance) {
        let (first, second) = measure(&mut connection, &pair, calls)?;
        let longer = how_often_longer(&first, &second);
        let (n, m) = (first.len() as f64, second.len() as f64);
        let error = ((n + m + 1.0) / (12.0 * n * m)).sqrt();
        let apart = (longer - 0.5).abs() > (ERRORS_MAX * error).max(SHIFT_MAX);
        println!(
            "figure: {}: medians {:.1} and {:.1} us, the first took longer in {:.3} of pairs (error {error:.3}){}",
            pair.name,
            median(&first),
            median(&second),
            longer,
            if apart { ": told apart" } else { "" }
        );
        if apart != pair.told_apart {
            wrong.push(pair.name);
        }
    }
    drop(connection);
    instance.stop()?;
    if !wrong.is_empty() {
        bail!("not as it should be: {}", wrong.join(", "));
    }
    Ok(())
}

fn one_status(number: &str) -> String {
    let second = wall_clock_ms() / 1000 - 60;
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"wamid.{number}","status":"sent","timestamp":"{second}","recipient_id":"6581112222"}}]}}}}]}}]}}"#
    )
}

fn pairs(instance: &Instance) -> Vec<Pair<'_>> {
    let now_ms = wall_clock_ms();
    let ask =
        move |space: Option<&'static str>, number: Option<&'static str>, kind: &'static str| {
            // The control that asks for more: half hours of a month.
            let (days, granularity) = match kind {
                "mm" => (30, "HALF_HOUR"),
                _ => (1, "DAILY"),
            };
            let make = move |n: usize| {
                let ask = Ask {
                    start_ms: now_ms - days * DAY_MS,
                    end_ms: now_ms,
                    granularity,
                    number,
                    space,
                };
                instance.signed(&ask, &format!("{kind}-{n:08}"))
            };
            Box::new(make) as Make<'_>
        };
    let cams = |webhook: &'static str| {
        let make = move |_: usize| {
            format!(
                "POST /webhooks/cams/{webhook}/token-that-nobody-has HTTP/1.1\r\nHost: {}\r\n\
                 Content-Length: 2\r\n\r\n[]",
                instance.address()
            )
            .into_bytes()
        };
        Box::new(make) as Make<'_>
    };
    let pair = |name, status, first, second, told_apart| Pair {
        name,
        status,
        kinds: [first, second],
        told_apart,
    };
    vec![
        pair(
            "a space of somebody else, and none",
            400,
            ask(Some(FOREIGN_SPACE), None, "fs"),
            ask(Some(NO_SPACE), None, "ns"),
            false,
        ),
        pair(
            "a number of somebody else, and none",
            400,
            ask(None, Some(FOREIGN_NUMBER), "fn"),
            ask(None, Some(NO_NUMBER), "nn"),
            false,
        ),
        pair(
            "a wrong token of a webhook that there is, and of none",
            404,
            cams("feedx"),
            cams("nonex"),
            false,
        ),
        pair(
            "control: no space against itself",
            400,
            ask(Some(NO_SPACE), None, "c1"),
            ask(Some(NO_SPACE), None, "c2"),
            false,
        ),
        pair(
            "control: a month of an own number, and a day",
            200,
            ask(None, Some(OWN_NUMBER), "mm"),
            ask(None, Some(OWN_NUMBER), "on"),
            true,
        ),
    ]
}

/// The times of both kinds in us, as they were asked.
fn measure(
    connection: &mut Connection,
    pair: &Pair<'_>,
    calls: usize,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut random = Random::new(calls as u64);
    let mut taken = (Vec::new(), Vec::new());
    for n in 0..2 * calls {
        let is_first = random.below(2) == 0;
        let [first, second] = &pair.kinds;
        let request = if is_first { first(n) } else { second(n) };
        let sent = cpu::now();
        let (status, body) = connection.exchange(&request)?;
        let took_us = sent.elapsed().as_secs_f64() * 1e6;
        if status != pair.status {
            bail!(
                "{}: answer {status}: {}",
                pair.name,
                String::from_utf8_lossy(body)
            );
        }
        if is_first {
            taken.0.push(took_us);
        } else {
            taken.1.push(took_us);
        }
    }
    Ok(taken)
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// In how many of all pairs the first is longer; equal ones count half (Mann and Whitney).
fn how_often_longer(first: &[f64], second: &[f64]) -> f64 {
    let mut sorted = second.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins: f64 = first
        .iter()
        .map(|time| {
            let below = sorted.partition_point(|other| other < time);
            let not_above = sorted.partition_point(|other| other <= time);
            (below + not_above) as f64 / 2.0
        })
        .sum();
    wins / (first.len() as f64 * second.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_is_a_half_for_the_same_and_one_for_what_is_always_longer() {
        let (short, long) = ([1.0, 2.0, 3.0], [4.0, 5.0]);
        assert!((how_often_longer(&short, &short) - 0.5).abs() < 1e-9);
        assert!((how_often_longer(&long, &short) - 1.0).abs() < 1e-9);
        assert!(how_often_longer(&short, &long).abs() < 1e-9);
    }
}
