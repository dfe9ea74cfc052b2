//! What an operator says about a cluster, and the limits of this crate.
//!
//! Not here: reading it from a file. Invariant: [`Settings::check`] names everything that is
//! wrong at once; what it lets through has partitions, a member name and a subject prefix
//! that the servers take.

use crate::error::ClusterError;
use crate::partition::{PARTITIONS_MAX, Partitions};
use chatmetric_store::Options;
use std::path::PathBuf;
use std::time::Duration;

/// Copies of every entry, if nothing else is said, and the fewest that are durable.
pub const REPLICAS_DEFAULT: usize = 3;
/// Partitions of a new cluster, if nothing else is said.
pub const PARTITIONS_DEFAULT: u16 = 16;
/// The shortest time for which logs keep their entries.
pub const RETENTION_MIN: Duration = Duration::from_secs(8 * 24 * 60 * 60);
/// Longest name of a member or prefix, in bytes.
pub const NAME_BYTES_MAX: usize = 32;

/// Settings of a member of a cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `nats://host:port`, at least one.
    pub urls: Vec<String>,
    /// A file of credentials (a JWT and its seed).
    pub credentials_file: Option<PathBuf>,
    /// A CA that is trusted beside those of the machine.
    pub tls_ca_file: Option<PathBuf>,
    /// Whether a connection without TLS is refused.
    pub tls_required: bool,
    /// Copies of every entry on the servers.
    pub replicas: usize,
    /// Partitions; those of a cluster that is there must be as many.
    pub partitions: u16,
    /// What all names on the servers begin with.
    pub prefix: String,
    /// The name of this member, the only one of its name.
    pub member: String,
    /// How many members fold a partition.
    pub tally_replicas: usize,
    /// Where the replicas of this member are kept.
    pub dir: PathBuf,
    /// The settings of each replica's store; `shards` is 1 whatever is said.
    pub store: Options,
    /// Whether weak settings of the servers are a warning alone.
    pub allow_weak_durability: bool,
    /// Credentials of the system account, which alone may ask the servers whether they sync
    /// before they acknowledge.
    pub system_credentials_file: Option<PathBuf>,
    /// User and password of the system account, where it has no credentials.
    pub system_user: Option<(String, String)>,
    /// The operator says that every server has `sync_interval: always`; needed where the
    /// servers cannot be asked.
    pub states_sync_always: bool,
    /// How long an acknowledgement of the log may take.
    pub publish_timeout: Duration,
    /// How many entries may wait for their acknowledgements.
    pub in_flight_max: usize,
    /// How long a replica may need to reach the place of a query.
    pub catch_up_timeout: Duration,
    /// How long an answer may take beside that.
    pub answer_timeout: Duration,
    /// Who was not heard of for so long is no member any more.
    pub member_ttl: Duration,
    /// How long a decision of an owner is its own without renewal.
    pub lease_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            credentials_file: None,
            tls_ca_file: None,
            tls_required: false,
            replicas: REPLICAS_DEFAULT,
            partitions: PARTITIONS_DEFAULT,
            prefix: "chatmetric".to_owned(),
            member: String::new(),
            tally_replicas: 2,
            dir: PathBuf::new(),
            store: Options::default(),
            allow_weak_durability: false,
            system_credentials_file: None,
            system_user: None,
            states_sync_always: false,
            publish_timeout: Duration::from_secs(10),
            in_flight_max: 1_024,
            catch_up_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(10),
            member_ttl: Duration::from_secs(3),
            lease_ttl: Duration::from_millis(1_200),
        }
    }
}

/// Whether the servers take it as a piece of a subject and of a stream's name.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

impl Settings {
    /// How many partitions there are.
    ///
    /// # Errors
    /// [`ClusterError::Settings`], with everything that is wrong.
    pub fn check(&self) -> Result<Partitions, ClusterError> {
        let partitions = Partitions::new(self.partitions);
        let times = [
            self.publish_timeout,
            self.catch_up_timeout,
            self.answer_timeout,
            self.member_ttl,
            self.lease_ttl,
        ];
        let rules = [
            (self.urls.is_empty(), "`urls` names no server".to_owned()),
            (
                partitions.is_none(),
                format!("`partitions` is not 1 to {PARTITIONS_MAX}"),
            ),
            (
                !(1..=5).contains(&self.replicas),
                "`replicas` is not 1 to 5".to_owned(),
            ),
            (self.tally_replicas == 0, "`tally_replicas` is 0".to_owned()),
            (
                !is_name(&self.prefix),
                format!("`prefix` is not 1 to {NAME_BYTES_MAX} letters, digits, `-` and `_`"),
            ),
            (
                !is_name(&self.member),
                format!("`member` is not 1 to {NAME_BYTES_MAX} letters, digits, `-` and `_`"),
            ),
            (self.in_flight_max == 0, "`in_flight_max` is 0".to_owned()),
            (
                times.contains(&Duration::ZERO),
                "a time limit is 0".to_owned(),
            ),
        ];
        let wrong = rules.into_iter().filter(|(is_wrong, _)| *is_wrong);
        let wrong: Vec<String> = wrong.map(|(_, why)| why).collect();
        partitions
            .filter(|_| wrong.is_empty())
            .ok_or_else(|| ClusterError::Settings {
                reason: wrong.join("; "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_named_at_once() {
        let error = Settings {
            partitions: 0,
            prefix: "a.b".to_owned(),
            ..Settings::default()
        };
        let text = error.check().unwrap_err().to_string();
        for word in ["urls", "partitions", "prefix", "member"] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn the_defaults_need_a_server_and_a_member_alone() {
        let settings = Settings {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            member: "a".to_owned(),
            ..Settings::default()
        };
        assert_eq!(settings.check().unwrap().count(), PARTITIONS_DEFAULT);
    }
}
