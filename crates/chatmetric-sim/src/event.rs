//! One raw event, as a provider reports it: nothing is hashed, parsed or judged.

use std::sync::Arc;

/// The channel of every event that a workload makes.
pub const CHANNEL: &str = "whatsapp";

/// The words of providers that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Left the provider's servers.
    Sent,
    /// On the recipient's device.
    Delivered,
    /// Read by the recipient.
    Read,
    /// A voice note was played; counts as read.
    Played,
    /// Failed to be sent or delivered.
    Failed,
}

impl Status {
    /// All words.
    pub const ALL: [Self; 5] = [
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Played,
        Self::Failed,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}

/// One report of one status of one message. Cheap to copy: the texts are shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// The channel, lower case.
    pub channel: &'static str,
    /// The business number, digits only.
    pub number: Arc<str>,
    /// The provider's id of the message.
    pub message_id: Arc<str>,
    /// What happened.
    pub status: Status,
    /// When it happened, ms since the epoch.
    pub ts_ms: i64,
    /// When the report arrives, ms since the epoch. No part of what is counted.
    pub received_ms: i64,
}

impl Event {
    /// The event as a line of a bulk file (NDJSON), without the line's end.
    #[must_use]
    pub fn ndjson(&self) -> String {
        format!(
            r#"{{"number": "{}", "message_id": "{}", "status": "{}", "ts": {}}}"#,
            self.number,
            self.message_id,
            self.status.word(),
            self.ts_ms
        )
    }
}
