//! `chatmetric webhook`: where senders post, and the secrets that guard it.

use super::reach::{ReachArguments, secret_of};
use super::show::{self, Column, OfAccounts};
use crate::cli::text_table::Align;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

const COLUMNS: &[Column] = &[
    ("id", "WEBHOOK", Align::Left),
    ("account", "ACCOUNT", Align::Left),
    ("kind", "KIND", Align::Left),
    ("space", "SPACE", Align::Left),
    ("received", "RECEIVED", Align::Right),
    ("path", "PATH", Align::Left),
];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WebhookCommand {
    /// List the webhooks
    #[command(after_help = "Example:\n  chatmetric webhook list")]
    List(OfAccounts),
    /// Make a webhook; prints its path and the token that is made for it, once
    #[command(
        after_help = "Examples:\n  chatmetric webhook create acme-wa --account 1000000000000001 --kind whatsapp \\\n      --app-secret-file app-secret.txt\n  chatmetric webhook create acme-cams --account 1000000000000001 --kind cams"
    )]
    Create {
        /// Its id, a part of the path
        #[arg(value_name = "WEBHOOK")]
        webhook: String,
        /// Whose it is
        #[arg(long, value_name = "ID")]
        account: String,
        /// Who posts
        #[arg(long, value_enum, value_name = "KIND")]
        kind: Kind,
        /// The space of its events [default: whichever space of the account has the number]
        #[arg(long, value_name = "ID")]
        space: Option<String>,
        /// The file with the app secret of Meta's app; `-` is stdin
        #[arg(long, value_name = "FILE")]
        app_secret_file: Option<PathBuf>,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Exchange secrets of a webhook
    #[command(
        after_help = "App secrets overlap: add the new one, switch Meta's app, then drop the old one.\nA token of receipts or events ends at once.\n\nExamples:\n  chatmetric webhook rotate acme-wa --app-secret-file new.txt\n  chatmetric webhook rotate acme-wa --drop-old\n  chatmetric webhook rotate acme-cams --token"
    )]
    Rotate {
        /// Its id
        #[arg(value_name = "WEBHOOK")]
        webhook: String,
        /// The file with the new app secret; `-` is stdin
        #[arg(long, value_name = "FILE")]
        app_secret_file: Option<PathBuf>,
        /// Drop the older one of two app secrets
        #[arg(long)]
        drop_old: bool,
        /// Make another verify token, which is printed once
        #[arg(long)]
        verify_token: bool,
        /// Make another token, which is printed once
        #[arg(long)]
        token: bool,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Take a webhook away; what it counted stays
    #[command(after_help = "Example:\n  chatmetric webhook delete acme-wa")]
    Delete {
        /// Its id
        #[arg(value_name = "WEBHOOK")]
        webhook: String,
        #[command(flatten)]
        reach: ReachArguments,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Kind {
    /// Meta
    Whatsapp,
    /// Receipts of CAMS
    Cams,
    /// CloudEvents and NDJSON
    Events,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Cams => "cams",
            Self::Events => "events",
        }
    }
}

pub(in crate::cli) fn run(command: WebhookCommand, terminal: &Terminal) -> Result<(), CliError> {
    let app_secret = |file: Option<PathBuf>| {
        let read = file.map(|file| secret_of(&file, "--app-secret-file"));
        read.transpose()
    };
    match command {
        WebhookCommand::List(of) => {
            let call = OperatorCall::new(Verb::Get, &["webhooks"]);
            of.run(call, ("webhooks", COLUMNS), terminal)
        }
        WebhookCommand::Create {
            webhook,
            account,
            kind,
            space,
            app_secret_file,
            reach,
        } => {
            let body = json!({
                "id": webhook,
                "account": account,
                "kind": kind.word(),
                "space": space,
                "appSecret": app_secret(app_secret_file)?,
            });
            let call = OperatorCall::new(Verb::Post, &["webhooks"]).with_body(body);
            show::run_one(&reach, call, terminal)
        }
        WebhookCommand::Rotate {
            webhook,
            app_secret_file,
            drop_old,
            verify_token,
            token,
            reach,
        } => {
            if app_secret_file.is_none() && !drop_old && !verify_token && !token {
                return Err(CliError::usage("nothing is to be exchanged").hint(
                    "say what: `--app-secret-file`, `--drop-old`, `--verify-token` or `--token`",
                ));
            }
            let body = json!({
                "addAppSecret": app_secret(app_secret_file)?,
                "dropOldAppSecret": drop_old,
                "newVerifyToken": verify_token,
                "newToken": token,
            });
            let call = OperatorCall::new(Verb::Patch, &["webhooks", &webhook]);
            show::run_one(&reach, call.with_body(body), terminal)
        }
        WebhookCommand::Delete { webhook, reach } => {
            let call = OperatorCall::new(Verb::Delete, &["webhooks", &webhook]);
            show::run_one(&reach, call, terminal)
        }
    }
}
