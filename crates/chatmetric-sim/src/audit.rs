//! The auditor of a simulation: what must be counted, what may be, and what must not.
//!
//! It is told what was sent to a server and how the server answered. An acknowledged post
//! must be counted, a refused one must not, and one whose answer never came (the power
//! went, a write failed) may be, whole or not at all. After a crash the counts must be
//! those of the acknowledged posts and *some* of these; which ones is then known, where
//! the counts say it. What comes before its time, or for a number that nobody owns yet, is
//! counted once the server looked after that changed.
//!
//! Not here: how counts are computed ([`Model`]), and how they are read.
//!
//! Invariant: the auditor takes the server's word for an acknowledgement and for nothing
//! else.

use crate::event::Event;
use crate::model::{Model, Totals};
use crate::source::Post;
use crate::waiting::Waiting;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// How far ahead of the server's clock an event may be to be counted at once.
const AHEAD_MS_MAX: i64 = 5 * 60_000;
/// More posts of unknown fate are not tried in all combinations.
const UNKNOWN_MAX: usize = 12;

/// Everything that is counted: by space, number, and first ms of the quarter hour.
pub type Counts = BTreeMap<(u32, String, i64), Totals>;

/// How a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With 200.
    Acknowledged,
    /// It said no while it was sound: nothing of it is counted.
    Refused,
    /// It failed or ended under it.
    Unknown,
}

/// What the receipt of an acknowledged post must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Statuses that are new or duplicate.
    pub counted: u64,
    /// Statuses before the floor.
    pub late: u64,
    /// Statuses that wait for their time or for an owner of their number, and those of a
    /// number of somebody else.
    pub quarantined: u64,
    /// What is in it besides.
    pub ignored: u64,
}

/// Between which figures the books must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Items of what was acknowledged.
    pub low: u64,
    /// These, and those of unknown fate.
    pub high: u64,
}

/// How a comparison ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Equal to what was acknowledged and some posts of unknown fate.
    Equal,
    /// Too much is unknown just now to say anything.
    Undecided,
}

/// A post by what becomes of its events.
#[derive(Debug, Clone)]
struct Judged {
    post: Arc<Post>,
    space: u32,
    at_once: Vec<Event>,
    later: Vec<(Event, Waiting)>,
    late: u64,
    foreign: u64,
}

/// What is known of one server.
#[derive(Debug)]
pub struct Audit {
    /// The space of each source.
    spaces: Vec<u32>,
    /// Earlier events are late whatever the server's floor is.
    late_before_ms: i64,
    /// Sources whose numbers are held until somebody binds them.
    holding: BTreeSet<usize>,
    /// Numbers of somebody else, whatever source reports them.
    foreign_numbers: BTreeSet<String>,
    /// Those of [`Self::holding`] that somebody bound.
    owned: BTreeSet<Arc<str>>,
    counted: Model,
    waiting: Vec<(u32, Event, Waiting)>,
    unknown: Vec<Judged>,
    /// Posts that were acknowledged at least once.
    acknowledged: BTreeSet<u64>,
    received: Bounds,
    late: Bounds,
    foreign: Bounds,
}

impl Bounds {
    fn add(&mut self, items: u64, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged => {
                self.low += items;
                self.high += items;
            }
            Outcome::Unknown => self.high += items,
            Outcome::Refused => {}
        }
    }

    /// Whether a figure is between them.
    #[must_use]
    pub const fn hold(&self, figure: u64) -> bool {
        self.low <= figure && figure <= self.high
    }
}

impl Audit {
    /// Begins with a server that knows nothing. Sources deliver into `spaces`, and no
    /// event is between `late_before_ms` and the server's floor.
    #[must_use]
    pub fn new(spaces: Vec<u32>, late_before_ms: i64) -> Self {
        Self {
            spaces,
            late_before_ms,
            holding: BTreeSet::new(),
            foreign_numbers: BTreeSet::new(),
            owned: BTreeSet::new(),
            counted: Model::new(),
            waiting: Vec::new(),
            unknown: Vec::new(),
            acknowledged: BTreeSet::new(),
            received: Bounds::default(),
            late: Bounds::default(),
            foreign: Bounds::default(),
        }
    }

