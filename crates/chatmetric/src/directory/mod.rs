//! The directory: accounts, users, keys, policies, spaces, numbers, webhooks.
//!
//! Kept in SQLite (`rows`, `schema`), read from an immutable [`Snapshot`] that is
//! swapped on every change, changed by documents (`document` → `merge` → `diff`),
//! one identity at a time (`identity`) and by numbers that are bound on first
//! sight. Who changed what is in the audit log (`audit`). Calls block on the disk; a
//! server makes changes off its network threads.
//!
//! Invariants: what a call reports is durable before it returns; one change is
//! one transaction; secrets are on disk only under the master key.

mod alerts;
pub mod audit;
mod backup;
mod diff;
mod diff_renames;
mod document;
mod error;
mod export;
mod family;
mod first_start;
mod generate;
mod identity;
mod key_rotation;
pub mod limits;
mod merge;
mod merge_identities;
mod merge_references;
mod merge_webhook;
mod model;
mod number_moves;
mod operator_tokens;
mod prune;
mod quarantine;
mod resources;
mod rows;
mod schema;
mod shared;
mod sign_in;
mod snapshot;
mod state;
mod webhook_changes;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use chatmetric_core::{EpochMs, FingerprintKey, PhoneNumber, SpaceKey};

use crate::entropy::Entropy;
use crate::master_key::{MasterKey, MessageSealer};
use identity::{IdentityIds, KeyUses};
use shared::Database;

pub(crate) use alerts::AlertWrite;
pub(crate) use alerts::of_operator;
pub use alerts::{
    ALERT_NOTE_CHARS_MAX, ALERTS_KEPT_MAX, ALERTS_PAGE_MAX, AcknowledgeError, Acknowledgement,
    Alert, AlertFilter, AlertState,
};
pub use audit::{AuditEntry, AuditFilter};
pub use diff::{Change, ChangeKind};
pub use document::{
    DOCUMENT_BYTES_MAX, Document, DocumentSecrets, Fault, Faults, Format, GatheredSecrets,
    InlineOnly, Place, SystemSecrets,
};
pub use error::{ApplyError, DirectoryError};
pub use export::{Export, ExportError};
pub use family::{IdFamily, IdForm, SwitchError, Switched};
pub use first_start::{FirstStart, FirstStartError};
pub use generate::GeneratedKey;
pub(crate) use generate::{letters_and_digits, session_key_id, token};
pub(crate) use identity::OPERATOR;
pub use identity::{
    AccessKeyInfo, Actor, AttachedPolicyInfo, ChangeIdentitiesError, GroupInfo, IdentityChange,
    IdentityError, IdentityField, IdentityId, IdentityKind, KEY_USE_FLUSH_INTERVAL_MS, LastUse,
    MemberInfo, NewUser, PolicyEntities, PolicyHolder, PolicyInfo, PolicyVersionInfo, RoleChanges,
    RoleInfo, UserChanges, UserInfo, VersionRotation,
};
pub use key_rotation::{KeyRotation, RETIRED_KEYS_MAX};
pub use model::{
    AccessKey, Account, BindOutcome, Binding, CustSpaceId, CustSpaceIdError, GrantUsers, IsvGrant,
    NamedPolicy, Principal, Role, RoleSession, Space, UnknownNumbers, User, Webhook, WebhookKind,
};
pub use operator_tokens::{OperatorScope, OperatorToken, OperatorTokenError};
pub use resources::{
    AccountChanges, NewSpace, ResourceError, ResourceField, ResourceKind, SpaceChanges,
};
pub use shared::{ChangeLog, ProposeError};
pub use sign_in::{
    AGENT_BYTES_MAX, PasswordRecord, SESSIONS_PER_USER_MAX, SetupToken, SignInError, StoredSession,
    TokenRule, USER_TOKEN_VALID_MS,
};
pub use snapshot::{NumberState, Snapshot};
pub use webhook_changes::{NewSecrets, NewWebhook, WebhookChanges, webhook_path};

/// The file of the directory below the data directory.
pub const DIRECTORY_FILE: &str = "directory.sqlite";

