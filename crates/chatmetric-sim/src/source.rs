//! Sources of webhooks: what Meta does with what was not acknowledged.
//!
//! Events become posts of several statuses; a post is sent until it is answered with
//! 200: at once, then less and less often, for seven days. Not here: the way there and
//! back ([`crate::Network`]), signatures.
//!
//! Invariant: a post is forgotten only when it was acknowledged or after its time.

use crate::event::{Event, Status};
use crate::random::Random;
use crate::receipts::render_receipts;
use crate::webhook::{Body, BodyStyle, render_body};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a source waits for an answer.
pub const ANSWER_TIMEOUT_MS: i64 = 20_000;
/// How long a source tries.
pub const PATIENCE_MS: i64 = 7 * 86_400_000;
/// The waits between tries; the last one again and again.
const WAITS_MS: [i64; 9] = [
    1_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 21_600_000,
];
/// Most statuses of a post.
const STATUSES_MAX: i64 = 16;
/// Of a thousand events, those that are repeated with a time far behind the floor.
const ANCIENT: u32 = 15;
/// How far, at least.
const ANCIENT_MS: i64 = 100 * 86_400_000;

/// What a source sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Webhooks of the WhatsApp Cloud API.
    Whatsapp,
    /// Receipts of CAMS.
    Cams,
}

impl SourceKind {
    fn render(self, events: &[Event], style: &BodyStyle) -> Body {
        match self {
            Self::Whatsapp => render_body(events, style),
            Self::Cams => render_receipts(events, style),
        }
    }
}

/// One body that a source sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Unlike every other post of a simulation.
    pub id: u64,
    /// Which source sends it.
    pub source: usize,
    /// What it sends.
    pub kind: SourceKind,
    /// When it is ready to be sent, ms since the epoch.
    pub ready_ms: i64,
    /// The statuses in it.
    pub events: Vec<Event>,
    /// The bytes to sign, and what else is in them.
    pub body: Body,
}

/// Cuts the events of each source, in the order of their arrival, into posts. The events
/// of a number are those of the source `source_of(number)`; each source is of its kind.
#[must_use]
pub fn posts_of(
    events: impl IntoIterator<Item = Event>,
    sources: &[SourceKind],
    source_of: impl Fn(&str) -> usize,
    random: &mut Random,
) -> Vec<Post> {
    let mut open: Vec<Vec<Event>> = vec![Vec::new(); sources.len()];
    let mut wanted = vec![1; sources.len()];
    let mut posts = Vec::new();
    let mut finish = |source: usize, events: Vec<Event>, random: &mut Random| {
        let style = BodyStyle::mixed(random.bits());
        posts.push(Post {
            id: posts.len() as u64,
            source,
            kind: sources[source],
            ready_ms: events.iter().map(|it| it.received_ms).max().unwrap_or(0),
            body: sources[source].render(&events, &style),
            events,
        });
    };
    for event in events {
        let source = source_of(&event.number);
        if random.chance(ANCIENT) {
            // A clock of the provider that went wrong: late, and never counted.
            let ts_ms = event.ts_ms - ANCIENT_MS - random.between(0, 1_000) * 1_000;
            open[source].push(Event {
                ts_ms,
                ..event.clone()
            });
        }
        open[source].push(event);
        if open[source].len() as i64 >= wanted[source] {
            wanted[source] = random.latency(1, STATUSES_MAX);
            finish(source, std::mem::take(&mut open[source]), random);
        }
    }
    for (source, events) in open.into_iter().enumerate() {
        if !events.is_empty() {
            finish(source, events, random);
        }
    }
    posts.sort_by_key(|post| (post.ready_ms, post.id));
    posts
}

/// A post of things that never happened, about the number of `like`: whoever sends it
/// does not know the secret.
#[must_use]
pub fn forged(like: &Post, random: &mut Random) -> Post {
    let events: Vec<Event> = like
        .events
        .iter()
        .map(|event| Event {
            message_id: format!("wamid.FORGED{:016x}", random.bits()).into(),
            status: Status::Delivered,
            ..event.clone()
        })
        .collect();
    Post {
        body: like.kind.render(&events, &BodyStyle::default()),
        events,
        ..like.clone()
    }
}

#[derive(Debug)]
struct Pending {
    post: Arc<Post>,
    tries: usize,
    next_ms: i64,
}

/// What was sent and not acknowledged yet, of all sources.
#[derive(Debug, Default)]
pub struct Outbox {
    pending: BTreeMap<u64, Pending>,
    given_up: u64,
}

fn wait_ms(tries: usize) -> i64 {
    let at = tries.saturating_sub(1).min(WAITS_MS.len() - 1);
    WAITS_MS[at]
}

impl Outbox {
    /// Takes a post on; it is due now.
    pub fn take(&mut self, post: Arc<Post>, now_ms: i64) {
        let pending = Pending {
            tries: 0,
            next_ms: now_ms,
            post,
        };
        self.pending.insert(pending.post.id, pending);
    }

    /// When the next try is due.
    #[must_use]
    pub fn next_at_ms(&self) -> Option<i64> {
        self.pending.values().map(|it| it.next_ms).min()
    }

