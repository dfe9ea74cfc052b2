//! The digest of everything that a replica has counted, number by number, so that a
//! difference has a place.
//!
//! Not here: the comparison (`audit`). Invariant: equal counts, books, floor and quarantine
//! have equal digests, however and wherever they came about.

use crate::query::wire;
use chatmetric_core::{PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::coding::{put_bytes, put_length, put_signed, put_varint};
use chatmetric_store::{EmbeddedStore, QuarantineFilter, Store, StoreError};
use xxhash_rust::xxh3::Xxh3;

/// Items of the quarantine that are read at once.
const PAGE_ITEMS: usize = 1_000;

/// What a replica has at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The place.
    pub sequence: u64,
    /// The days of every number in every space, sorted.
    pub numbers: Vec<(SpaceKey, PhoneNumber, u128)>,
    /// The books of all sources, and the floor.
    pub books: u128,
    /// The items of the quarantine.
    pub quarantine: u128,
}

impl Digest {
    /// The first difference between two of them.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let own = self.numbers.iter();
        if let Some((found, _)) = own.zip(&other.numbers).find(|(own, other)| own != other) {
            let (space, number, _) = found;
            return Some(format!("the days of `{number}` in space {}", space.0));
        }
        let counts = (self.numbers.len(), other.numbers.len());
        if counts.0 != counts.1 {
            return Some(format!("{} and {} numbers", counts.0, counts.1));
        }
        if self.books != other.books {
            return Some("the books or the floor".to_owned());
        }
        (self.quarantine != other.quarantine).then(|| "the quarantine".to_owned())
    }
}

pub(super) fn of(store: &EmbeddedStore, sequence: u64) -> Result<Digest, StoreError> {
    let mut numbers = Vec::new();
    for (space, number) in store.bindings() {
        let mut hash = Xxh3::new();
        let mut bytes = Vec::new();
        let all = UtcDay(0)..=Slot::NEVER.day();
        store.read_days(space, &number, all, &mut |day, block| {
            bytes.clear();
            put_varint(&mut bytes, day.0.into());
            wire::put_block(&mut bytes, block);
            hash.update(&bytes);
        })?;
        numbers.push((space, number, hash.digest128()));
    }
    Ok(Digest {
        sequence,
        numbers,
        books: books(store)?,
        quarantine: quarantine(store)?,
    })
}

fn books(store: &EmbeddedStore) -> Result<u128, StoreError> {
    let mut hash = Xxh3::new();
    let mut bytes = Vec::new();
    put_signed(&mut bytes, store.floor().map_or(i64::MIN, |floor| floor.0));
    for (source, books) in store.books()? {
        put_bytes(&mut bytes, source.as_bytes());
        wire::put_books(&mut bytes, &books);
        hash.update(&bytes);
        bytes.clear();
    }
    hash.update(&bytes);
    Ok(hash.digest128())
}

fn quarantine(store: &EmbeddedStore) -> Result<u128, StoreError> {
    let mut hash = Xxh3::new();
    let mut bytes = Vec::new();
    let mut filter = QuarantineFilter::default();
    loop {
        let page = store.quarantine(filter, PAGE_ITEMS)?;
        bytes.clear();
        put_length(&mut bytes, page.len());
        for item in &page {
            wire::put_item(&mut bytes, item);
        }
        hash.update(&bytes);
        match page.last() {
            Some(last) if page.len() == PAGE_ITEMS => filter.after = Some(last.id),
            _ => return Ok(hash.digest128()),
        }
    }
}
