//! `chatmetric admin`: a way into the console for whoever may read the data directory,
//! which feed counts for a number, and another master key.

use super::data_dir::OpenMode;
use super::operator_token::{self, OperatorTokenCommand};
use super::rotate_master_key::{self, RotateMasterKeyArguments};
use super::session::{Session, explain_control, explain_refusal};
use super::{CliError, InstanceArguments, Terminal};
use crate::control::{SourceSwitch, TokenFor};
use crate::directory::IdFamily;
use chatmetric_core::EpochMs;
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Make a one-time token that sets a password for the console
    SetupToken(SetupTokenArguments),
    /// Take a user's password away, end the sessions, and make a one-time token for a new one
    ResetPassword(ResetPasswordArguments),
    /// Tokens of the operator API
    #[command(
        subcommand,
        after_help = "Example:\n  chatmetric admin operator-token list"
    )]
    OperatorToken(OperatorTokenCommand),
    /// Let another feed count for a number
    SwitchSource(SwitchSourceArguments),
    /// Seal the secrets of a stopped server under a new master key
    RotateMasterKey(RotateMasterKeyArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "With USER, the token sets the user's password at /console/set-password and works \
for a day;\na user that could not sign in to the console can from then on. Without USER, it makes \
the\nfirst user at /console/setup and works for an hour. The token is printed once.\n\nExamples:\n  \
chatmetric admin setup-token\n  chatmetric admin setup-token alice --account 1000000000000001"
)]
pub(super) struct SetupTokenArguments {
    /// A RAM user
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// The user's account, when several have a user of this name
    #[arg(long, value_name = "ID", requires = "user")]
    account: Option<String>,
    #[command(flatten)]
    instance: InstanceArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The old password and all sessions of the user end at once. The token sets a new \
password at\n/console/set-password and works for a day. It is printed once.\n\nExamples:\n  \
chatmetric admin reset-password alice\n  chatmetric admin reset-password alice --account \
1000000000000001"
)]
pub(super) struct ResetPasswordArguments {
    /// A RAM user
    #[arg(value_name = "USER")]
    user: String,
    /// The user's account, when several have a user of this name
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    instance: InstanceArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Two feeds that call the same message by different ids would count it twice, so the first\nfeed of a number counts and the other goes to the quarantine as `second_source`. This \nswitches it. What is in the quarantine stays there; messages that are on their way during\nthe switch may count under both ids.\n\nExamples:\n  chatmetric admin switch-source 15550100101 cams\n  chatmetric admin switch-source +15550100101 meta --account 1000000000000001"
)]
pub(super) struct SwitchSourceArguments {
    /// The business number
    #[arg(value_name = "NUMBER", allow_hyphen_values = true)]
    number: String,
    /// Whose ids count from now on
    #[arg(value_enum, value_name = "FEED")]
    feed: Feed,
    /// Whose events of the number, when no space has it
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    instance: InstanceArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Feed {
    /// Meta's webhooks, and events whose ids begin with `wamid.`
    Meta,
    /// Receipts of CAMS, and events whose ids are decimal digits
    Cams,
    /// Events with other ids
    Other,
}

impl Feed {
    const fn family(self) -> IdFamily {
        match self {
            Self::Meta => IdFamily::Meta,
            Self::Cams => IdFamily::Cams,
            Self::Other => IdFamily::Other,
        }
    }
}

pub(super) fn run(command: AdminCommand, terminal: &Terminal) -> Result<(), CliError> {
    let (whose, instance) = match command {
        AdminCommand::SetupToken(arguments) => {
            let whose = TokenFor {
                user: arguments.user,
                account: arguments.account,
                reset: false,
            };
            (whose, arguments.instance)
        }
        AdminCommand::ResetPassword(arguments) => {
            let whose = TokenFor {
                user: Some(arguments.user),
                account: arguments.account,
                reset: true,
            };
            (whose, arguments.instance)
        }
        AdminCommand::OperatorToken(command) => return operator_token::run(command, terminal),
        AdminCommand::SwitchSource(arguments) => return switch_source(arguments, terminal),
        AdminCommand::RotateMasterKey(arguments) => {
            return rotate_master_key::run(&arguments, terminal);
        }
    };
    make_token(whose, &instance, terminal)
}

fn switch_source(arguments: SwitchSourceArguments, terminal: &Terminal) -> Result<(), CliError> {
    let wanted = SourceSwitch {
        number: arguments.number,
        family: arguments.feed.family().as_str().to_owned(),
        account: arguments.account,
    };
    let mut session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
    let switched = match &mut session {
        Session::Server(client) => client
            .switch_source(wanted)
            .map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .switch_source(&wanted)
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    session.close();
    let switched = switched?;
    let before = switched.before.as_deref().unwrap_or("none");
    terminal.say(&format!(
        "number {} of account {}: {before} -> {}",
        switched.number, switched.account, switched.after
    ));
    Ok(())
}

fn make_token(
    whose: TokenFor,
    instance: &InstanceArguments,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let mut session = Session::open(instance, OpenMode::Existing, terminal)?;
    let made = match &mut session {
        Session::Server(client) => client
            .setup_token(whose)
            .map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .setup_token(&whose)
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    session.close();
    let made = made?;
    let until = EpochMs(made.expires_ms);
    terminal.say(&match &made.user {
        Some(user) => format!(
            "a token for user `{user}` of account {}, good once until {until}: open \
             /console/set-password and enter it",
            made.account
        ),
        None => format!(
            "a token for the first user of account {}, good once until {until}: open \
             /console/setup and enter it",
            made.account
        ),
    });
    terminal.data(&format!("{}\n", made.token))
}
