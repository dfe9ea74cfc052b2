//! Traffic that goes on until Ctrl-C, with the API asked again and again.

use super::Demo;
use super::sender::Connection;
use super::traffic::{Live, Random, Replay, Truth};
use super::{compare, show};
use crate::cli::CliError;
use crate::cli::text_table::grouped;
use crate::client::ApiClient;
use chatmetric_core::EpochMs;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Most new messages of a second.
const MESSAGES_MAX: u64 = 8;
/// How often the API is asked, in s.
const ASK_EVERY_S: u64 = 2;
/// How often a line is written when nobody watches, in s.
const LINE_EVERY_S: u64 = 30;

pub(super) fn run(
    demo: &Demo<'_>,
    client: &ApiClient,
    begin: EpochMs,
    random: Random,
    replay: &mut Replay,
) -> Result<(), CliError> {
    demo.terminal
        .say("\nLive traffic is coming in; Ctrl-C ends the demo.");
    let connection = Connection::new(&demo.webhook);
    let mut live = Live::new(random, replay.messages);
    let watched = demo.terminal.stderr_is_terminal() && !demo.terminal.quiet();
    let line = ProgressBar::new_spinner();
    line.set_draw_target(if watched {
        ProgressDrawTarget::stderr_with_hz(5)
    } else {
        ProgressDrawTarget::hidden()
    });
    let before = replay.truth.totals();
    let mut second = 0_u64;
    while !demo.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs(1));
        second += 1;
        let now = demo.clock.now();
        let reports = live.tick(now.0.div_euclid(1000), MESSAGES_MAX);
        if !reports.is_empty() {
            connection.post(&reports)?;
            live.count(&reports, &mut replay.truth);
        }
        if !second.is_multiple_of(ASK_EVERY_S) {
            continue;
        }
        let totals = compare::totals(&compare::days(client, begin, now)?);
        let own = replay.truth.totals();
        let mark = match judge(demo, totals, &replay.truth) {
            Ok(mark) => mark,
            Err(error) => {
                line.finish_and_clear();
                return Err(error);
            }
        };
        let [sent, delivered] = totals;
        let text = format!(
            "live  +{} sent  +{} delivered   in all {} sent  {} delivered   {mark}",
            grouped(own[0] - before[0]),
            grouped(own[1] - before[1]),
            grouped(sent),
            grouped(delivered),
        );
        line.set_message(text.clone());
        line.tick();
        if !watched && second.is_multiple_of(LINE_EVERY_S) {
            demo.terminal.say(&text);
        }
    }
    line.finish_and_clear();
    demo.terminal.say("the demo has ended");
    Ok(())
}

/// The closing words invite to send webhooks: theirs count too, but no more of
/// them than the books say came beside the demo's own.
fn judge(demo: &Demo<'_>, totals: [u64; 2], truth: &Truth) -> Result<String, CliError> {
    let own = truth.totals();
    if totals == own {
        return Ok(show::equal_mark(demo.terminal.paint_stderr()));
    }
    let guests = compare::books(&demo.instance)?
        .new
        .saturating_sub(truth.new);
    let plausible = |(total, own): (u64, u64)| (own..=own.saturating_add(guests)).contains(&total);
    if totals.into_iter().zip(own).all(plausible) {
        let [sent, _] = totals;
        return Ok(format!("{} of them sent by you", grouped(sent - own[0])));
    }
    let ([sent, delivered], [own_sent, own_delivered]) = (totals, own);
    Err(CliError::failed(format!(
        "the counts differ: the API says {sent} sent and {delivered} delivered, our own count is \
         {own_sent} and {own_delivered}"
    )))
}
