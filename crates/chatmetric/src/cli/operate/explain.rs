//! `chatmetric explain`: what made a count of a number.

use super::reach::ReachArguments;
use super::show::{self, Column, ListFormat, ListOutput};
use crate::cli::api_access::GranularityArgument;
use crate::cli::data_dir::system_clock;
use crate::cli::output::{moment, plain};
use crate::cli::text_table::{Align, TextTable, grouped};
use crate::cli::time_argument::TimeArgument;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use chatmetric_core::Zone;
use clap::Args;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The members of a flat row of a source.
const COLUMNS: &[Column] = &[
    ("source", "SOURCE", Align::Left),
    ("kind", "KIND", Align::Left),
    ("sent", "SENT", Align::Right),
    ("sentReported", "REPORTED", Align::Right),
    ("sentImplied", "IMPLIED", Align::Right),
    ("sentMoved", "MOVED", Align::Right),
    ("delivered", "DELIVERED", Align::Right),
    ("deliveredReported", "REPORTED", Align::Right),
    ("deliveredImplied", "IMPLIED", Align::Right),
    ("deliveredMoved", "MOVED", Align::Right),
    ("duplicates", "DUPLICATES", Align::Right),
    ("late", "LATE", Align::Right),
];

#[derive(Debug, Args)]
#[command(
    after_help = "A count is the sum of what its sources reported. `implied`: a later status came first, and what was\nread was delivered. `moved`: an earlier time took the message from one bucket to another. Duplicates\nand late reports change no count. Changes are told from the end of the bucket on.\n\nExamples:\n  chatmetric explain --number 15550100101 --bucket 2026-11-28\n  chatmetric explain --number 15550100101 --bucket 2026-11-28T10:00:00Z\n  chatmetric explain --number 15550100101 --bucket -2h -o json"
)]
pub(in crate::cli) struct ExplainArguments {
    /// The business phone number
    #[arg(long, value_name = "N")]
    number: String,
    /// The day (in the zone of the space), or a time within the bucket
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    bucket: TimeArgument,
    /// What the bucket covers [default: daily for a day, half-hour for a time]
    #[arg(long, value_enum, ignore_case = true)]
    granularity: Option<GranularityArgument>,
    /// The space in which it was counted [default: the one that has the number]
    #[arg(long, value_name = "ID")]
    space: Option<String>,
    #[command(flatten)]
    output: ListOutput,
    #[command(flatten)]
    reach: ReachArguments,
}

pub(in crate::cli) fn run(
    arguments: &ExplainArguments,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let bucket = match arguments.bucket {
        TimeArgument::Day(date) => date.to_string(),
        time => {
            let resolved = time.resolve(system_clock().now(), &Zone::utc());
            let resolved =
                resolved.map_err(|error| CliError::usage(format!("`--bucket`: {error}")))?;
            resolved.0.to_string()
        }
    };
    let granularity = arguments.granularity.map(|granularity| match granularity {
        GranularityArgument::Daily => "daily",
        GranularityArgument::HalfHour => "half-hour",
    });
    let call = OperatorCall::new(Verb::Get, &["numbers", &arguments.number, "explanation"])
        .with_query("bucket", Some(&bucket))
        .with_query("granularity", granularity)
        .with_query("space", arguments.space.as_deref());
    let told = show::ask(&arguments.reach, call, terminal)?;
    let origins = list(&told, "origins").iter().map(flat);
    let origins: Vec<Value> = origins.collect();
    match arguments.output.format(terminal) {
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&told).map_err(|error| {
                CliError::failed(format!("could not write the answer as JSON: {error}"))
            })?;
            terminal.data(&format!("{text}\n"))
        }
        format @ (ListFormat::Ndjson | ListFormat::Csv) => {
            show::print(&origins, COLUMNS, format, terminal)
        }
        ListFormat::Table => terminal.data(&text(&told, &origins, terminal)),
    }
}

fn list<'a>(told: &'a Value, name: &str) -> &'a [Value] {
    told.get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A source as one row.
