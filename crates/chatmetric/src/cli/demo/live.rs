//! Traffic that goes on until Ctrl-C, with the API asked again and again.

use super::Demo;
use super::sender::Connection;
use super::traffic::{Live, Random, Replay};
use super::{compare, show};
use crate::cli::CliError;
use crate::cli::text_table::grouped;
use crate::client::ApiClient;
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
        let seen = compare::ask(client, now)?;
        let [sent, delivered] = compare::totals(&seen);
        let own = replay.truth.totals();
        let mark = if own == [sent, delivered] {
            show::equal_mark(demo.terminal.paint_stderr())
        } else if sent >= own[0] && delivered >= own[1] {
            // The closing words invite to send webhooks: theirs count too.
            format!("{} of them sent by you", grouped(sent - own[0]))
        } else {
            line.finish_and_clear();
            return Err(CliError::failed(format!(
                "the counts differ: the API says {sent} sent and {delivered} delivered, our own \
                 count is {} and {}",
                own[0], own[1]
            )));
        };
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
