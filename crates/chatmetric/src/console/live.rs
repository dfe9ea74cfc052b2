//! `GET live`: buckets that changed, as they change.
//!
//! A stream reads the tallies of today and yesterday (UTC) at most once a second, and
//! only when the store wrote something; it sends whole counts, so a message that is lost
//! or comes twice makes nothing wrong. Invariants: the session and the right are judged
//! before every message; streams of a user and of the server are bounded.

use super::ask::Ask;
use super::counts;
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::spaces;
use crate::directory::{Account, IdentityId, Space};
use crate::server::App;
use crate::server::answer::Answer;
use bytes::Bytes;
use chatmetric_core::time::HALF_HOUR_MS;
use chatmetric_core::{PhoneNumber, UtcDay};
use chatmetric_rpc::ram::{Context, Permission, evaluate};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Streams of a user.
pub(super) const STREAMS_OF_USER_MAX: usize = 4;
/// Streams of the server.
pub(super) const STREAMS_MAX: usize = 256;
/// Numbers that a stream looks at.
pub(super) const NUMBERS_MAX: usize = 1_000;
/// Changes of one message.
const CHANGES_MAX: usize = 2_000;
/// How often a stream looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks without a message until a sign of life.
const ALIVE_LOOKS: u32 = 15;
/// Messages that wait for a client; one that does not read for longer is let go.
const WAITING_MAX: usize = 8;

/// How many streams there are, by user.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Arc<Mutex<HashMap<IdentityId, usize>>>,
}

/// One stream's place; given back when dropped.
struct Place {
    open: Arc<Mutex<HashMap<IdentityId, usize>>>,
    user: IdentityId,
}

fn lock(open: &Mutex<HashMap<IdentityId, usize>>) -> MutexGuard<'_, HashMap<IdentityId, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Streams {
    fn take(&self, user: &IdentityId) -> Option<Place> {
        let mut open = lock(&self.open);
        let all: usize = open.values().sum();
        let own = open.get(user).copied().unwrap_or(0);
        if all >= STREAMS_MAX || own >= STREAMS_OF_USER_MAX {
            return None;
        }
        open.insert(user.clone(), own + 1);
        Some(Place {
            open: Arc::clone(&self.open),
            user: user.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

/// `GET live`
pub(super) fn live(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let query = ask.query()?;
    let space = spaces::named(who, &query)?;
    let place = ask.app.console.streams.take(&who.user.id);
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
    tokio::spawn(async move {
        let _place = place;
        stream.run(sender).await;
    });
    Ok(Answer::streaming("text/event-stream", pieces))
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
        if sender
            .send(Bytes::from_static(b": alive\n\n"))
            .await
            .is_err()
        {
            return;
        }
        loop {
            looks.tick().await;
            if sender.is_closed() || !self.may_go_on() {
                return;
            }
            let task = tokio::task::spawn_blocking(move || {
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
                if sender.try_send(self.message(part)).is_err() {
                    return;
                }
            }
            if silent >= ALIVE_LOOKS {
                silent = 0;
                if sender.try_send(Bytes::from_static(b": alive\n\n")).is_err() {
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
        let may = evaluate(permission, &self.context, &policies, None).is_allowed();
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
                tracing::warn!(%error, "a live stream could not read; trying again");
                Vec::new()
            }
        }
    }

    fn read(&mut self) -> Result<Vec<Change>, chatmetric_store::StoreError> {
        let app = Arc::clone(&self.app);
        let snapshot = app.directory.snapshot();
        let numbers = counts::all_numbers(&app, &snapshot, &self.space);
        let numbers = numbers.unwrap_or_default();
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

    #[test]
    fn a_user_has_few_streams_and_gets_them_back() {
        let streams = Streams::default();
        let user = IdentityId::parse("200000000000000001").expect("an id");
        let other = IdentityId::parse("200000000000000002").expect("an id");
        let mut places: Vec<_> = (0..STREAMS_OF_USER_MAX)
            .map(|_| streams.take(&user).expect("free"))
            .collect();
        assert!(streams.take(&user).is_none());
        assert!(streams.take(&other).is_some());
        places.pop();
        assert!(streams.take(&user).is_some());
        drop(places);
        assert!(lock(&streams.open).is_empty());
    }
}
