//! `chatmetric usage`: what every customer counted, for invoices.

use super::reach::ReachArguments;
use super::show::{self, Column, ListFormat, ListOutput};
use crate::cli::data_dir::system_clock;
use crate::cli::text_table::Align;
use crate::cli::time_argument::TimeArgument;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, OperatorReply, Verb};
use chatmetric_core::Zone;
use clap::Args;

const COLUMNS: &[Column] = &[
    ("account", "ACCOUNT", Align::Left),
    ("name", "NAME", Align::Left),
    ("space", "SPACE", Align::Left),
    ("startMs", "START (UTC)", Align::Left),
    ("endMs", "END (UTC)", Align::Left),
    ("numbers", "NUMBERS", Align::Right),
    ("sent", "SENT", Align::Right),
    ("delivered", "DELIVERED", Align::Right),
];

#[derive(Debug, Args)]
#[command(
    after_help = "Whole days of each space's zone that begin between START and END, so that no day is in two\nranges that follow each other.\n\nExamples:\n  chatmetric usage --start 2026-10-01 --end 2026-11-01 -o csv > october.csv\n  chatmetric usage --start -7d --end now --account 1000000000000001"
)]
pub(in crate::cli) struct UsageArguments {
    /// The first day
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    start: TimeArgument,
    /// The end
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    end: TimeArgument,
    /// Of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    output: ListOutput,
    #[command(flatten)]
    reach: ReachArguments,
}

pub(in crate::cli) fn run(arguments: &UsageArguments, terminal: &Terminal) -> Result<(), CliError> {
    let now = system_clock().now();
    let time = |flag: &str, time: TimeArgument| {
        let resolved = time.resolve(now, &Zone::utc());
        resolved.map_err(|error| CliError::usage(format!("`{flag}`: {error}")))
    };
    let start = time("--start", arguments.start)?.0.to_string();
    let end = time("--end", arguments.end)?.0.to_string();
    let format = arguments.output.format(terminal);
    let what = match format {
        ListFormat::Csv => "usage.csv",
        ListFormat::Table | ListFormat::Json | ListFormat::Ndjson => "usage",
    };
    let call = OperatorCall::new(Verb::Get, &[what])
        .with_query("start", Some(&start))
        .with_query("end", Some(&end))
        .with_query("account", arguments.account.as_deref());
    match show::reply(&arguments.reach, call, terminal)? {
        OperatorReply::Csv(text) => terminal.data(&text),
        OperatorReply::Json(mut value) => {
            let rows = show::rows_of(&mut value, "usage");
            show::print(&rows, COLUMNS, format, terminal)
        }
    }
}
