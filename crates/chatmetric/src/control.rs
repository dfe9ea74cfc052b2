//! The control socket: how commands reach a running server.
//!
//! A UNIX socket below the data directory, mode 0600 in a directory of mode
//! 0700: whoever may open it may read the data anyway. This file has what commands ask
//! for ([`Operator`]), which both sides of the socket use and so do commands that work
//! without a server; then `wire`, `server`, `client`, and what is longer. Not here: what
//! `apply`, `import`, `verify` or `export` mean.

mod audit;
mod backup;
mod client;
mod cluster;
mod import;
mod operator_token;
mod server;
mod source;
mod tallies;
mod token;
mod wire;

pub use audit::{LogPage, LoggedChange};
pub use client::{ControlClient, ControlError};
pub use cluster::{ClusterReport, ClusterTask, MemberReport, ReplicaReport};
pub(crate) use import::WireEvent;
pub use import::{CHUNK_EVENTS_MAX, RemoteLoader};
pub use operator_token::{TOKEN_DAYS_MAX, TokenInfo, TokenTask, TokenTaskDone};
pub use server::{CONNECTIONS_MAX, ControlServer};
pub use source::{SourceSwitch, SwitchedSource};
pub use tallies::{Span, TallyPage, TallyPlace, TallyQuery, TallyRow};
pub use token::{MadeToken, TokenFor};
pub use wire::{MESSAGE_BYTES_MAX, SOCKET_FILE};

use crate::backup::BackupStatus;
use crate::clock::Clock;
use crate::directory::{
    Actor, ApplyError, ApplyOptions, Directory, Document, DocumentSecrets, Format,
};
use crate::ingest::claim::claim_held;
use crate::ingest::file::{LoadError, Loader};
use crate::ingest::stream::Streams;
use crate::operator::{self, Desk, OperatorCall, OperatorError, OperatorReply};
use crate::server::Peers;
use chatmetric_store::{Store, StoreError, VerifyReport};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What to do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyFlags {
    /// Remove what the document does not list.
    pub prune: bool,
    /// Only say what would change.
    pub dry_run: bool,
}

/// A key that was made, with its secret: shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeKey {
    /// The account's id.
    pub account: String,
    /// The RAM user; `None` for the owner.
    pub user: Option<String>,
    /// The key's id.
    pub id: String,
    /// Its secret, where that was made too.
    pub secret: Option<String>,
}

impl std::fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeKey({}, redacted)", self.id)
    }
}

/// What applying a document did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The changes, one a line, each with its sign.
    pub changes: Vec<String>,
    /// For people.
    pub notes: Vec<String>,
    /// Keys that were made.
    pub made_keys: Vec<MadeKey>,
}

/// What `verify` looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Records read.
    pub records: u64,
    /// Day blocks recomputed and compared.
    pub day_blocks: u64,
    /// Files whose checksums were read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl From<VerifyReport> for Verified {
    fn from(report: VerifyReport) -> Self {
        Self {
            records: report.records,
            day_blocks: report.day_blocks,
            files: report.files,
            bytes: report.bytes,
        }
    }
}

/// Something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Why.
    pub message: String,
    /// Whether the caller's input is wrong (a document with faults), not the
    /// instance.
    pub is_usage: bool,
}

impl Refusal {
    fn failed(error: &dyn std::error::Error) -> Self {
        Self {
            message: crate::cli::error_chain(error),
            is_usage: false,
        }
    }

    fn usage(error: &dyn std::error::Error) -> Self {
        Self {
            message: crate::cli::error_chain(error),
            is_usage: true,
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::UnknownSpace { .. } => Self::usage(&error),
            LoadError::Bind(_) | LoadError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::failed(&error)
    }
}

/// Does what commands ask, in the process that has the instance open.
#[derive(Clone)]
pub struct Operator {
    /// Accounts, keys, spaces, webhooks.
    pub directory: Arc<Directory>,
    /// Events and tallies.
    pub store: Arc<dyn Store>,
    /// Times.
    pub clock: Arc<dyn Clock>,
    /// What is known of backups.
    pub backups: Arc<BackupStatus>,
    /// How the streams go.
    pub streams: Arc<Streams>,
    /// The other nodes of a cluster.
    pub peers: Option<Arc<dyn Peers>>,
}

impl Operator {
    /// Brings the directory to what the document says, and counts what was held
    /// for numbers that it claims before it answers: else the next document could
    /// move such a number first and take what was held along.
    ///
    /// # Errors
    /// [`Refusal`]: the document's faults, or the disk's.
    pub fn apply(
        &self,
        text: &str,
        format: Format,
        secrets: &dyn DocumentSecrets,
        flags: ApplyFlags,
    ) -> Result<Applied, Refusal> {
        let document =
            Document::parse(text, format, secrets).map_err(|faults| Refusal::usage(&faults))?;
        let options = ApplyOptions {
            prune: flags.prune,
            dry_run: flags.dry_run,
        };
        let report = self.directory.apply(&document, options, self.clock.now());
        let report = report.map_err(|error| match &error {
            ApplyError::Faults(faults) => Refusal::usage(faults),
            ApplyError::Directory(_) => Refusal::failed(&error),
        })?;
        if !flags.dry_run
            && let Err(error) = claim_held(self.store.as_ref(), &self.directory.snapshot())
        {
            // The document stands all the same; a server goes on with the claims.
            tracing::warn!(%error, "could not claim held events; a running server tries again");
        }
        let made_keys = report.generated.iter().map(|key| MadeKey {
            account: key.account.to_string(),
            user: key.user.clone(),
            id: key.id.to_string(),
            secret: key
                .secret
                .as_ref()
                .map(|secret| secret.expose_text().into_owned()),
        });
        Ok(Applied {
            made_keys: made_keys.collect(),
            changes: report.changes.iter().map(ToString::to_string).collect(),
            notes: report.notes,
        })
    }