/// The directory of one installation. One process at a time may have it open.
pub struct Directory {
    path: PathBuf,
    writer: Mutex<Writer>,
    snapshot: ArcSwap<Snapshot>,
    key_uses: Arc<KeyUses>,
    fingerprint_key: FingerprintKey,
    instance_id: String,
    message_sealer: MessageSealer,
    entropy: Arc<dyn Entropy>,
    /// Until when a token of the first start works; 0 when there is none, or when it
    /// is not needed any more.
    setup_ends_ms: AtomicI64,
    /// Users who may not sign in any more, since somebody asked last.
    signed_out: Mutex<HashSet<IdentityId>>,
    /// All sessions, once another node may have made or ended one, until somebody asks.
    changed_sessions: Mutex<Option<Vec<StoredSession>>>,
}

struct Writer {
    connection: Database,
    master_key: MasterKey,
    /// Keys that sealed before: bodies in the quarantine may need them.
    retired: Vec<MasterKey>,
}

/// What a document that is applied is called in the audit log.
const ACTION_APPLY: &str = "apply";
/// What the first start is called there.
const ACTION_FIRST_START: &str = "first-start";

/// How a document is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Removes what the document does not list: whole accounts, what is below
    /// them, and what their lists leave out. A list that is absent keeps what it has.
    pub prune: bool,
    /// Only says what would change.
    pub dry_run: bool,
}

/// What applying a document did, or would do.
#[derive(Debug)]
pub struct ApplyReport {
    /// The changes in the order in which they are written: what goes, then what
    /// comes or becomes different. Empty when there is nothing to do.
    pub changes: Vec<Change>,
    /// What the document leaves out of a list it gives and what stays because
    /// nothing was pruned. For people.
    pub notes: Vec<String>,
    /// Keys whose secret (or id) was made here. Shown once: nothing gives a
    /// secret back later but an export with secrets. Empty on a dry run.
    pub generated: Vec<GeneratedKey>,
}

impl Directory {
    /// Whether a data directory has a directory file.
    #[must_use]
    pub fn exists(data_dir: &Path) -> bool {
        data_dir.join(DIRECTORY_FILE).exists()
    }