    /// Numbers of this source are held until [`Self::bound`].
    pub fn hold(&mut self, source: usize) {
        self.holding.insert(source);
    }

    /// This number is somebody else's: what is reported of it never counts.
    pub fn foreign_number(&mut self, number: &str) {
        self.foreign_numbers.insert(number.to_owned());
    }

    /// Somebody bound a number, durably, to the space of its source.
    pub fn bound(&mut self, number: &Arc<str>) {
        self.owned.insert(Arc::clone(number));
    }

    fn judge(&self, post: &Arc<Post>, server_ms: i64) -> Judged {
        let holds = self.holding.contains(&post.source);
        let mut judged = Judged {
            post: Arc::clone(post),
            space: self.spaces[post.source],
            at_once: Vec::new(),
            later: Vec::new(),
            late: 0,
            foreign: 0,
        };
        for event in &post.events {
            if self.foreign_numbers.contains(&*event.number) {
                // Whatever its time is.
                judged.foreign += 1;
                continue;
            }
            if event.ts_ms < self.late_before_ms {
                judged.late += 1;
                continue;
            }
            let is_early = event.ts_ms > server_ms + AHEAD_MS_MAX;
            let is_held = holds && !self.owned.contains(&event.number);
            match Waiting::of(is_early, is_held) {
                Some(waiting) => judged.later.push((event.clone(), waiting)),
                None => judged.at_once.push(event.clone()),
            }
        }
        judged
    }

    /// What the receipt of this post must say, received by that clock.
    #[must_use]
    pub fn expect(&self, post: &Arc<Post>, server_ms: i64) -> Expected {
        let judged = self.judge(post, server_ms);
        Expected {
            counted: judged.at_once.len() as u64,
            late: judged.late,
            quarantined: judged.later.len() as u64 + judged.foreign,
            ignored: (post.body.inbound + post.body.foreign) as u64,
        }
    }

    /// A post was given to the server, whose clock showed `server_ms`.
    pub fn given(&mut self, post: &Arc<Post>, server_ms: i64, outcome: Outcome) {
        let judged = self.judge(post, server_ms);
        let items = post.body.statuses + post.body.inbound + post.body.foreign;
        self.received.add(items as u64, outcome);
        self.late.add(judged.late, outcome);
        self.foreign.add(judged.foreign, outcome);
        match outcome {
            Outcome::Refused => {}
            Outcome::Acknowledged => {
                self.acknowledged.insert(post.id);
                self.count(&judged);
            }
            Outcome::Unknown => self.unknown.push(judged),
        }
        self.forget_settled();
    }

    /// Forgets tries of unknown fate of posts that were acknowledged at another try, once
    /// all that they could have counted is counted, or waits just as long: their fate
    /// changes nothing any more.
    fn forget_settled(&mut self) {
        let Self {
            acknowledged,
            waiting,
            unknown,
            ..
        } = self;
        unknown.retain(|it| {
            let waits = |event| waiting.iter().any(|(_, it, _)| it == event);
            let waits_otherwise = |(event, how): &(Event, Waiting)| {
                waiting.iter().any(|(_, it, own)| it == event && own != how)
            };
            !acknowledged.contains(&it.post.id)
                || it.at_once.iter().any(waits)
                || it.later.iter().any(waits_otherwise)
        });
    }

    fn count(&mut self, judged: &Judged) {
        for event in &judged.at_once {
            self.counted.observe_in(judged.space, event);
        }
        let later = judged.later.iter().cloned();
        self.waiting
            .extend(later.map(|(event, waiting)| (judged.space, event, waiting)));
    }

    /// The server looked for what is due by its clock, and for what has an owner by now;
    /// whether it is known to have succeeded.
    pub fn looked(&mut self, server_ms: i64, succeeded: bool) {
        let Self {
            owned,
            counted,
            waiting,
            unknown,
            ..
        } = self;
        let look = |event: &Event, waiting: &mut Waiting| {
            let (is_due, is_owned) = (event.ts_ms <= server_ms, owned.contains(&event.number));
            *waiting = waiting.looked(is_due, is_owned, succeeded);
            waiting.is_over()
        };
        for (space, event, _) in waiting.extract_if(.., |(_, event, it)| look(event, it)) {
            counted.observe_in(space, &event);
        }
        for judged in unknown {
            let over = judged.later.extract_if(.., |(event, it)| look(event, it));
            judged.at_once.extend(over.map(|(event, _)| event));
        }
        self.forget_settled();
    }

