//! What a signed-in user may do: RAM's answer, on every call, from the policies that
//! the user has now.
//!
//! Not here: operations of the RPC API, which are judged by the API itself (`call`).
//! Invariant: without an Allow the answer is no, and a refusal says which statement is
//! missing.

use super::ask::Ask;
use super::error::{ConsoleError, Denied};
use super::session::{self, Found};
use crate::api::action::Action;
use crate::directory::{Account, Actor, Principal, Snapshot, User};
use crate::server::App;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::ram::{AttachedPolicy, Context, Decision, Permission, evaluate};
use std::sync::Arc;

/// A right for what the RPC API has no operation for, or for counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    ReadCounts,
    ReadDirectory,
    ChangeNumbers,
    ChangeSpaces,
    ChangeWebhooks,
    ChangeGrants,
    ReadIngest,
    OpenQuarantine,
    ReplayQuarantine,
    ImportEvents,
    ReadAudit,
    ReadAlerts,
    AcknowledgeAlerts,
    ReadSystem,
    ManageAccounts,
}

impl Right {
    /// All of them.
    const ALL: [Self; 15] = [
        Self::ReadCounts,
        Self::ReadDirectory,
        Self::ChangeNumbers,
        Self::ChangeSpaces,
        Self::ChangeWebhooks,
        Self::ChangeGrants,
        Self::ReadIngest,
        Self::OpenQuarantine,
        Self::ReplayQuarantine,
        Self::ImportEvents,
        Self::ReadAudit,
        Self::ReadAlerts,
        Self::AcknowledgeAlerts,
        Self::ReadSystem,
        Self::ManageAccounts,
    ];

    /// As policies write it.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::ReadCounts => "cams:GetChatappPhoneNumberMetric",
            Self::ReadDirectory => "chatmetric:ReadDirectory",
            Self::ChangeNumbers => "chatmetric:ChangeNumbers",
            Self::ChangeSpaces => "chatmetric:ChangeSpaces",
            Self::ChangeWebhooks => "chatmetric:ChangeWebhooks",
            Self::ChangeGrants => "chatmetric:ChangeGrants",
            Self::ReadIngest => "chatmetric:ReadIngest",
            Self::OpenQuarantine => "chatmetric:OpenQuarantine",
            Self::ReplayQuarantine => "chatmetric:ReplayQuarantine",
            Self::ImportEvents => "chatmetric:ImportEvents",
            Self::ReadAudit => "chatmetric:ReadAudit",
            Self::ReadAlerts => "chatmetric:ReadAlerts",
            Self::AcknowledgeAlerts => "chatmetric:AcknowledgeAlerts",
            Self::ReadSystem => "chatmetric:ReadSystem",
            Self::ManageAccounts => "chatmetric:ManageAccounts",
        }
    }

    /// Whether users of the operator's account alone can have it.
    const fn is_operators(self) -> bool {
        match self {
            Self::ReadSystem | Self::ManageAccounts => true,
            Self::ReadCounts
            | Self::ReadDirectory
            | Self::ChangeNumbers
            | Self::ChangeSpaces
            | Self::ChangeWebhooks
            | Self::ChangeGrants
            | Self::ReadIngest
            | Self::OpenQuarantine
            | Self::ReplayQuarantine
            | Self::ImportEvents
            | Self::ReadAudit
            | Self::ReadAlerts
            | Self::AcknowledgeAlerts => false,
        }
    }
}

/// Everything in an account, for an action.
fn everything(action: &str, account: &Account) -> String {
    let product = action.split_once(':').map_or("*", |(product, _)| product);
    format!("acs:{product}:*:{}:*", account.id)
}

/// A signed-in user with the directory as it is for this call.
pub(super) struct SignedIn {
    pub(super) hash: [u8; 32],
    pub(super) account: Arc<Account>,
    pub(super) user: Arc<User>,
    pub(super) snapshot: Arc<Snapshot>,
    context: Context,
}

