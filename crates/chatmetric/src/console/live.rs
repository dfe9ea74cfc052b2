//! `GET live`: buckets that changed, as they change.
//!
//! A stream reads the tallies of today and yesterday (UTC) at most once a second, and
//! only when the store wrote something; it sends whole counts, so a message that is lost
//! or comes twice makes nothing wrong. Invariants: the session and the right are judged
//! before every look; each look has a turn, as large queries of the API have; streams of
//! a user and of the server are bounded (`streams`).

use super::ask::Ask;
use super::counts;
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::streams::Place;
use super::{spaces, work};
use crate::directory::{Account, IdentityId, Space};
use crate::server::App;
use crate::server::answer::Answer;
use bytes::Bytes;
use chatmetric_core::time::HALF_HOUR_MS;
use chatmetric_core::{PhoneNumber, UtcDay};
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::ram::{Context, Permission, evaluate};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Numbers that a stream looks at.
pub(super) const NUMBERS_MAX: usize = 1_000;
/// Changes of one message.
const CHANGES_MAX: usize = 2_000;
/// How often a stream looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks without a message until a sign of life.
const ALIVE_LOOKS: u32 = 15;
/// Messages that wait for a client.
const WAITING_MAX: usize = 8;
/// How long a message waits for a client; one that does not read for longer is let go.
const SEND_WAIT: Duration = Duration::from_secs(30);

/// `GET live`
pub(super) fn live(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let query = ask.query()?;
    let space = spaces::named(who, &query)?;
    let numbers = who.snapshot.numbers_count(space.key).clamp(1, NUMBERS_MAX);
    let streams = &ask.app.console.streams;
    let place = streams.take_from_oldest(&who.user.id, numbers);
    let place = place.ok_or(ConsoleError::SlowDown {
        retry_after_ms: 15_000,
    })?;
    let (sender, pieces) = mpsc::channel(WAITING_MAX);
    let stream = Stream {
        app: Arc::clone(ask.app),
        hash: who.hash,
        account: Arc::clone(&who.account),
        user: who.user.id.clone(),
        context: who.context().clone(),
        space,
        isv: query.get("isv").map(str::to_owned),
        seen: HashMap::new(),
        written: None,
    };
    tokio::spawn(run(stream, sender, place));
    Ok(Answer::streaming("text/event-stream", pieces))
}

/// Runs a stream until its end, or until its place goes to a newer one.
async fn run(stream: Stream, sender: mpsc::Sender<Bytes>, place: Place) {
    tokio::select! {
        () = stream.run(sender) => {}
        () = place.ended() => {}
    }
}

/// Whether the client took a message in time.
async fn sent(sender: &mpsc::Sender<Bytes>, message: Bytes) -> bool {
    let sent = tokio::time::timeout(SEND_WAIT, sender.send(message)).await;
    matches!(sent, Ok(Ok(())))
}

/// The three counters of a bucket.
type Counts = [i64; 3];

struct Stream {
    app: Arc<App>,
    hash: [u8; 32],
    account: Arc<Account>,
    user: IdentityId,
    context: Context,
    space: Arc<Space>,
    isv: Option<String>,
    seen: HashMap<(PhoneNumber, i64), Counts>,
    /// What the store had written when it was looked at last.
    written: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    number: String,
    start_ms: i64,
    sent: i64,
    delivered: i64,
    cohort: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    at_ms: i64,
    changes: &'a [Change],
}