    /// Opens the directory below `data_dir`, made (mode 0700, file 0600) when
    /// it is not there, migrated when it is older.
    ///
    /// # Errors
    /// [`DirectoryError::WrongMasterKey`] before anything is changed;
    /// [`DirectoryError::NewerSchema`]; whatever the disk or SQLite says.
    pub fn open(
        data_dir: &Path,
        master_key: MasterKey,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, DirectoryError> {
        let path = data_dir.join(DIRECTORY_FILE);
        let connection = schema::open(data_dir, &path, &master_key, entropy.as_ref())?;
        let connection = Database::new(connection);
        let fingerprint_key = rows::fingerprint_key(&connection, &master_key)?;
        let instance_id = schema::instance_id(&connection, &master_key)?;
        let snapshot = rows::load_snapshot(&connection, &master_key)?;
        let setup_ends_ms = sign_in::setup_ends_ms(&connection)?;
        let retired = key_rotation::retired_keys(&connection, &master_key)?;
        Ok(Self {
            setup_ends_ms: AtomicI64::new(setup_ends_ms),
            signed_out: Mutex::default(),
            changed_sessions: Mutex::default(),
            path,
            message_sealer: master_key.message_sealer(),
            writer: Mutex::new(Writer {
                connection,
                master_key,
                retired,
            }),
            key_uses: Arc::clone(&snapshot.key_uses),
            snapshot: ArcSwap::from_pointee(snapshot),
            fingerprint_key,
            instance_id,
            entropy,
        })
    }

    /// The directory as it is now. Take one a request.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What seals security tokens and diagnoses under the installation's master key.
    #[must_use]
    pub fn message_sealer(&self) -> &MessageSealer {
        &self.message_sealer
    }

    /// The key of the identities of messages, made with the directory.
    #[must_use]
    pub fn fingerprint_key(&self) -> FingerprintKey {
        self.fingerprint_key.clone()
    }

    /// Binds a number that no space owns to a space, on first sight. Durable
    /// when it returns [`BindOutcome::Bound`]. Whether the space wants that
    /// ([`UnknownNumbers::Auto`]) is the caller's question.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownSpace`], or what SQLite says.
    pub fn bind_number(
        &self,
        space: SpaceKey,
        number: PhoneNumber,
        now: EpochMs,
    ) -> Result<BindOutcome, DirectoryError> {
        let outcomes = self.bind_numbers(space, &[number], now)?;
        Ok(outcomes
            .into_iter()
            .next()
            .unwrap_or(BindOutcome::AlreadyBound))
    }

    /// [`Directory::bind_number`] for several numbers with one write: one
    /// outcome a number, in the given order.
    ///
    /// # Errors
    /// As [`Directory::bind_number`]; then none of them was bound.
    pub fn bind_numbers(
        &self,
        space: SpaceKey,
        numbers: &[PhoneNumber],
        now: EpochMs,
    ) -> Result<Vec<BindOutcome>, DirectoryError> {
        self.bind(space, numbers, now, None)
    }

    /// [`Directory::bind_numbers`] for somebody, who is in the audit log with it.
    ///
    /// # Errors
    /// As [`Directory::bind_number`]; then none of them was bound.
    pub fn bind_numbers_for(
        &self,
        actor: &Actor,
        space: SpaceKey,
        numbers: &[PhoneNumber],
        now: EpochMs,
    ) -> Result<Vec<BindOutcome>, DirectoryError> {
        self.bind(space, numbers, now, Some(actor))
    }

    fn bind(
        &self,
        space: SpaceKey,
        numbers: &[PhoneNumber],
        now: EpochMs,
        by: Option<&Actor>,
    ) -> Result<Vec<BindOutcome>, DirectoryError> {
        self.again(|| self.bind_once(space, numbers, now, by))
    }

    fn bind_once(
        &self,
        space: SpaceKey,
        numbers: &[PhoneNumber],
        now: EpochMs,
        by: Option<&Actor>,
    ) -> Result<Vec<BindOutcome>, DirectoryError> {
        let writer = self.write_newest()?;
        let before = self.snapshot();
        let connection = &writer.connection;
        let (outcomes, bound) = rows::bind(connection, &before, space, numbers, now, by)?;
        if !bound.is_empty() {
            let bindings = before.bindings.with_bound(&bound);
            self.snapshot.store(Arc::new(Snapshot {
                bindings,
                ..Snapshot::clone(&before)
            }));
        }
        Ok(outcomes)
    }

    /// Brings the directory to what the document says: one transaction, all of
    /// it or nothing, visible to the next [`Directory::snapshot`].
    ///
    /// # Errors
    /// [`ApplyError::Faults`] with everything that is wrong with the document
    /// here; [`ApplyError::Directory`] for the disk.
    pub fn apply(
        &self,
        document: &Document,
        options: ApplyOptions,
        now: EpochMs,
    ) -> Result<ApplyReport, ApplyError> {
        self.again(|| self.apply_once(document, options, now))
    }

    fn apply_once(
        &self,
        document: &Document,
        options: ApplyOptions,
        now: EpochMs,
    ) -> Result<ApplyReport, ApplyError> {
        let mut writer = self.write_newest()?;
        let Writer {
            connection,
            master_key,
            ..
        } = &mut *writer;
        let old = rows::load_state(connection, master_key)?;
        let mut ids = IdentityIds::new(connection, self.entropy.as_ref());
        let merged = merge::merge(&old, document, options.prune, &mut ids)?;
        let mut changes = diff::diff(&old, &merged.state);
        if options.dry_run {
            // Nothing keeps the ids that were made for this run.
            changes
                .iter_mut()
                .for_each(|change| change.hide_made_ids(&merged.generated));
            return Ok(ApplyReport {
                changes,
                notes: merged.notes,
                generated: Vec::new(),
            });
        }
        if !changes.is_empty() {
            let write = rows::Write {
                actor: &Actor::operator(ACTION_APPLY),
                master_key,
                entropy: self.entropy.as_ref(),
                now,
            };
            let entries = audit::apply_entries(ACTION_APPLY, &changes, &old, &merged.state);
            let state = &merged.state;
            self.publish(rows::write_changes(
                connection, &write, state, &changes, entries,
            )?);
        }
        Ok(ApplyReport {
            changes,
            notes: merged.notes,
            generated: merged.generated,
        })
    }

    /// The directory as a document, in a stable order. With secrets, applying
    /// it to this directory changes nothing and to an empty one makes its copy.
    ///
    /// # Errors
    /// What SQLite says, or a secret that does not open.
    pub fn export(&self, with_secrets: bool) -> Result<Export, DirectoryError> {
        let writer = self.write();
        let state = rows::load_state(&writer.connection, &writer.master_key)?;
        Ok(Export::new(&state, with_secrets))
    }

    /// Makes the first account of an empty directory: a generated id, the name
    /// `default`, one owner AccessKey and a one-time console setup token.
    ///
    /// `keep` must store the secrets durably; it is called before the account is
    /// committed, so that a crash in between leaves an empty directory and not
    /// one whose keys nobody knows. `None` when there is an account already.
    ///
    /// # Errors
    /// [`FirstStartError::Keep`] with what `keep` said; the directory then
    /// stays empty.
    pub fn first_start<E>(
        &self,
        now: EpochMs,
        keep: impl FnOnce(&FirstStart) -> Result<(), E>,
    ) -> Result<Option<FirstStart>, FirstStartError<E>> {
        let mut writer = self.write_newest()?;
        let Writer {
            connection,
            master_key,
            ..
        } = &mut *writer;
        if !self.snapshot().is_empty() {
            return Ok(None);
        }
        let first = FirstStart::generate(self.entropy.as_ref())?;
        keep(&first).map_err(FirstStartError::Keep)?;
        let state = first.state();
        let old = state::State::default();
        let changes = diff::diff(&old, &state);
        let write = rows::Write {
            actor: &Actor::operator(ACTION_FIRST_START),
            master_key,
            entropy: self.entropy.as_ref(),
            now,
        };
        let entries = audit::apply_entries(ACTION_FIRST_START, &changes, &old, &state);
        self.publish(rows::write_first_start(
            connection, &write, &state, &changes, entries, &first,
        )?);
        self.note_setup(connection)?;
        Ok(Some(first))
    }

    /// Whether this is the console setup token that was made last and not used.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_setup_token(&self, token: &str) -> Result<bool, DirectoryError> {
        rows::is_setup_token(&self.write().connection, token)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The users who were kept from the console since the last call of this, by
    /// whatever change, a reset of the password among them. Their sessions are not in the directory any more.
    #[must_use]
    pub fn take_signed_out(&self) -> HashSet<IdentityId> {
        std::mem::take(&mut *self.signed_out())
    }

    /// Sessions of the user, if there are any in memory, are over.
    fn note_signed_out(&self, user: &IdentityId) {
        self.signed_out().insert(user.clone());
    }

    fn signed_out(&self) -> MutexGuard<'_, HashSet<IdentityId>> {
        // A set of ids is sound behind a poisoned lock.
        self.signed_out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a change that is durable to the readers.
    fn publish(&self, snapshot: Snapshot) {
        let before = self.snapshot();
        let users = before
            .accounts()
            .flat_map(|account| before.users(account.key));
        let may = |id: &IdentityId| {
            snapshot
                .user_by_id(id)
                .is_some_and(|(_, user)| user.console)
        };
        let out = users.filter(|user| user.console && !may(&user.id));
        let out: Vec<_> = out.map(|user| user.id.clone()).collect();
        self.signed_out().extend(out);
        let key_uses = Arc::clone(&self.key_uses);
        self.snapshot.store(Arc::new(Snapshot {
            key_uses,
            ..snapshot
        }));
    }

    /// The writer, with what other nodes changed as far as it came in.
    fn write(&self) -> MutexGuard<'_, Writer> {
        let mut writer = self.lock();
        if let Err(error) = self.take_in(&mut writer) {
            tracing::error!(%error, "changes of other nodes cannot be taken in");
        }
        writer
    }

    /// The writer, with all that any node changed before this call.
    fn write_newest(&self) -> Result<MutexGuard<'_, Writer>, DirectoryError> {
        let mut writer = self.lock();
        writer.connection.refresh()?;
        self.take_in(&mut writer)?;
        Ok(writer)
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        // A panic in a writer drops its transaction, which rolls back, and the
        // snapshot is only swapped after a commit: the state behind a poisoned
        // lock is sound.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