fn flat(origin: &Value) -> Value {
    let of = |counter: &str, member: &str| origin.get(counter).and_then(|it| it.get(member));
    json!({
        "source": origin.get("source"),
        "kind": origin.get("kind"),
        "sent": of("sent", "total"),
        "sentReported": of("sent", "reported"),
        "sentImplied": of("sent", "implied"),
        "sentMoved": of("sent", "moved"),
        "delivered": of("delivered", "total"),
        "deliveredReported": of("delivered", "reported"),
        "deliveredImplied": of("delivered", "implied"),
        "deliveredMoved": of("delivered", "moved"),
        "duplicates": origin.get("duplicates"),
        "late": origin.get("late"),
    })
}

/// Everything for people.
fn text(told: &Value, origins: &[Value], terminal: &Terminal) -> String {
    let word = |name: &str| plain(told.get(name).and_then(Value::as_str).unwrap_or_default());
    let zone_name = word("timeZone");
    let zone = TimeZoneDatabase::bundled().get(&zone_name);
    let zone = zone.unwrap_or(TimeZone::UTC);
    let time = |value: Option<&Value>| value.and_then(Value::as_i64).map(|ms| moment(ms, &zone));
    let at = |name: &str| time(told.get(name));
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "{} in {}, {} to {} ({zone_name}): {} sent, {} delivered\n",
        word("number"),
        word("space"),
        at("startMs").unwrap_or_default(),
        at("endMs").unwrap_or_default(),
        count(told.get("sent")),
        count(told.get("delivered")),
    );
    if origins.is_empty() {
        out.push_str("nothing was reported for it\n");
    } else {
        out.push_str(&terminal.rendered(&shares(origins)));
    }
    let revisions = list(told, "revisions");
    if !revisions.is_empty() {
        out.push_str("\nchanged after it was over:\n");
        let head = format!("RECEIVED ({zone_name})");
        let mut table = TextTable::new(&[
            (head.as_str(), Align::Left),
            ("SENT", Align::Right),
            ("DELIVERED", Align::Right),
        ]);
        for revision in revisions {
            table.row(vec![
                time(revision.get("receivedStartMs")).unwrap_or_default(),
                change(revision.get("sent")),
                change(revision.get("delivered")),
            ]);
        }
        out.push_str(&terminal.rendered(&table));
    }
    out.push('\n');
    let _ = match at("settledSinceMs") {
        Some(since) => writeln!(out, "unchanged since {since}"),
        None => writeln!(out, "it is not over yet"),
    };
    if let Some(last) = at("finalMs") {
        let _ = writeln!(out, "reports of it are taken until about {last}");
    }
    out
}

fn shares(origins: &[Value]) -> TextTable {
    let heads: Vec<(&str, Align)> = COLUMNS
        .iter()
        .map(|(_, head, align)| (*head, *align))
        .collect();
    let mut table = TextTable::new(&heads);
    for origin in origins {
        let cells = COLUMNS.iter().map(|(member, _, align)| {
            let value = origin.get(*member);
            match (*member, align) {
                ("source", _) => match value.and_then(Value::as_str) {
                    Some(name) => plain(name),
                    None => "-".to_owned(),
                },
                (_, Align::Left) => plain(value.and_then(Value::as_str).unwrap_or_default()),
                (_, Align::Right) => count(value),
            }
        });
        table.row(cells.collect());
    }
    table
}

/// A count, which may be below zero where messages moved away.
fn count(value: Option<&Value>) -> String {
    let count = value.and_then(Value::as_i64).unwrap_or_default();
    let digits = grouped(count.unsigned_abs());
    if count < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}

/// A change with its sign.
fn change(value: Option<&Value>) -> String {
    let digits = count(value);
    if digits.starts_with('-') {
        digits
    } else {
        format!("+{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_changes_have_their_signs() {
        let value = json!(-1234);
        assert_eq!(count(Some(&value)), "-1,234");
        assert_eq!(change(Some(&value)), "-1,234");
        assert_eq!(change(Some(&json!(3))), "+3");
        assert_eq!(change(None), "+0");
    }
}
