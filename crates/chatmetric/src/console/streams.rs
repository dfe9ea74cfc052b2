//! Places for answers that go on for long: live streams and files of counts.
//!
//! Invariant: a user has few at a time, the server has a bounded number, and they look
//! at a bounded number of numbers; a place is given back when it is dropped.

use crate::directory::IdentityId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Streams of a user.
pub(super) const STREAMS_OF_USER_MAX: usize = 4;
/// Streams of the server.
pub(super) const STREAMS_MAX: usize = 256;
/// Numbers that all streams look at: what was told of them is in memory.
pub(super) const NUMBERS_OF_ALL_MAX: usize = 32_000;

/// How many streams there are, by user, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    by_user: HashMap<IdentityId, Vec<Stream>>,
    drawn: u64,
}

#[derive(Debug)]
struct Stream {
    id: u64,
    numbers: usize,
    ended: Arc<Notify>,
}

/// One stream's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    open: Arc<Mutex<Open>>,
    user: IdentityId,
    id: u64,
    ended: Arc<Notify>,
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Streams {
    /// A place, if the user and the server have one left.
    pub(super) fn take(&self, user: &IdentityId, numbers: usize) -> Option<Place> {
        let mut open = lock(&self.open);
        let own = open.by_user.get(user).map_or(0, Vec::len);
        if own >= STREAMS_OF_USER_MAX {
            return None;
        }
        self.place(&mut open, user, numbers)
    }

    /// A place; where the user has no more of them, the oldest stream ends for it.
    pub(super) fn take_from_oldest(&self, user: &IdentityId, numbers: usize) -> Option<Place> {
        let mut open = lock(&self.open);
        if let Some(own) = open.by_user.get_mut(user) {
            while own.len() >= STREAMS_OF_USER_MAX {
                own.remove(0).ended.notify_one();
            }
        }
        self.place(&mut open, user, numbers)
    }

    fn place(&self, open: &mut Open, user: &IdentityId, numbers: usize) -> Option<Place> {
        let all = || open.by_user.values().flatten();
        let watched: usize = all().map(|stream| stream.numbers).sum();
        let is_full =
            all().count() >= STREAMS_MAX || watched.saturating_add(numbers) > NUMBERS_OF_ALL_MAX;
        if is_full {
            return None;
        }
        open.drawn = open.drawn.wrapping_add(1);
        let (id, ended) = (open.drawn, Arc::new(Notify::new()));
        let stream = Stream {
            id,
            numbers,
            ended: Arc::clone(&ended),
        };
        open.by_user.entry(user.clone()).or_default().push(stream);
        Some(Place {
            open: Arc::clone(&self.open),
            user: user.clone(),
            id,
            ended,
        })
    }
}

impl Place {
    /// Waits until the place went to a newer stream of the user.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(own) = open.by_user.get_mut(&self.user) {
            own.retain(|stream| stream.id != self.id);
            if own.is_empty() {
                open.by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(digit: char) -> IdentityId {
        IdentityId::parse(&format!("20000000000000000{digit}")).expect("an id")
    }

    #[test]
    fn a_user_has_few_streams_and_gets_them_back() {
        let streams = Streams::default();
        let mut places: Vec<_> = (0..STREAMS_OF_USER_MAX)
            .map(|_| streams.take(&user('1'), 1).expect("free"))
            .collect();
        assert!(streams.take(&user('1'), 1).is_none());
        assert!(streams.take(&user('2'), 1).is_some());
        places.pop();
        assert!(streams.take(&user('1'), 1).is_some());
        drop(places);
        assert!(lock(&streams.open).by_user.is_empty());
    }

    #[tokio::test]
    async fn one_stream_more_ends_the_oldest() {
        let streams = Streams::default();
        let places: Vec<_> = (0..=STREAMS_OF_USER_MAX)
            .map(|_| streams.take_from_oldest(&user('1'), 1).expect("free"))
            .collect();
        let mut places = places.into_iter();
        places.next().expect("the oldest").ended().await;
        let own: usize = lock(&streams.open).by_user.values().map(Vec::len).sum();
        assert_eq!(STREAMS_OF_USER_MAX, own);
    }

    #[test]
    fn streams_look_at_so_many_numbers_and_no_more() {
        let streams = Streams::default();
        let place = streams.take(&user('1'), NUMBERS_OF_ALL_MAX).expect("free");
        assert!(streams.take(&user('2'), 1).is_none());
        drop(place);
        assert!(streams.take(&user('2'), 1).is_some());
    }
}
