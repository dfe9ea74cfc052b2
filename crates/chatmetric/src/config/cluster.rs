//! `[cluster]`: this process is one of several, with NATS JetStream between them.
//!
//! Not here: what a node does (`chatmetric-cluster`), and what only the servers know, as
//! how many there are. Invariants: without `nats_urls` there is no cluster and nothing
//! else of the section may be set; a setting elsewhere that a cluster cannot honour is a
//! fault of its own key, never passed over.

use super::Settings;
use super::streams::{NATS_SERVERS_MAX, check_url, secret};
use crate::tls::CaFile;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Longest name of a node or a cluster, in bytes.
pub const CLUSTER_NAME_BYTES_MAX: usize = 32;
/// Most partitions.
pub const CLUSTER_PARTITIONS_MAX: u16 = 1_024;
/// Copies of the log below which a power cut can lose what was acknowledged.
pub const CLUSTER_REPLICAS_DURABLE: usize = 3;
/// Most nodes that count the same partition.
pub const CLUSTER_TALLY_REPLICAS_MAX: usize = 16;

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClusterRole {
    /// Takes webhooks.
    Ingest,
    /// Counts partitions and answers for them.
    Tally,
    /// Answers the API and the console.
    Api,
}

impl ClusterRole {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Tally, Self::Api];

    /// As it is written in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Tally => "tally",
            Self::Api => "api",
        }
    }
}

impl fmt::Display for ClusterRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ClusterRole {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or("known are `ingest`, `tally` and `api`")
    }
}

/// `[cluster]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The servers, `nats://HOST:PORT` or `tls://HOST:PORT`; empty for no cluster.
    pub nats_urls: Vec<String>,
    /// A credentials file of NATS: a JWT and the seed of its key.
    pub credentials_file: Option<PathBuf>,
    /// The CA of the servers, PEM.
    pub tls_ca_file: Option<PathBuf>,
    /// Credentials of the system account of NATS, which may ask servers how they sync.
    pub system_credentials_file: Option<PathBuf>,
    /// The name of this node, the only one of its name.
    pub node: String,
    /// The name of the cluster: all names on the servers begin with it.
    pub name: String,
    /// What this node does.
    pub role: Vec<ClusterRole>,
    /// Copies of every entry on the servers.
    pub replicas: usize,
    /// How many nodes count each partition.
    pub tally_replicas: usize,
    /// Parts of the log; a number is always in the same. Fixed when the cluster is made.
    pub partitions: u16,
    /// The operator says that the servers sync before they acknowledge, where they cannot
    /// be asked.
    pub servers_sync_always: bool,
    /// Starts also where a power cut could lose what was acknowledged.
    pub allow_weak_durability: bool,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            nats_urls: Vec::new(),
            credentials_file: None,
            tls_ca_file: None,
            system_credentials_file: None,
            node: String::new(),
            name: "chatmetric".to_owned(),
            role: ClusterRole::ALL.to_vec(),
            replicas: CLUSTER_REPLICAS_DURABLE,
            tally_replicas: 2,
            partitions: 16,
            servers_sync_always: false,
            allow_weak_durability: false,
        }
    }
}

impl ClusterSettings {
    /// Whether this process is a node of a cluster.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.nats_urls.is_empty()
    }

    /// Whether the node does this.
    #[must_use]
    pub fn does(&self, role: ClusterRole) -> bool {
        self.role.contains(&role)
    }

    fn validate_servers(&self, fault: &mut impl FnMut(&str, String)) {
        if !self.is_on() && *self != Self::default() {
            let message = "is missing: `[cluster]` is set, and a cluster needs servers of NATS";
            fault("cluster.nats_urls", message.to_owned());
        }
        if self.is_on() && !cfg!(feature = "nats") {
            let message = "this program was built without the feature `nats`";
            fault("cluster.nats_urls", message.to_owned());
        }
        if self.nats_urls.len() > NATS_SERVERS_MAX {
            let message = format!("must be at most {NATS_SERVERS_MAX} servers");
            fault("cluster.nats_urls", message);
        }
        for url in &self.nats_urls {
            if let Err(message) = check_url(url) {
                fault("cluster.nats_urls", message);
            }
        }
        let files = [
            ("cluster.credentials_file", &self.credentials_file),
            (
                "cluster.system_credentials_file",
                &self.system_credentials_file,
            ),
        ];
        for (key, path) in files {
            if let Some(Err(message)) = path.as_deref().map(secret) {
                fault(key, message);
            }
        }
        if let Some(Err(error)) = self.tls_ca_file.as_deref().map(CaFile::read) {
            fault("cluster.tls_ca_file", crate::cli::error_chain(&error));
        }
    }

    fn validate_shape(&self, fault: &mut impl FnMut(&str, String)) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_name = |name: &str| {
            (1..=CLUSTER_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
        };
        let rule = format!("must be 1 to {CLUSTER_NAME_BYTES_MAX} letters, digits, `-` or `_`");
        if self.is_on() && self.node.is_empty() {
            let message = "is missing: each node has a name of its own, and keeps it";
            fault("cluster.node", message.to_owned());
        } else if !self.node.is_empty() && !is_name(&self.node) {
            fault("cluster.node", rule.clone());
        }
        if !is_name(&self.name) {
            fault("cluster.name", rule);
        }
        if self.role.is_empty() {
            let message = "must name what the node does: `ingest`, `tally`, `api`";
            fault("cluster.role", message.to_owned());
        }
        let mut seen = Vec::new();
        for role in &self.role {
            if seen.contains(role) {
                fault("cluster.role", format!("`{role}` is there twice"));
            }
            seen.push(*role);
        }
        if !(1..=5).contains(&self.replicas) {
            fault("cluster.replicas", "must be from 1 to 5".to_owned());
        } else if self.replicas < CLUSTER_REPLICAS_DURABLE && !self.allow_weak_durability {
            let message = format!(
                "`{}` copies can lose acknowledged events with one machine: at least \
                 {CLUSTER_REPLICAS_DURABLE}, or `allow_weak_durability = true`",
                self.replicas
            );
            fault("cluster.replicas", message);
        }
        if !(1..=CLUSTER_TALLY_REPLICAS_MAX).contains(&self.tally_replicas) {
            let message = format!("must be from 1 to {CLUSTER_TALLY_REPLICAS_MAX}");
            fault("cluster.tally_replicas", message);
        }
        if !(1..=CLUSTER_PARTITIONS_MAX).contains(&self.partitions) {
            let message = format!("must be from 1 to {CLUSTER_PARTITIONS_MAX}");
            fault("cluster.partitions", message);
        }
    }
}

/// Everything that is wrong with the section, and with others because of it.
pub(super) fn validate(settings: &Settings, fault: &mut impl FnMut(&str, String)) {
    let cluster = &settings.cluster;
    cluster.validate_servers(fault);
    cluster.validate_shape(fault);
    if !cluster.is_on() {
        return;
    }
    if !settings.streams.is_empty() {
        let message = "cannot be read by a node of a cluster: every node would read all of it. \
                       Read it with an instance without `[cluster]`, or post its events to a \
                       webhook";
        fault("stream[0]", message.to_owned());
    }
    if settings.backup.dir.is_some() {
        let message = "cannot be set with `[cluster]`: a node has only its partitions. \
                       `chatmetric cluster snapshot` makes a copy of all of them on the servers";
        fault("backup.dir", message.to_owned());
    }
}

#[cfg(test)]
mod tests;
