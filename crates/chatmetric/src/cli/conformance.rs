//! `chatmetric conformance`: the compatibility cases at any endpoint, with the caller's own key.

use super::output::plain;
use super::sign_text::wrapped;
use super::terminal::{Painter, Style};
use super::{CliError, Terminal, junit, profile, query};
use crate::client::Endpoint;
use crate::clock::{Clock, SystemClock};
use crate::conformance::{self, Caller, CaseReport, Origin, Outcome, Selection};
use crate::entropy::SystemEntropy;
use crate::tls::CaFile;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(after_help = "The AccessKey comes from ALIBABA_CLOUD_ACCESS_KEY_ID, \
ALIBABA_CLOUD_ACCESS_KEY_SECRET (and\nALIBABA_CLOUD_SECURITY_TOKEN), or from a profile of \
~/.aliyun/config.json.\n\nCases that check a rule of this server, where the vendor is silent, are \
marked `ours`;\n--vendor leaves them out. One case calls EnableWhatsappROIMetric, which turns a \
metric on at\nthe vendor. Exits with 1 when a case fails.\n\nExamples:\n  chatmetric conformance \
--endpoint http://127.0.0.1:8080\n  chatmetric conformance --endpoint https://metrics.example -o \
junit > conformance.xml\n  chatmetric conformance --vendor --endpoint \
https://cams.ap-southeast-1.aliyuncs.com")]
pub(super) struct ConformanceArguments {
    /// Where the API is
    #[arg(long, value_name = "URL", env = "CHATMETRIC_ENDPOINT")]
    endpoint: String,
    /// Trust the CAs in this PEM file, and no others, when the endpoint is https [default: the
    /// public ones]
    #[arg(long, value_name = "PATH", env = "CHATMETRIC_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// A profile of ~/.aliyun/config.json
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// Leave out what is not the vendor's rule
    #[arg(long)]
    vendor: bool,
    /// Also check the throttle, which uses up the account's calls of a second
    #[arg(long)]
    throttle: bool,
    /// How to print [default: table on a terminal, json otherwise]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// One line a case for people (the default on a terminal)
    Table,
    /// One JSON document (the default otherwise)
    Json,
    /// JUnit XML
    Junit,
}

pub(super) fn run(arguments: ConformanceArguments, terminal: &Terminal) -> Result<(), CliError> {
    let endpoint =
        Endpoint::parse(&arguments.endpoint).map_err(|error| CliError::usage(error.to_string()))?;
    let credentials = profile::credentials(arguments.profile.as_deref(), |name| {
        std::env::var(name).ok()
    })?;
    let ca = arguments.ca_file.as_deref().map(CaFile::read).transpose();
    let ca = ca
        .map_err(|error| CliError::usage(format!("`--ca-file`: {}", super::error_chain(&error))))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let shown_endpoint = endpoint.to_string();
    let caller = Caller {
        endpoint,
        ca,
        credentials,
        clock,
        entropy: Arc::new(SystemEntropy),
    };
    let selection = Selection {
        vendor_only: arguments.vendor,
        throttle: arguments.throttle,
    };
    let format = arguments
        .output
        .unwrap_or(if terminal.stdout_is_terminal() {
            ReportFormat::Table
        } else {
            ReportFormat::Json
        });
    let reports = conformance::run(caller, selection, |report| {
        terminal.say_more(&format!("{} took {} ms", report.name, report.took_ms));
    })
    .map_err(|error| query::explain(&error))?;
    let totals = Totals::of(&reports);
    let text = match format {
        ReportFormat::Table => table(&reports, totals, terminal.paint_stdout(), terminal.width()),
        ReportFormat::Json => json(&shown_endpoint, &reports, totals)?,
        ReportFormat::Junit => junit::render(&shown_endpoint, &reports),
    };
    terminal.data(&text)?;
    match totals.failed {
        0 => Ok(()),
        1 => Err(CliError::failed("1 case failed")),
        failed => Err(CliError::failed(format!("{failed} cases failed"))),
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Totals {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Totals {
    fn of(reports: &[CaseReport]) -> Self {
        let mut totals = Self {
            passed: 0,
            failed: 0,
            skipped: 0,
        };
        for report in reports {
            match report.outcome {
                Outcome::Passed => totals.passed += 1,
                Outcome::Failed { .. } => totals.failed += 1,
                Outcome::Skipped { .. } => totals.skipped += 1,
            }
        }
        totals
    }
}

#[derive(Serialize)]
struct Report<'a> {
    endpoint: &'a str,
    #[serde(flatten)]
    totals: Totals,
    cases: &'a [CaseReport],
}

fn json(endpoint: &str, cases: &[CaseReport], totals: Totals) -> Result<String, CliError> {
    let report = Report {
        endpoint,
        totals,
        cases,
    };
    let text = serde_json::to_string_pretty(&report).map_err(|error| {
        CliError::failed(format!("could not write the report as JSON: {error}"))
    })?;
    Ok(text + "\n")
}

fn table(reports: &[CaseReport], totals: Totals, paint: Painter, width: usize) -> String {
    let mut out = String::new();
    let names = reports.iter().map(|report| report.name.len());
    let name_width = names.max().unwrap_or_default();
    for report in reports {
        let (style, word) = match &report.outcome {
            Outcome::Passed => (Style::Green, "pass"),
            Outcome::Failed { .. } => (Style::Red, "FAIL"),
            Outcome::Skipped { .. } => (Style::Yellow, "skip"),
        };
        let ours = match report.origin {
            Origin::Vendor => "",
            Origin::Ours => "  (ours)",
        };
        let word = paint.paint(style, word);
        out.push_str(&format!("{word}  {}{ours}\n", report.name));
        let details = match &report.outcome {
            Outcome::Passed => Vec::new(),
            Outcome::Failed { expected, got } => vec![
                ("      checks    ", report.checks.to_owned()),
                ("      expected  ", plain(expected)),
                ("      got       ", plain(got)),
            ],
            Outcome::Skipped { why } => vec![("      ", plain(why))],
        };
        for (lead, text) in details {
            let indent = " ".repeat(lead.len());
            let lines = wrapped(&text, width.saturating_sub(lead.len()));
            for (index, line) in lines.iter().enumerate() {
                let start = if index == 0 { lead } else { &indent };
                out.push_str(&format!("{start}{line}\n"));
            }
        }
    }
    let rule = "─".repeat((name_width + 14).min(width));
    out.push_str(&paint.paint(Style::Dim, &rule));
    out.push('\n');
    let summary = format!(
        "{} passed, {} failed, {} skipped",
        totals.passed, totals.failed, totals.skipped
    );
    out.push_str(&paint.paint(Style::Bold, &summary));
    out.push('\n');
    out
}