    /// Compares all counts of the server, and learns from them what became of posts of
    /// unknown fate. A server that may count a part of a post is not `whole`: it is
    /// compared only while no fate is unknown.
    ///
    /// # Errors
    /// The first difference from what was acknowledged, if no choice of unknown fates
    /// explains it.
    pub fn check(&mut self, found: &Counts, whole: bool) -> Result<Finding, String> {
        let unknown = self.unknown.len();
        let of_unknown = self.unknown.iter().flat_map(|it| &it.later);
        let is_open = self.waiting.iter().any(|(.., it)| it.is_open())
            || of_unknown.into_iter().any(|(_, it)| it.is_open());
        if is_open || unknown > UNKNOWN_MAX || (!whole && unknown > 0) {
            return Ok(Finding::Undecided);
        }
        let fits: Vec<u32> = (0..1_u32 << unknown)
            .filter(|chosen| counts_of(&self.with(*chosen), &self.spaces) == *found)
            .collect();
        if fits.is_empty() {
            let expected = counts_of(&self.counted, &self.spaces);
            return Err(difference(&expected, found, unknown));
        }
        let mut fates = Vec::new();
        for (at, judged) in std::mem::take(&mut self.unknown).into_iter().enumerate() {
            let counted = fits.iter().filter(|chosen| **chosen >> at & 1 == 1).count();
            fates.push((judged, counted));
        }
        for (judged, counted) in fates {
            if counted == fits.len() {
                self.count(&judged);
            } else if counted > 0 {
                self.unknown.push(judged);
            }
        }
        Ok(Finding::Equal)
    }

    fn with(&self, chosen: u32) -> Model {
        let mut model = self.counted.clone();
        for (at, judged) in self.unknown.iter().enumerate() {
            if chosen >> at & 1 == 1 {
                for event in &judged.at_once {
                    model.observe_in(judged.space, event);
                }
            }
        }
        model
    }

    /// What must be counted now.
    #[must_use]
    pub const fn counted(&self) -> &Model {
        &self.counted
    }

    /// Events that are known and not counted yet.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The first of them, for people.
    #[must_use]
    pub fn first_waiting(&self) -> String {
        let first = self.waiting.first();
        first.map_or_else(String::new, |(space, event, waiting)| {
            let is_owned = self.owned.contains(&event.number);
            format!("{event:?} of space {space}: {waiting:?}, owned: {is_owned}")
        })
    }

    /// Posts of unknown fate.
    #[must_use]
    pub fn unknown(&self) -> usize {
        self.unknown.len()
    }

    /// How many items the books must have received.
    #[must_use]
    pub const fn received(&self) -> Bounds {
        self.received
    }

    /// How many items the books must have as late.
    #[must_use]
    pub const fn late(&self) -> Bounds {
        self.late
    }

    /// How many items of somebody else's numbers the books must have in quarantine.
    #[must_use]
    pub const fn foreign(&self) -> Bounds {
        self.foreign
    }
}

fn counts_of(model: &Model, spaces: &[u32]) -> Counts {
    let mut counts = Counts::new();
    for space in spaces {
        for (number, quarters) in model.totals_by_number(*space) {
            for (quarter_ms, totals) in quarters {
                counts.insert((*space, number.clone(), quarter_ms), totals);
            }
        }
    }
    counts
}

/// The first differences in words.
fn difference(expected: &Counts, found: &Counts, unknown: usize) -> String {
    let mut text = format!("the counts differ, with {unknown} posts of unknown fate:");
    let places = expected.keys().chain(found.keys());
    let places: BTreeSet<_> = places.collect();
    let differ = places
        .into_iter()
        .filter(|place| expected.get(*place) != found.get(*place));
    for place in differ.take(8) {
        let (expected, found) = (expected.get(place), found.get(place));
        let _ = write!(text, "\n{place:?}: expected {expected:?}, found {found:?}");
    }
    text
}

#[cfg(test)]
mod tests;
