//! Meta's side: the analytics of a WhatsApp Business Account, from a file or asked for
//! number by number, because Meta sums what is asked for together.

use super::super::{CliError, Terminal};
use super::graph::Graph;
use super::ours::Ours;
use super::{Asked, MetaArguments};
use crate::reconcile::{
    ANSWER_BYTES_MAX, FileTerms, Incomparable, NUMBERS_MAX, Prepared, Provider, Reason, Report,
    Sides, Terms, granularity_of, incomparable, notes_of, other_numbers, prepare, reconcile,
};
use chatmetric_core::Granularity;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

/// How far back Meta tells of messages, in days.
const LOOK_BACK_DAYS: i64 = 365;
const DAY_MS: i64 = 86_400_000;

pub(super) fn report(
    arguments: &MetaArguments,
    asked: &Asked,
    ours: &Ours,
    terminal: &Terminal,
) -> Result<Report, CliError> {
    match (&arguments.file, &arguments.waba) {
        (Some(file), _) => of_file(file, asked, ours),
        (None, Some(waba)) => {
            let file = arguments.token_file.as_deref();
            let graph = Graph::open(&arguments.graph_url, waba, file)?;
            of_graph(&graph, asked, ours, terminal)
        }
        (None, None) => Err(CliError::usage(
            "`--against meta` needs `--file`, or `--waba` with a token",
        )),
    }
}

/// The answer in a file.
fn of_file(file: &Path, asked: &Asked, ours: &Ours) -> Result<Report, CliError> {
    let prepared = prepare(
        &bytes_of(file)?,
        &FileTerms {
            start: asked.start,
            end: asked.end,
            granularity: asked.granularity,
            numbers: asked.numbers.clone(),
            tolerance: asked.tolerance,
            zone: asked.zone.clone(),
            now: asked.clock.now(),
            include_settling: asked.include_settling,
        },
    );
    let prepared = prepared.map_err(|error| {
        CliError::usage(format!("`--file`: {error}"))
            .hint("name the range with `--start` and `--end`")
    })?;
    match prepared {
        Prepared::Not(report) => Ok(*report),
        Prepared::Ready(question) => {
            // A number that the file names and the space does not have would be refused, so
            // numbers that were not named here are not asked for by name.
            let Terms {
                granularity, range, ..
            } = question.terms;
            let counted = ours.series(&asked.numbers, granularity, range)?;
            Ok(question.answered(counted))
        }
    }
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, CliError> {
    let unreadable = |error: std::io::Error| {
        CliError::usage(format!(
            "`--file`: could not read `{}`: {error}",
            file.display()
        ))
    };
    let input: Box<dyn std::io::Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(unreadable)?)
    };
    let mut body = Vec::new();
    // One more than is allowed, so that the reader sees that there was more.
    let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let mut input = input.take(most.saturating_add(1));
    input.read_to_end(&mut body).map_err(unreadable)?;
    Ok(body)
}

/// The account itself, number by number.
fn of_graph(
    graph: &Graph,
    asked: &Asked,
    ours: &Ours,
    terminal: &Terminal,
) -> Result<Report, CliError> {
    let granularity = asked.granularity.unwrap_or(Granularity::Daily);
    let range = asked.range()?;
    let now = asked.clock.now();
    if range.start().0 < now.0 - LOOK_BACK_DAYS * DAY_MS {
        return Err(CliError::usage(format!(
            "`--start` ({}) is more than {LOOK_BACK_DAYS} days ago, and Meta tells nothing older",
            range.start()
        )));
    }
    let terms = asked.terms(Provider::Meta, granularity, range);
    let mut sides = Sides {
        ours: ours.series(&asked.numbers, granularity, range)?,
        ..Sides::default()
    };
    let known: BTreeSet<String> = match graph.numbers()? {
        Ok(known) => known.into_iter().collect(),
        Err(reason) => return Ok(incomparable(&terms, &reason)),
    };
    let mut numbers: BTreeSet<String> = asked.numbers.iter().cloned().collect();
    if numbers.is_empty() {
        numbers.extend(known.iter().cloned());
        numbers.extend(sides.ours.keys().cloned());
    }
    if numbers.len() > NUMBERS_MAX {
        return Err(CliError::usage(format!(
            "there are more than {NUMBERS_MAX} numbers; name some with `--number`"
        )));
    }
    for number in numbers {
        if !known.contains(&number) {
            sides.ours.remove(&number);
            let reason = Reason::NumberLeft {
                number: number.clone(),
            };
            sides.left_out.push(Incomparable::number(&number, &reason));
            continue;
        }
        terminal.say_more(&format!("asking Meta for {number}"));
        let answer = graph.analytics(&number, granularity, range, now)?;
        let answer = answer.and_then(|answer| {
            granularity_of(&answer, Some(granularity))?;
            match other_numbers(&answer, std::slice::from_ref(&number)) {
                None => Ok(answer),
                Some(reason) => Err(reason),
            }
        });
        match answer {
            Ok(answer) => {
                sides.notes.extend(notes_of(&answer));
                sides.theirs.insert(number, answer.points);
            }
            Err(reason) => return Ok(incomparable(&terms, &reason)),
        }
    }
    sides.notes.dedup();
    Ok(reconcile(&terms, sides))
}