    /// What has to be sent now.
    pub fn due(&mut self, now_ms: i64) -> Vec<Arc<Post>> {
        let before = self.pending.len();
        self.pending
            .retain(|_, it| it.next_ms > now_ms || now_ms - it.post.ready_ms <= PATIENCE_MS);
        self.given_up += (before - self.pending.len()) as u64;
        let due = self.pending.values_mut().filter(|it| it.next_ms <= now_ms);
        due.map(|it| {
            it.tries += 1;
            it.next_ms = now_ms + ANSWER_TIMEOUT_MS + wait_ms(it.tries);
            Arc::clone(&it.post)
        })
        .collect()
    }

    /// An answer came, of any of the tries.
    pub fn answered(&mut self, post: u64, status: u16, now_ms: i64) {
        if status == 200 {
            self.pending.remove(&post);
        } else if let Some(it) = self.pending.get_mut(&post) {
            // Told so, it need not wait for the time-out.
            it.next_ms = it.next_ms.min(now_ms + wait_ms(it.tries));
        }
    }

    /// How many posts are not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.pending.len()
    }

    /// How many posts were never acknowledged in their time: lost for ever.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Config, Workload};
    use std::collections::HashMap;

    const KINDS: [SourceKind; 2] = [SourceKind::Whatsapp, SourceKind::Cams];

    fn posts(seed: u64) -> (Vec<Event>, Vec<Post>) {
        let config = Config {
            seed,
            messages: 2_000,
            ..Config::default()
        };
        let events: Vec<Event> = Workload::new(config).collect();
        let source_of = |number: &str| usize::from(number.ends_with('1'));
        let posts = posts_of(events.clone(), &KINDS, source_of, &mut Random::new(seed));
        (events, posts)
    }

    #[test]
    fn posts_hold_every_event_of_their_source_in_order() {
        let (events, posts) = posts(4);
        assert_eq!(posts, self::posts(4).1);
        for source in [0, 1] {
            let own = |event: &&Event| usize::from(event.number.ends_with('1')) == source;
            let given: Vec<&Event> = events.iter().filter(own).collect();
            let of_source = posts.iter().filter(|post| post.source == source);
            let posted: Vec<&Event> = of_source
                .flat_map(|post| &post.events)
                .filter(|event| event.received_ms - event.ts_ms < ANCIENT_MS)
                .collect();
            assert_eq!(posted, given);
        }
        let all: usize = posts.iter().map(|post| post.events.len()).sum();
        assert!(all - events.len() > 20, "none is ancient");
        let mut ids: Vec<u64> = posts.iter().map(|post| post.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), posts.len());
        assert!(posts.is_sorted_by_key(|post| post.ready_ms));
        assert!(posts.iter().any(|post| post.events.len() > 8));
        for post in &posts {
            assert_eq!(post.body.statuses, post.events.len());
        }
    }

    #[test]
    fn a_post_is_sent_until_it_is_acknowledged() {
        let (_, posts) = posts(1);
        let post = Arc::new(posts[0].clone());
        let start_ms = post.ready_ms;
        let mut outbox = Outbox::default();
        outbox.take(Arc::clone(&post), start_ms);
        assert_eq!(outbox.due(start_ms), [Arc::clone(&post)]);
        assert_eq!(outbox.due(start_ms), []);
        // No answer: after the time-out, again.
        let second_ms = outbox.next_at_ms().expect("a try");
        assert_eq!(second_ms, start_ms + ANSWER_TIMEOUT_MS + 1_000);
        assert_eq!(outbox.due(second_ms).len(), 1);
        // Refused: sooner.
        outbox.answered(post.id, 503, second_ms + 5);
        assert_eq!(outbox.next_at_ms(), Some(second_ms + 5 + 30_000));
        outbox.answered(post.id, 200, second_ms + 6);
        assert_eq!((outbox.next_at_ms(), outbox.unacknowledged()), (None, 0));
        // An answer to an earlier try comes late.
        outbox.answered(post.id, 503, second_ms + 7);
        assert_eq!((outbox.next_at_ms(), outbox.given_up()), (None, 0));
    }

    #[test]
    fn a_source_gives_up_after_a_week_and_tries_less_and_less_often() {
        let (_, posts) = posts(1);
        let post = Arc::new(posts[0].clone());
        let mut outbox = Outbox::default();
        outbox.take(Arc::clone(&post), post.ready_ms);
        let mut tries_ms = Vec::new();
        while let Some(now_ms) = outbox.next_at_ms() {
            if !outbox.due(now_ms).is_empty() {
                tries_ms.push(now_ms);
            }
        }
        assert_eq!(outbox.given_up(), 1);
        assert!(tries_ms[tries_ms.len() - 1] - post.ready_ms > PATIENCE_MS - 7 * 3_600_000);
        let waits = tries_ms.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(waits.is_sorted());
    }

    #[test]
    fn forged_posts_tell_of_other_messages() {
        let (events, posts) = posts(2);
        let known: HashMap<&str, ()> = events.iter().map(|it| (&*it.message_id, ())).collect();
        let post = forged(&posts[3], &mut Random::new(1));
        assert_eq!(post.events.len(), posts[3].events.len());
        for event in &post.events {
            assert!(!known.contains_key(&*event.message_id));
        }
    }
}