impl Stream {
    async fn run(mut self, sender: mpsc::Sender<Bytes>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut silent = 0;
        // The client knows at once that the stream stands.
        if !sent(&sender, Bytes::from_static(b": alive\n\n")).await {
            return;
        }
        loop {
            looks.tick().await;
            if sender.is_closed() || !self.may_go_on() {
                return;
            }
            let Some(turn) = work::turn(&self.app.large_queries).await else {
                // The server has too much to do; the next look tells as much.
                continue;
            };
            let task = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let changes = self.look();
                (self, changes)
            });
            let Ok((stream, changes)) = task.await else {
                return;
            };
            self = stream;
            silent += 1;
            for part in changes.chunks(CHANGES_MAX) {
                silent = 0;
                if !sent(&sender, self.message(part)).await {
                    return;
                }
            }
            if silent >= ALIVE_LOOKS {
                silent = 0;
                if !sent(&sender, Bytes::from_static(b": alive\n\n")).await {
                    return;
                }
            }
        }
    }

    /// Whether the session stands, and the user still has the right to this space.
    fn may_go_on(&self) -> bool {
        let app = &self.app;
        let now_ms = app.clock.now().0;
        if app.is_stopping() || !app.console.sessions.stands(self.hash, now_ms) {
            return false;
        }
        let snapshot = app.directory.snapshot();
        let Some((account, user)) = snapshot.user_by_id(&self.user) else {
            return false;
        };
        let action = Right::ReadCounts.action();
        let resource = format!("acs:cams:*:{}:*", self.account.id);
        let permission = Permission {
            action,
            resource: &resource,
        };
        let policies = super::rights::attached(user);
        // A policy that ends at a time ends for a stream too.
        let mut context = self.context.clone();
        let Some(now) = format_utc_seconds(now_ms.div_euclid(1_000)) else {
            return false;
        };
        context.set("acs:CurrentTime", now);
        let may = evaluate(permission, &context, &policies, None).is_allowed();
        let principal = crate::directory::Principal::User(Arc::clone(user));
        let caller = crate::api::tenancy::Caller {
            account,
            principal: &principal,
        };
        let asked = crate::api::tenancy::Asked {
            isv_code: self.isv.as_deref(),
            cust_space_id: Some(self.space.id.as_str()),
        };
        let space = crate::api::tenancy::space(&snapshot, caller, asked);
        user.console && may && account.subscribed && space.is_ok()
    }

    /// What changed since the last look.
    fn look(&mut self) -> Vec<Change> {
        // A store that counts no bytes is looked at each time.
        let written = Some(self.app.store.stats().journal_bytes).filter(|bytes| *bytes > 0);
        if written.is_some() && self.written == written {
            return Vec::new();
        }
        match self.read() {
            Ok(changes) => {
                self.written = written;
                changes
            }
            Err(error) => {
                tracing::warn!(
                    error = error.code(),
                    "a live stream could not read; trying again"
                );
                Vec::new()
            }
        }
    }

    fn read(&mut self) -> Result<Vec<Change>, ConsoleError> {
        let app = Arc::clone(&self.app);
        let snapshot = app.directory.snapshot();
        let numbers = counts::all_numbers(&app, &snapshot, &self.space)?;
        let today = app.clock.now().slot().day();
        let days = UtcDay(today.0.saturating_sub(1))..=today;
        let oldest_ms = days.start().first_slot().start().0;
        self.seen.retain(|(_, start_ms), _| *start_ms >= oldest_ms);
        let mut changes = Vec::new();
        for number in numbers.into_iter().take(NUMBERS_MAX) {
            let seen = &mut self.seen;
            app.store
                .read_days(self.space.key, &number, days.clone(), &mut |day, block| {
                    let mut start_ms = day.first_slot().start().0;
                    let slots = block.slots();
                    let (pairs, _) = slots.as_chunks::<2>();
                    for [even, odd] in pairs {
                        let sum = *even + *odd;
                        let counts = [
                            i64::from(sum.sent),
                            i64::from(sum.delivered),
                            i64::from(sum.delivered_of_sent),
                        ];
                        let [sent, delivered, cohort] = counts;
                        let before = seen.get(&(number, start_ms)).copied().unwrap_or_default();
                        if counts != before {
                            seen.insert((number, start_ms), counts);
                            changes.push(Change {
                                number: number.to_string(),
                                start_ms,
                                sent,
                                delivered,
                                cohort,
                            });
                        }
                        start_ms += HALF_HOUR_MS;
                    }
                })?;
        }
        Ok(changes)
    }

    fn message(&self, changes: &[Change]) -> Bytes {
        let message = Message {
            at_ms: self.app.clock.now().0,
            changes,
        };
        let data = serde_json::to_string(&message).unwrap_or_default();
        Bytes::from(format!("event: buckets\ndata: {data}\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_waits_for_a_client_that_is_slow() {
        let (sender, mut receiver) = mpsc::channel(1);
        assert!(sent(&sender, Bytes::new()).await);
        // Nothing is taken before the next message waits.
        let slow = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        assert!(sent(&sender, Bytes::new()).await);
        drop(sender);
        slow.await.expect("ends");
    }
}
