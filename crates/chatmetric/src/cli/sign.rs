//! `chatmetric sign explain`: why a signature matches or does not.
//!
//! Reads the request and the secret, asks [`chatmetric_rpc::explain`], prints. Exit code 0 says
//! that the signature matches, and nothing else does. The secret comes from the environment only.

use super::terminal::Terminal;
use super::{CliError, sign_text};
use crate::clock::{Clock, SystemClock};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::explain::{
    Captured, ClientText, Explanation, INPUT_BYTES_MAX, Subject, Verdict, explain,
};
use chatmetric_rpc::signature::Verifier;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where the secret comes from.
const SECRET_VARIABLE: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";

#[derive(Debug, Subcommand)]
pub(super) enum SignCommand {
    /// Show how the signature of a request comes about, and the first difference
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "FILE is a curl command or a raw HTTP request. The secret of its AccessKey comes \
from\nALIBABA_CLOUD_ACCESS_KEY_SECRET; without it everything up to the string to sign is \
shown.\nNeither it nor a token is ever printed. Exits with 0 when the signature matches.\n\n\
Examples:\n  chatmetric sign explain request.txt\n  pbpaste | chatmetric sign explain\n  \
chatmetric sign explain request.txt --client-string-to-sign answer.json"
)]
pub(super) struct ExplainArguments {
    /// The request; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// What the client signed: its string to sign or canonical request, or the error that a
    /// server answered
    #[arg(long, value_name = "FILE")]
    client_string_to_sign: Option<PathBuf>,
    /// How to print
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    output: ExplainFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// Text for people
    #[value(alias = "text")]
    Table,
    /// One JSON document
    Json,
}

pub(super) fn run(command: SignCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        SignCommand::Explain(arguments) => run_explain(&arguments, terminal),
    }
}

fn run_explain(arguments: &ExplainArguments, terminal: &Terminal) -> Result<(), CliError> {
    let client_file = arguments.client_string_to_sign.as_deref();
    if is_stdin(&arguments.file) && client_file.is_some_and(is_stdin) {
        return Err(CliError::usage(
            "the request and `--client-string-to-sign` cannot both be stdin",
        ));
    }
    if is_stdin(&arguments.file) && terminal.stdin_is_terminal() {
        terminal.say("paste a curl command or a raw HTTP request, then press Ctrl-D");
    }
    let text = read(&arguments.file)?;
    let client_text = client_file
        .map(|file| read(file).map(|text| (file, text)))
        .transpose()?;
    let client_text = client_text
        .map(|(file, text)| {
            ClientText::parse(&text).map_err(|error| {
                CliError::failed(format!("`{}` cannot be read: {error}", file.display()))
            })
        })
        .transpose()?;
    let captured = Captured::parse(&text).map_err(|error| {
        CliError::failed(error.to_string())
            .hint("`chatmetric sign explain --help` shows what can be pasted")
    })?;
    let secret = std::env::var_os(SECRET_VARIABLE).filter(|secret| !secret.is_empty());
    let secret = secret.map(|secret| SecretKey::new(secret.into_encoded_bytes()));
    let explanation = captured.with_raw(|raw| {
        explain(&Subject {
            raw,
            secret: secret.as_ref(),
            client_text: client_text.as_ref(),
            verifier: &Verifier::default(),
            now_ms: SystemClock::default().now().0,
        })
    });
    let shown = match arguments.output {
        ExplainFormat::Json => json(&explanation, &captured.notes)?,
        ExplainFormat::Table => {
            let notes = &captured.notes;
            sign_text::render(
                &explanation,
                notes,
                terminal.paint_stdout(),
                terminal.width(),
            )
        }
    };
    terminal.data(&shown)?;
    conclude(&explanation)
}

/// Anything but a match is exit code 1, with the reason.
fn conclude(explanation: &Explanation) -> Result<(), CliError> {
    let first = explanation.findings.first();
    let cause = first.map_or("", |finding| finding.code.as_str());
    Err(match &explanation.verdict {
        Verdict::Matches => return Ok(()),
        Verdict::DoesNotMatch => {
            CliError::failed(format!("the signature does not match: `{cause}`"))
        }
        Verdict::NotChecked => {
            CliError::failed("the signature was not checked: there is no secret").hint(format!(
                "set `{SECRET_VARIABLE}` to the secret of the AccessKey"
            ))
        }
        Verdict::Refused { code, .. } => {
            CliError::failed(format!("the request is refused with `{code}`: `{cause}`"))
        }
    })
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    /// What was ignored or supposed when the request was read.
    notes: &'a [String],
}

fn json(explanation: &Explanation, notes: &[String]) -> Result<String, CliError> {
    let output = Output { explanation, notes };
    let text = serde_json::to_string_pretty(&output).map_err(|error| {
        CliError::failed(format!("could not write the explanation as JSON: {error}"))
    })?;
    Ok(text + "\n")
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// One byte more than the limit is read, so that the limit is told by who has it.
fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let limit = u64::try_from(INPUT_BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    let read = if is_stdin(file) {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    let name = file.display();
    read.map_err(|error| CliError::usage(format!("could not read `{name}`: {error}")))?;
    Ok(bytes)
}