impl SignedIn {
    /// Who sends the call.
    ///
    /// # Errors
    /// [`ConsoleError::NotSignedIn`]
    pub(super) fn of(ask: &Ask<'_>) -> Result<Self, ConsoleError> {
        let snapshot = ask.snapshot();
        let now = ask.now();
        let hash = session::presented(ask).ok_or(ConsoleError::NotSignedIn)?;
        let sessions = &ask.app.console.sessions;
        sessions.forget_signed_out(&ask.app.directory);
        let found = sessions.find(hash, &snapshot, now.0);
        let Found {
            hash,
            account,
            user,
        } = found.ok_or(ConsoleError::NotSignedIn)?;
        let mut context = Context::new();
        context.set("acs:SourceIp", ask.caller.ip.to_canonical().to_string());
        context.set("acs:SecureTransport", ask.caller.tls.to_string());
        if let Some(now) = format_utc_seconds(now.0.div_euclid(1_000)) {
            context.set("acs:CurrentTime", now);
        }
        Ok(Self {
            hash,
            account,
            user,
            snapshot,
            context,
        })
    }

    /// What is known of the call, for conditions of policies.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    pub(super) fn principal(&self) -> Principal {
        Principal::User(Arc::clone(&self.user))
    }

    /// For the audit log: the user, and the session by what pages know of it.
    pub(super) fn actor(&self, ask: &Ask<'_>) -> Actor {
        Actor {
            account: Some(self.account.id.clone()),
            name: format!("console/{}", self.user.name),
            source_ip: Some(ask.caller.ip),
            request_id: Some(ask.ids.request.to_string()),
            access_key_id: None,
        }
    }

    /// Whether the account operates the installation.
    pub(super) fn is_operator(&self, app: &App) -> bool {
        app.console.operator.as_ref() == Some(&self.account.id)
    }

    /// Refuses a user without this right in the own account.
    ///
    /// # Errors
    /// [`ConsoleError::Denied`]; [`ConsoleError::NotFound`] for what is the operator's.
    pub(super) fn require(&self, ask: &Ask<'_>, right: Right) -> Result<(), ConsoleError> {
        if right.is_operators() && !self.is_operator(ask.app) {
            return Err(ConsoleError::NotFound);
        }
        let resource = everything(right.action(), &self.account);
        self.require_on(right.action(), &resource)
    }

    /// Refuses a user that has none of these rights.
    ///
    /// # Errors
    /// The refusal of the first.
    pub(super) fn require_any(
        &self,
        ask: &Ask<'_>,
        first: Right,
        other: Right,
    ) -> Result<(), ConsoleError> {
        self.require(ask, first)
            .or_else(|refusal| self.require(ask, other).map_err(|_| refusal))
    }

    /// Refuses a user without this right on this.
    ///
    /// # Errors
    /// [`ConsoleError::Denied`]
    pub(super) fn require_on(&self, action: &str, resource: &str) -> Result<(), ConsoleError> {
        let is_explicit = match self.decide(action, resource) {
            Decision::Allow { .. } => return Ok(()),
            Decision::ExplicitDeny { .. } => true,
            Decision::ImplicitDeny { .. } => false,
        };
        let denied = Denied::new(action, resource, is_explicit);
        Err(ConsoleError::Denied(Box::new(denied)))
    }

    fn decide(&self, action: &str, resource: &str) -> Decision {
        let permission = Permission { action, resource };
        let policies = attached(&self.user);
        evaluate(permission, &self.context, &policies, None)
    }

    /// Refuses an account that may not ask for counts, as the API does.
    ///
    /// # Errors
    /// [`ConsoleError::Unsubscribed`]
    pub(super) fn require_subscription(&self) -> Result<(), ConsoleError> {
        if self.account.subscribed {
            Ok(())
        } else {
            Err(ConsoleError::Unsubscribed)
        }
    }

    /// The actions that are allowed on everything, for showing and hiding.
    pub(super) fn rights(&self, app: &App) -> Vec<&'static str> {
        let is_operator = self.is_operator(app);
        let own = Right::ALL.into_iter();
        let own = own
            .filter(|right| is_operator || !right.is_operators())
            .map(Right::action);
        let api = Action::all().filter_map(|action| action.spec().ram_action);
        let mut rights: Vec<_> = own
            .chain(api)
            .filter(|action| {
                let resource = everything(action, &self.account);
                self.decide(action, &resource).is_allowed()
            })
            .collect();
        rights.sort_unstable();
        rights.dedup();
        rights
    }
}

/// The policies of a user, as they are evaluated.
pub(super) fn attached(user: &User) -> Vec<AttachedPolicy<'_>> {
    let policies = user.policies.iter().map(|named| AttachedPolicy {
        name: &named.name,
        policy: &named.policy,
    });
    policies.collect()
}
