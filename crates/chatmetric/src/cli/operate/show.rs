//! Answers of the operator API on stdout: tables for people, JSON, NDJSON and CSV for
//! programs.

use super::super::output::{OutputFormat, moment, plain};
use super::super::text_table::{Align, TextTable, grouped};
use super::super::{CliError, Terminal};
use super::reach::{Reach, ReachArguments};
use crate::operator::{OperatorCall, OperatorReply};
use crate::spreadsheet::cell;
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;

/// `-o` of a list.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ListOutput {
    /// How to print it [default: table on a terminal, json otherwise]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<ListFormat>,
}

/// A list of things that accounts have.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct OfAccounts {
    /// Of this account alone
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    output: ListOutput,
    #[command(flatten)]
    reach: ReachArguments,
}

impl OfAccounts {
    /// Prints the list that the call begins, with the name that it has in the answer.
    pub(super) fn run(
        &self,
        call: OperatorCall,
        listed: (&str, &[Column]),
        terminal: &Terminal,
    ) -> Result<(), CliError> {
        let call = call.with_query("account", self.account.as_deref());
        run_list(&self.reach, &call, listed, &self.output, terminal)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum ListFormat {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

impl ListOutput {
    pub(in crate::cli) fn format(&self, terminal: &Terminal) -> ListFormat {
        let usual = match OutputFormat::or_default(None, terminal) {
            OutputFormat::Table | OutputFormat::Chart => ListFormat::Table,
            OutputFormat::Json | OutputFormat::Ndjson | OutputFormat::Csv => ListFormat::Json,
        };
        self.output.unwrap_or(usual)
    }
}

/// A column: the member of a row, and what stands above it.
pub(in crate::cli) type Column = (&'static str, &'static str, Align);

/// Prints all pages of a list.
fn list(
    reach: &mut Reach,
    call: &OperatorCall,
    name: &str,
    columns: &[Column],
    (format, terminal): (ListFormat, &Terminal),
) -> Result<(), CliError> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = call.clone().with_query("after", after.as_deref());
        let mut page = json_of(reach.call(page)?)?;
        rows.extend(rows_of(&mut page, name));
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    print(&rows, columns, format, terminal)
}

/// The rows of an answer.
pub(super) fn rows_of(answer: &mut Value, name: &str) -> Vec<Value> {
    match answer.get_mut(name).map(Value::take) {
        Some(Value::Array(rows)) => rows,
        Some(_) | None => Vec::new(),
    }
}

pub(in crate::cli) fn print(
    rows: &[Value],
    columns: &[Column],
    format: ListFormat,
    terminal: &Terminal,
) -> Result<(), CliError> {
    match format {
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(rows).map_err(unwritable)?;
            terminal.data(&format!("{text}\n"))
        }
        ListFormat::Ndjson => {
            let lines = rows.iter().map(|row| format!("{row}\n"));
            terminal.data(&lines.collect::<String>())
        }
        ListFormat::Csv => {
            let names: Vec<&str> = columns.iter().map(|(member, _, _)| *member).collect();
            let mut text = format!("{}\r\n", names.join(","));
            for row in rows {
                let cells = names.iter().map(|name| raw(row.get(*name)));
                let cells: Vec<String> = cells.map(|text| cell(&text).into_owned()).collect();
                text.push_str(&cells.join(","));
                text.push_str("\r\n");
            }
            terminal.data(&text)
        }
        ListFormat::Table if rows.is_empty() => {
            terminal.say("nothing is there");
            Ok(())
        }
        ListFormat::Table => {
            let heads: Vec<(&str, Align)> = columns
                .iter()
                .map(|(_, head, align)| (*head, *align))
                .collect();
            let mut table = TextTable::new(&heads);
            for row in rows {
                let cells = columns
                    .iter()
                    .map(|(member, _, _)| shown(member, row.get(*member)));
                table.row(cells.collect());
            }
            terminal.data(&terminal.rendered(&table))
        }
    }
}

/// Prints one thing: lines for people on a terminal, JSON otherwise.
fn one(value: &Value, terminal: &Terminal) -> Result<(), CliError> {
    match value {
        Value::Object(members) if members.is_empty() => {
            terminal.say("done");
            Ok(())
        }
        Value::Object(members) if terminal.stdout_is_terminal() => {
            let width = members.keys().map(String::len).max().unwrap_or(0);
            let lines = members.iter().map(|(name, value)| {
                let value = shown(name, Some(value));
                format!("{name:width$}  {value}\n")
            });
            terminal.data(&lines.collect::<String>())
        }
        _ => {
            let text = serde_json::to_string_pretty(value).map_err(unwritable)?;
            terminal.data(&format!("{text}\n"))
        }
    }
}

fn json_of(reply: OperatorReply) -> Result<Value, CliError> {
    match reply {
        OperatorReply::Json(value) => Ok(value),
        OperatorReply::Csv(_) => Err(CliError::failed("the answer is a file and not JSON")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unwritable(error: serde_json::Error) -> CliError {
    CliError::failed(format!("could not write the answer as JSON: {error}"))
}

/// A member for programs.
fn raw(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            let values: Vec<String> = values.iter().map(|value| raw(Some(value))).collect();
            values.join(" ")
        }
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => value.to_string(),
    }
}

/// A member for people: what ends in `Ms` is a moment, what counts is grouped.
fn shown(member: &str, value: Option<&Value>) -> String {
    match value {
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Number(number)) if member.ends_with("Ms") => {
            let ms = number.as_i64().unwrap_or_default();
            moment(ms, &TimeZone::UTC)
        }
        Some(Value::Number(number)) => match number.as_u64() {
            Some(count) => grouped(count),
            None => number.to_string(),
        },
        other => plain(&raw(other)),
    }
}

/// Does one call and prints what it tells.
pub(super) fn run_one(
    reach: &ReachArguments,
    call: OperatorCall,
    terminal: &Terminal,
) -> Result<(), CliError> {
    one(&ask(reach, call, terminal)?, terminal)
}

/// Does the calls of a list and prints it.
pub(super) fn run_list(
    reach: &ReachArguments,
    call: &OperatorCall,
    (name, columns): (&str, &[Column]),
    output: &ListOutput,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let mut reach = Reach::open(reach, terminal)?;
    let to = (output.format(terminal), terminal);
    let listed = list(&mut reach, call, name, columns, to);
    reach.close();
    listed
}

/// Does one call and gives what it tells.
pub(in crate::cli) fn ask(
    reach: &ReachArguments,
    call: OperatorCall,
    terminal: &Terminal,
) -> Result<Value, CliError> {
    json_of(reply(reach, call, terminal)?)
}

/// Does one call.
pub(super) fn reply(
    reach: &ReachArguments,
    call: OperatorCall,
    terminal: &Terminal,
) -> Result<OperatorReply, CliError> {
    let mut reach = Reach::open(reach, terminal)?;
    let reply = reach.call(call);
    reach.close();
    reply
}
