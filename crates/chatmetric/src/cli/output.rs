//! Data on stdout: tables for people, JSON, NDJSON and CSV for programs.
//!
//! The names in JSON and CSV are those of the API, so that a script that reads
//! the API's answers reads ours too.

use super::chart::{Chart, Point};
use super::terminal::{Painter, Style};
use super::text_table::{Align, TextTable, grouped, percent};
use super::{CliError, Terminal};
use crate::client::Row;
use crate::spreadsheet::safe;
use chatmetric_core::EpochMs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `-o`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// Aligned columns for people (the default on a terminal)
    Table,
    /// One JSON document (the default otherwise)
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
    /// Sent and delivered, drawn in the terminal
    Chart,
}

impl OutputFormat {
    pub(crate) fn or_default(chosen: Option<Self>, terminal: &Terminal) -> Self {
        chosen.unwrap_or(if terminal.stdout_is_terminal() {
            Self::Table
        } else {
            Self::Json
        })
    }
}

/// Columns of a terminal that is not narrow: a pipe has as many.
const WIDE: usize = 80;

/// What was asked, for the captions of tables and charts.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Whether buckets are days.
    pub(crate) daily: bool,
    /// The range that was asked for.
    pub(crate) start: EpochMs,
    /// Its end.
    pub(crate) end: EpochMs,
    /// The zone in which times are shown.
    pub(crate) zone: TimeZone,
    /// Its name.
    pub(crate) zone_name: String,
}

/// Rows of the API in the format that was asked for.
pub(crate) fn render_rows(
    rows: &[Row],
    format: OutputFormat,
    asked: &Asked,
    paint: Painter,
    width: usize,
) -> Result<String, CliError> {
    let json = |error: serde_json::Error| {
        CliError::failed(format!("could not write the rows as JSON: {error}"))
    };
    match format {
        OutputFormat::Json => {
            let mut text = serde_json::to_string_pretty(rows).map_err(json)?;
            text.push('\n');
            Ok(text)
        }
        OutputFormat::Ndjson => {
            let mut text = String::new();
            for row in rows {
                text.push_str(&serde_json::to_string(row).map_err(json)?);
                text.push('\n');
            }
            Ok(text)
        }
        OutputFormat::Csv => csv_text(rows),
        OutputFormat::Table => Ok(table(rows, asked, paint, width)),
        OutputFormat::Chart => Ok(chart(rows, asked, paint, width)),
    }
}

fn csv_text(rows: &[Row]) -> Result<String, CliError> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let fail = |error: csv::Error| CliError::failed(format!("could not write CSV: {error}"));
    // The header also stands above no rows.
    writer
        .write_record([
            "Start",
            "End",
            "PhoneNumber",
            "Granularity",
            "SentCount",
            "DeliveredCount",
        ])
        .map_err(fail)?;
    for row in rows {
        writer
            .write_record([
                row.start.to_string(),
                row.end.to_string(),
                safe(&row.phone_number).into_owned(),
                safe(&row.granularity).into_owned(),
                row.sent_count.to_string(),
                row.delivered_count.to_string(),
            ])
            .map_err(fail)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| CliError::failed(format!("could not write CSV: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// In a narrow terminal without the ends of the buckets: their beginnings say it too.
fn table(rows: &[Row], asked: &Asked, paint: Painter, width: usize) -> String {
    if rows.is_empty() {
        return "no messages were counted in this range\n".to_owned();
    }
    let mut table = TextTable::new(&[
        ("START", Align::Left),
        ("END", Align::Left),
        ("NUMBER", Align::Left),
        ("SENT", Align::Right),
        ("DELIVERED", Align::Right),
        ("RATE", Align::Right),
    ]);
    let (mut sent, mut delivered) = (0_u64, 0_u64);
    for row in rows {
        sent += row.sent_count;
        delivered += row.delivered_count;
        table.row(vec![
            moment(row.start, &asked.zone),
            moment(row.end, &asked.zone),
            plain(&row.phone_number),
            grouped(row.sent_count),
            grouped(row.delivered_count),
            percent(row.delivered_count, row.sent_count),
        ]);
    }
    table.footer(vec![
        "total".to_owned(),
        String::new(),
        String::new(),
        grouped(sent),
        grouped(delivered),
        percent(delivered, sent),
    ]);
    let zone = paint.paint(Style::Dim, &format!("times in {}", asked.zone_name));
    let table = if width < WIDE {
        table.narrowed(width, 1)
    } else {
        table
    };
    let table = table.render(paint);
    format!("{table}{zone}\n")
}

/// Text from a server must not steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// `2026-01-31 08:00`, with seconds when there are some.
pub(crate) fn moment(ms: i64, zone: &TimeZone) -> String {
    let Ok(timestamp) = Timestamp::from_millisecond(ms) else {
        return format!("{ms} ms");
    };
    let civil = zone.to_datetime(timestamp);
    if civil.second() == 0 && civil.subsec_nanosecond() == 0 {
        civil.strftime("%Y-%m-%d %H:%M").to_string()
    } else {
        civil.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

fn chart(rows: &[Row], asked: &Asked, paint: Painter, width: usize) -> String {
    let points: Vec<Point> = rows
        .iter()
        .map(|row| Point {
            number: plain(&row.phone_number),
            start_ms: row.start,
            end_ms: row.end,
            sent: row.sent_count,
            delivered: row.delivered_count,
        })
        .collect();
    Chart {
        daily: asked.daily,
        start_ms: asked.start.0,
        end_ms: asked.end.0,
        zone: asked.zone.clone(),
        zone_name: asked.zone_name.clone(),
        width,
        paint,
    }
    .render(&points)
}