    /// The directory as a document.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn export(&self, format: Format, with_secrets: bool) -> Result<String, Refusal> {
        let export = self
            .directory
            .export(with_secrets)
            .map_err(|error| Refusal::failed(&error))?;
        let text = match format {
            Format::Toml => export.to_toml(),
            Format::Json => export.to_json(),
        };
        Ok(text.map_err(|error| Refusal::failed(&error))?.to_string())
    }

    /// A page of the audit log, the newest entry first.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn audit_log(&self, page: LogPage) -> Result<Vec<LoggedChange>, Refusal> {
        audit::page(&self.directory, page)
    }

    /// Makes a one-time token for the console.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such user.
    pub fn setup_token(&self, whose: &TokenFor) -> Result<MadeToken, Refusal> {
        token::make(&self.directory, whose, self.clock.now())
    }

    /// Lets another feed count for a number from now on.
    ///
    /// # Errors
    /// [`Refusal`] when nobody has the number and no account is named.
    pub fn switch_source(&self, wanted: &SourceSwitch) -> Result<SwitchedSource, Refusal> {
        source::switch(&self.directory, wanted, self.clock.now())
    }

    /// Checks every checksum and recomputes the tallies.
    ///
    /// # Errors
    /// [`Refusal`] with the first difference.
    pub fn verify(&self) -> Result<Verified, Refusal> {
        Ok(self.store.verify()?.into())
    }

    /// Makes, lists or revokes tokens of the operator API.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn operator_token(&self, task: &TokenTask) -> Result<TokenTaskDone, Refusal> {
        operator_token::run(&self.directory, task, self.clock.now())
    }

    /// Does what a call of the operator says.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn call(&self, call: &OperatorCall) -> Result<OperatorReply, Refusal> {
        let desk = Desk {
            directory: &self.directory,
            store: &self.store,
            clock: &self.clock,
            actor: Actor::operator("operator"),
        };
        operator::call(&desk, call).map_err(|error| {
            let is_usage = error.field().is_some();
            match &error {
                // Whoever reaches the socket may read the log, and this is where it would be.
                OperatorError::Failed(source) => Refusal::failed(source.as_ref()),
                OperatorError::NoSuchCall
                | OperatorError::NotFound(_)
                | OperatorError::Invalid { .. }
                | OperatorError::Conflict(_)
                | OperatorError::Unavailable => Refusal {
                    message: error.to_string(),
                    is_usage,
                },
            }
        })
    }

    /// The zone that cuts the days of a space.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such space.
    pub fn zone(&self, space: &str) -> Result<String, Refusal> {
        tallies::zone(&self.directory, space)
    }

    /// A page of the tallies of a space, from a place on that the page before told.
    ///
    /// # Errors
    /// [`Refusal`] for a space, number or range that is not there, or tallies that cannot
    /// be read.
    pub fn tallies(
        &self,
        query: &TallyQuery,
        from: Option<&TallyPlace>,
    ) -> Result<TallyPage, Refusal> {
        tallies::page(&self.directory, self.store.as_ref(), query, from)
    }

    /// Starts to load events into a space.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such space.
    pub fn loader(&self, space: &str) -> Result<Loader, Refusal> {
        let (directory, store) = (Arc::clone(&self.directory), Arc::clone(&self.store));
        Ok(Loader::new(
            directory,
            store,
            Arc::clone(&self.clock),
            space,
        )?)
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").finish_non_exhaustive()
    }
}
