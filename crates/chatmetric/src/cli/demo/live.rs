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
        let difference = compare::difference("day", &seen.days, &replay.truth.days());
        if let Some(difference) = difference {
            line.finish_and_clear();
            return Err(CliError::failed(format!("the counts differ: {difference}")));
        }
        let [sent, delivered] = replay.truth.totals();
        let text = format!(
            "live  +{} sent  +{} delivered   in all {} sent  {} delivered   {}",
            grouped(sent - before[0]),
            grouped(delivered - before[1]),
            grouped(sent),
            grouped(delivered),
            show::equal_mark(demo.terminal.paint_stderr()),
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
