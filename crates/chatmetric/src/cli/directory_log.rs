//! `chatmetric directory log`: who changed what in the directory, and when.
//!
//! The newest entry is the first. For programs every field is there; the table
//! names the fields that became different, without their values.

use super::data_dir::OpenMode;
use super::output::plain;
use super::session::{Session, explain_control, explain_refusal};
use super::text_table::{Align, TextTable};
use super::{CliError, InstanceArguments, Terminal};
use crate::control::{LogPage, LoggedChange};
use crate::spreadsheet::safe;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// Most entries that one command prints.
const LOG_ENTRIES_MAX: u32 = 10_000;

#[derive(Debug, Args)]
#[command(
    after_help = "Works while the server runs. Nothing is ever taken out of the log, and no secret \
is in it.\n\nExamples:\n  chatmetric directory log --limit 20\n  chatmetric directory log --account \
1000000000000001 -o ndjson | jq 'select(.action == \"CreateAccessKey\")'"
)]
pub(super) struct LogArguments {
    #[command(flatten)]
    instance: InstanceArguments,
    /// Only changes of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// How many entries, the newest first
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LOG_ENTRIES_MAX)))]
    limit: u32,
    /// Only entries older than this one (the `id` of the last one before)
    #[arg(long, value_name = "ENTRY")]
    before: Option<i64>,
    /// How to print (default: table on a terminal, else json)
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<LogFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Aligned columns for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

pub(super) fn run(arguments: &LogArguments, terminal: &Terminal) -> Result<(), CliError> {
    let mut session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
    let entries = gather(&mut session, arguments);
    session.close();
    let entries = entries?;
    let default = if terminal.stdout_is_terminal() {
        LogFormat::Table
    } else {
        LogFormat::Json
    };
    let text = match arguments.output.unwrap_or(default) {
        LogFormat::Table => table(&entries, terminal),
        LogFormat::Json => {
            let shown: Vec<_> = entries.iter().map(Shown::of).collect();
            serde_json::to_string_pretty(&shown).map_err(json)? + "\n"
        }
        LogFormat::Ndjson => {
            let mut text = String::new();
            for entry in &entries {
                text.push_str(&serde_json::to_string(&Shown::of(entry)).map_err(json)?);
                text.push('\n');
            }
            text
        }
        LogFormat::Csv => csv(&entries)?,
    };
    terminal.data(&text)
}

fn json(error: serde_json::Error) -> CliError {
    CliError::failed(format!("could not write the log as JSON: {error}"))
}

/// Page by page, so that no answer of the server is too long.
fn gather(session: &mut Session, arguments: &LogArguments) -> Result<Vec<LoggedChange>, CliError> {
    let wanted = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut entries: Vec<LoggedChange> = Vec::new();
    let mut before_id = arguments.before;
    while entries.len() < wanted {
        let page = LogPage {
            account: arguments.account.clone(),
            before_id,
            limit: wanted - entries.len(),
        };
        let page = match session {
            Session::Server(client) => client
                .audit_log(page)
                .map_err(|error| explain_control(&error))?,
            Session::Own { operator, .. } => operator
                .audit_log(page)
                .map_err(|refusal| explain_refusal(&refusal))?,
        };
        let Some(last) = page.last() else { break };
        before_id = Some(last.id);
        entries.extend(page);
    }
    Ok(entries)
}

/// An entry as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: i64,
    at: String,
    at_ms: i64,
    account: Option<&'a str>,
    actor: &'a str,
    actor_account: Option<&'a str>,
    source_ip: Option<&'a str>,
    request_id: Option<&'a str>,
    access_key_id: Option<&'a str>,
    action: &'a str,
    target: &'a str,
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
}

impl<'a> Shown<'a> {
    fn of(entry: &'a LoggedChange) -> Self {
        // What is stored is JSON already.
        let raw = |text: &'a Option<String>| -> Option<&'a RawValue> {
            serde_json::from_str(text.as_deref()?).ok()
        };
        Self {
            id: entry.id,
            at: moment(entry.at_ms),
            at_ms: entry.at_ms,
            account: entry.account.as_deref(),
            actor: &entry.actor,
            actor_account: entry.actor_account.as_deref(),
            source_ip: entry.source_ip.as_deref(),
            request_id: entry.request_id.as_deref(),
            access_key_id: entry.access_key_id.as_deref(),
            action: &entry.action,
            target: &entry.target,
            before: raw(&entry.before),
            after: raw(&entry.after),
        }
    }
}

/// RFC 3339, in UTC.
fn moment(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

/// The names of the fields that are different.
fn changed(entry: &LoggedChange) -> String {
    let fields = |text: &Option<String>| -> Vec<String> {
        let parsed = text
            .as_deref()
            .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        let object = parsed.as_ref().and_then(serde_json::Value::as_object);
        object.map_or(Vec::new(), |object| object.keys().cloned().collect())
    };
    match (&entry.before, &entry.after) {
        (None, Some(_)) => "new".to_owned(),
        (Some(_), None) => "gone".to_owned(),
        (_, after) => fields(after).join(", "),
    }
}

fn table(entries: &[LoggedChange], terminal: &Terminal) -> String {
    if entries.is_empty() {
        return "nothing was changed\n".to_owned();
    }
    let mut table = TextTable::new(&[
        ("ID", Align::Right),
        ("TIME", Align::Left),
        ("ACCOUNT", Align::Left),
        ("ACTOR", Align::Left),
        ("ACTION", Align::Left),
        ("TARGET", Align::Left),
        ("CHANGED", Align::Left),
    ]);
    for entry in entries {
        table.row(vec![
            entry.id.to_string(),
            moment(entry.at_ms),
            entry.account.clone().unwrap_or_default(),
            plain(&entry.actor),
            plain(&entry.action),
            plain(&entry.target),
            plain(&changed(entry)),
        ]);
    }
    terminal.rendered(&table)
}

fn csv(entries: &[LoggedChange]) -> Result<String, CliError> {
    let fail = |error: csv::Error| CliError::failed(format!("could not write CSV: {error}"));
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let header = [
        "id",
        "at",
        "account",
        "actor",
        "actor_account",
        "source_ip",
        "request_id",
        "access_key_id",
        "action",
        "target",
        "before",
        "after",
    ];
    writer.write_record(header).map_err(fail)?;
    let cell = |text: &Option<String>| safe(text.as_deref().unwrap_or_default()).into_owned();
    for entry in entries {
        writer
            .write_record([
                entry.id.to_string(),
                moment(entry.at_ms),
                cell(&entry.account),
                safe(&entry.actor).into_owned(),
                cell(&entry.actor_account),
                cell(&entry.source_ip),
                cell(&entry.request_id),
                cell(&entry.access_key_id),
                safe(&entry.action).into_owned(),
                safe(&entry.target).into_owned(),
                cell(&entry.before),
                cell(&entry.after),
            ])
            .map_err(fail)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| CliError::failed(format!("could not write CSV: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
