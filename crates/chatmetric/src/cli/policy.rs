//! `chatmetric policy simulate`: what RAM would say to a call that nobody made.

use super::operate::{self, ReachArguments};
use super::terminal::Style;
use super::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Allow or deny, with the statement that decides
    Simulate(SimulateArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0 is allow, 1 is deny.\n\nExamples:\n  chatmetric policy simulate --user reader --action cams:GetChatappPhoneNumberMetric\n  chatmetric policy simulate --user reader --action ram:ListUsers \\\n      --context acs:SourceIp=203.0.113.7"
)]
pub(super) struct SimulateArguments {
    /// The RAM user who would call
    #[arg(long, value_name = "U")]
    user: String,
    /// What the user would do, as `cams:GetChatappPhoneNumberMetric`
    #[arg(long, value_name = "A")]
    action: String,
    /// To what, as an ARN
    #[arg(long, value_name = "R", default_value = "*")]
    resource: String,
    /// A condition key of the call
    #[arg(long, value_name = "K=V")]
    context: Vec<String>,
    /// The user's account, when several have a user of this name
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// How to print it [default: text on a terminal, json otherwise]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Output>,
    #[command(flatten)]
    reach: ReachArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for people
    Text,
    /// A JSON document
    Json,
}

pub(super) fn run(command: PolicyCommand, terminal: &Terminal) -> Result<(), CliError> {
    let PolicyCommand::Simulate(arguments) = command;
    let mut context = Map::new();
    for pair in &arguments.context {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| CliError::usage(format!("`--context`: `{pair}` is not KEY=VALUE")))?;
        context.insert(key.to_owned(), value.into());
    }
    let body = json!({
        "account": arguments.account,
        "user": arguments.user,
        "action": arguments.action,
        "resource": arguments.resource,
        "context": context,
    });
    let call = OperatorCall::new(Verb::Post, &["policies", "simulate"]).with_body(body);
    let told = operate::ask(&arguments.reach, call, terminal)?;
    let is_allowed = told.get("allowed").and_then(Value::as_bool) == Some(true);
    let usual = if terminal.stdout_is_terminal() {
        Output::Text
    } else {
        Output::Json
    };
    match arguments.output.unwrap_or(usual) {
        Output::Json => {
            let text = serde_json::to_string_pretty(&told);
            let text = text.map_err(|error| CliError::failed(error.to_string()))?;
            terminal.data(&format!("{text}\n"))?;
        }
        Output::Text => {
            let paint = terminal.paint_stdout();
            let word = if is_allowed {
                paint.paint(Style::Green, "allow")
            } else {
                paint.paint(Style::Red, "deny")
            };
            terminal.data(&format!("{word}: {}\n", reason(&told)))?;
        }
    }
    if is_allowed {
        Ok(())
    } else {
        Err(CliError::failed(format!(
            "`{}` may not do `{}`",
            arguments.user, arguments.action
        )))
    }
}

fn reason(told: &Value) -> String {
    let by = told.get("decidedBy");
    let policy = by.and_then(|by| by.get("policy")).and_then(Value::as_str);
    let statement = by
        .and_then(|by| by.get("statement"))
        .and_then(Value::as_u64);
    match (policy, statement) {
        // People count from 1.
        (Some(policy), Some(at)) => format!("statement {} of policy `{policy}`", at + 1),
        _ => "no statement allows it".to_owned(),
    }
}
