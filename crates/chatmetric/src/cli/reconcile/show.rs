//! A report on stdout: a table for people, JSON, NDJSON and CSV for programs.

use super::super::output::{OutputFormat, moment, plain};
use super::super::terminal::{Painter, Style};
use super::super::text_table::{Align, TextTable, grouped};
use super::super::{CliError, Terminal};
use super::Asked;
use crate::reconcile::{Report, Row, Status, csv};
use clap::Args;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt::Write as _;

#[derive(Debug, Args)]
pub(super) struct ReportOutput {
    /// Show matched buckets in the table too
    #[arg(long)]
    all: bool,
    /// How to print [default: table on a terminal, json otherwise]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReportFormat {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line: the buckets, and last the whole without them
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

impl ReportOutput {
    pub(super) fn text(
        &self,
        report: &Report,
        asked: &Asked,
        terminal: &Terminal,
    ) -> Result<String, CliError> {
        let usual = match OutputFormat::or_default(None, terminal) {
            OutputFormat::Table | OutputFormat::Chart => ReportFormat::Table,
            OutputFormat::Json | OutputFormat::Ndjson | OutputFormat::Csv => ReportFormat::Json,
        };
        let unwritable = |error: serde_json::Error| {
            CliError::failed(format!("could not write the report as JSON: {error}"))
        };
        match self.output.unwrap_or(usual) {
            ReportFormat::Table => {
                let zone = zone_of(asked)?;
                Ok(table(report, &zone, self.all, terminal.paint_stdout()))
            }
            ReportFormat::Json => {
                let text = serde_json::to_string_pretty(report).map_err(unwritable)?;
                Ok(format!("{text}\n"))
            }
            ReportFormat::Ndjson => {
                let mut text = String::new();
                for row in &report.rows {
                    text.push_str(&serde_json::to_string(row).map_err(unwritable)?);
                    text.push('\n');
                }
                let mut whole = serde_json::to_value(report).map_err(unwritable)?;
                if let Some(whole) = whole.as_object_mut() {
                    whole.remove("rows");
                }
                // Writing into a string cannot fail.
                let _ = writeln!(text, "{whole}");
                Ok(text)
            }
            ReportFormat::Csv => Ok(csv(report)),
        }
    }
}

/// The zone in which times are shown, with its name.
fn zone_of(asked: &Asked) -> Result<(TimeZone, String), CliError> {
    let name = asked.zone.as_ref().map_or("UTC", |zone| zone.name());
    let zone = TimeZoneDatabase::bundled().get(name);
    let zone = zone.map_err(|error| CliError::usage(format!("`--time-zone`: {error}")))?;
    Ok((zone, name.to_owned()))
}

fn table(report: &Report, zone: &(TimeZone, String), all: bool, paint: Painter) -> String {
    let shown: Vec<&Row> = report
        .rows
        .iter()
        .filter(|row| all || row.status != Status::Matched)
        .collect();
    let mut text = String::new();
    if !shown.is_empty() {
        text.push_str(&rows(report, &shown, &zone.0).render(paint));
    }
    let totals = report.totals;
    let buckets = if totals.buckets == 1 {
        "bucket"
    } else {
        "buckets"
    };
    let mut parts = vec![format!("{} {buckets}", grouped(wide(totals.buckets)))];
    for (count, status) in [
        (totals.matched, Status::Matched),
        (totals.ours_only, Status::OursOnly),
        (totals.theirs_only, Status::TheirsOnly),
        (totals.differs, Status::Differs),
        (totals.settling, Status::Settling),
    ] {
        if count > 0 {
            parts.push(format!("{} {}", grouped(wide(count)), status.words()));
        }
    }
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{}", parts.join(", "));
    for one in &report.not_comparable {
        let number = one.number.as_deref().unwrap_or("the answer");
        let _ = writeln!(
            text,
            "not compared: {}: {}",
            plain(number),
            plain(&one.message)
        );
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {}", plain(note));
    }
    if !shown.is_empty() {
        let zone = paint.paint(Style::Dim, &format!("times in {}", zone.1));
        let _ = writeln!(text, "{zone}");
    }
    text
}

fn rows(report: &Report, shown: &[&Row], zone: &TimeZone) -> TextTable {
    let mut table = TextTable::new(&[
        ("START", Align::Left),
        ("NUMBER", Align::Left),
        ("STATUS", Align::Left),
        ("SENT", Align::Right),
        ("THEIRS", Align::Right),
        ("DIFF", Align::Right),
        ("DELIVERED", Align::Right),
        ("THEIRS", Align::Right),
        ("DIFF", Align::Right),
    ]);
    for row in shown {
        let status =
            if row.within && row.status != Status::Settling && row.status != Status::Matched {
                format!("{}, within", row.status.words())
            } else {
                row.status.words().to_owned()
            };
        table.row(vec![
            moment(row.start_ms, zone),
            plain(&row.number),
            status,
            grouped(row.ours.sent),
            grouped(row.theirs.sent),
            signed(row.difference.sent),
            grouped(row.ours.delivered),
            grouped(row.theirs.delivered),
            signed(row.difference.delivered),
        ]);
    }
    let (ours, theirs) = (report.totals.ours, report.totals.theirs);
    let apart = |one: u64, other: u64| {
        let sign = if one < other { "-" } else { "+" };
        match one.abs_diff(other) {
            0 => "0".to_owned(),
            apart => format!("{sign}{}", grouped(apart)),
        }
    };
    table.footer(vec![
        "total".to_owned(),
        String::new(),
        String::new(),
        grouped(ours.sent),
        grouped(theirs.sent),
        apart(ours.sent, theirs.sent),
        grouped(ours.delivered),
        grouped(theirs.delivered),
        apart(ours.delivered, theirs.delivered),
    ]);
    table
}

/// A difference with its sign.
fn signed(difference: i64) -> String {
    let digits = grouped(difference.unsigned_abs());
    match difference {
        0 => digits,
        1.. => format!("+{digits}"),
        _ => format!("-{digits}"),
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
