//! The small transactional part: manifest of runs, tallies, bindings, books,
//! quarantine, floor and the first open segment of every shard, in fjall.
//!
//! It changes only by [`Catalog::commit`]: one atomic batch, synced. Not here:
//! files of runs and segments. Invariant: a snapshot of it is exactly the fold
//! of the runs that its manifest names.

use super::entry::BooksDelta;
use super::fault;
use super::item::{Body, Item};
use crate::api::{Books, SourceName, StoreError, Target};
use crate::coding::{Reader, put_varint};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, Snapshot,
};
use std::path::{Path, PathBuf};

/// The part as it was at one moment.
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
}

/// The open database.
#[cfg_attr(all(test, shuttle), derive(Clone))]
pub(crate) struct Catalog {
    database: Database,
    path: PathBuf,
    pub(crate) meta: Keyspace,
    pub(crate) tallies: Keyspace,
    pub(crate) bindings: Keyspace,
    pub(crate) books: Keyspace,
    pub(crate) quarantine: Keyspace,
    pub(crate) quarantine_index: Keyspace,
    pub(crate) runs: Keyspace,
    pub(crate) frozen: Keyspace,
    /// What deviates from the plain way of counting, by binding and day.
    pub(crate) explained: Keyspace,
    /// The usual source of a binding from a day on.
    pub(crate) usual: Keyspace,
}

/// A run as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunEntry {
    /// The place in the order of age; the key of the entry.
    pub(crate) order: u64,
    /// The number of its file.
    pub(crate) id: u64,
    pub(crate) level: u32,
    pub(crate) week: u32,
    pub(crate) records: u64,
    /// The checksum of its header: another file in its place is found.
    pub(crate) header_crc: u32,
}

/// The key under which a shard's first open segment is kept.
pub(crate) fn segment_key(shard: u32) -> String {
    format!("segment/{shard}")
}

/// The key of the place behind the last frame of a clean stop.
pub(crate) fn tail_key(shard: u32) -> String {
    format!("tail/{shard}")
}

pub(crate) fn tally_key(binding: u32, day: u32) -> [u8; 8] {
    ((u64::from(binding) << 32) | u64::from(day)).to_be_bytes()
}

impl Catalog {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        // Of sealed journals of the engine; a start reads all of them, so no more than
        // it must keep.
        const JOURNALS_BYTES: u64 = 64 * 1024 * 1024;
        let failed = |error| fault::engine("open", error);
        let database = Database::builder(path)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNALS_BYTES)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let part = |name: &str, memtable_bytes: u64| {
            database
                .keyspace(name, || {
                    KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes)
                })
                .map_err(failed)
        };
        const SMALL: u64 = 1024 * 1024;
        const LARGE: u64 = 8 * 1024 * 1024;
        Ok(Self {
            meta: part("meta", SMALL)?,
            tallies: part("tallies", LARGE)?,
            bindings: part("bindings", SMALL)?,
            books: part("books", SMALL)?,
            quarantine: part("quarantine", LARGE)?,
            quarantine_index: part("quarantine_index", SMALL)?,
            runs: part("runs", SMALL)?,
            frozen: part("frozen", SMALL)?,
            explained: part("explained", LARGE)?,
            usual: part("usual", SMALL)?,
            path: path.to_owned(),
            database,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn view(&self) -> View {
        View {
            snapshot: self.database.snapshot(),
        }
    }

    pub(crate) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::SyncAll))
    }

    pub(crate) fn commit(&self, batch: OwnedWriteBatch) -> Result<(), StoreError> {
        batch
            .commit()
            .map_err(|error| fault::engine("commit to", error))
    }

    fn damaged(&self, what: &str) -> StoreError {
        fault::corrupt(&self.path, 0, format!("{what} makes no sense"))
    }

    pub(crate) fn get(
        &self,
        view: &View,
        keyspace: &Keyspace,
        key: impl AsRef<[u8]>,
    ) -> Result<Option<fjall::Slice>, StoreError> {
        view.snapshot
            .get(keyspace, key)
            .map_err(|error| fault::engine("read", error))
    }

    pub(crate) fn get_u64(&self, view: &View, key: &str) -> Result<Option<u64>, StoreError> {
        let Some(value) = self.get(view, &self.meta, key)? else {
            return Ok(None);
        };
        let bytes = value.as_ref().try_into().map_err(|_| self.damaged(key))?;
        Ok(Some(u64::from_le_bytes(bytes)))
    }

    /// All pairs of a keyspace whose key starts with `prefix`, in order.
    pub(crate) fn each(
        &self,
        view: &View,
        keyspace: &Keyspace,
        prefix: &[u8],
        mut give: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        for guard in view.snapshot.prefix(keyspace, prefix) {
            let (key, value) = guard
                .into_inner()
                .map_err(|error| fault::engine("read", error))?;
            if !give(&key, &value)? {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn manifest(&self, view: &View) -> Result<Vec<RunEntry>, StoreError> {
        let mut runs = Vec::new();
        self.each(view, &self.runs, &[], |key, value| {
            let order = key.try_into().map(u64::from_be_bytes).ok();
            let mut reader = Reader::new(value);
            let entry = (|| {
                Some(RunEntry {
                    order: order?,
                    id: reader.fixed_u64()?,
                    level: reader.fixed_u32()?,
                    week: reader.fixed_u32()?,
                    records: reader.fixed_u64()?,
                    header_crc: reader.fixed_u32()?,
                })
            })();
            runs.push(entry.ok_or_else(|| self.damaged("the manifest"))?);
            Ok(true)
        })?;
        Ok(runs)
    }

    pub(crate) fn put_run(&self, batch: &mut OwnedWriteBatch, run: &RunEntry) {
        let mut value = Vec::with_capacity(28);
        value.extend_from_slice(&run.id.to_le_bytes());
        value.extend_from_slice(&run.level.to_le_bytes());
        value.extend_from_slice(&run.week.to_le_bytes());
        value.extend_from_slice(&run.records.to_le_bytes());
        value.extend_from_slice(&run.header_crc.to_le_bytes());
        batch.insert(&self.runs, run.order.to_be_bytes(), value);
    }

    pub(crate) fn all_bindings(
        &self,
        view: &View,
    ) -> Result<Vec<(u32, SpaceKey, PhoneNumber)>, StoreError> {
        let mut bindings = Vec::new();
        self.each(view, &self.bindings, &[], |key, value| {
            let binding = (|| {
                let (space, digits) = key.split_first_chunk::<4>()?;
                let number = PhoneNumber::parse(std::str::from_utf8(digits).ok()?).ok()?;
                let id = u32::from_le_bytes(value.try_into().ok()?);
                Some((id, SpaceKey(u32::from_be_bytes(*space)), number))
            })();
            bindings.push(binding.ok_or_else(|| self.damaged("a binding"))?);
            Ok(true)
        })?;
        Ok(bindings)
    }

    pub(crate) fn put_binding(
        &self,
        batch: &mut OwnedWriteBatch,
        (id, space, number): &(u32, SpaceKey, PhoneNumber),
    ) {
        let mut key = space.0.to_be_bytes().to_vec();
        key.extend_from_slice(number.as_bytes());
        batch.insert(&self.bindings, key, id.to_le_bytes().to_vec());
    }

    pub(crate) fn all_books(&self, view: &View) -> Result<Vec<(SourceName, Books)>, StoreError> {
        let mut all = Vec::new();
        self.each(view, &self.books, &[], |key, value| {
            let books = (|| {
                let name = std::str::from_utf8(key).ok()?;
                let mut reader = Reader::new(value);
                let mut delta = BooksDelta::default();
                for field in &mut delta.0 {
                    *field = i64::try_from(reader.varint()?).ok()?;
                }
                let mut books = Books::default();
                delta.apply_to(&mut books);
                Some((SourceName::from(name), books))
            })();
            all.push(books.ok_or_else(|| self.damaged("the books"))?);
            Ok(true)
        })?;
        Ok(all)
    }

    pub(crate) fn put_books(&self, batch: &mut OwnedWriteBatch, name: &str, books: Books) {
        let mut value = Vec::new();
        for field in BooksDelta::of(books).0 {
            put_varint(&mut value, field as u64);
        }
        batch.insert(&self.books, name, value);
    }

    pub(crate) fn item(&self, view: &View, id: u64) -> Result<Option<Item>, StoreError> {
        match self.get(view, &self.quarantine, id.to_be_bytes())? {
            None => Ok(None),
            Some(value) => Item::decode(&value)
                .map(Some)
                .ok_or_else(|| self.damaged("a quarantined item")),
        }
    }

    /// Puts, replaces or removes one item and its places in the index.
    pub(crate) fn change_item(
        &self,
        view: &View,
        batch: &mut OwnedWriteBatch,
        id: u64,
        item: Option<&Item>,
    ) -> Result<(), StoreError> {
        if let Some(old) = self.item(view, id)? {
            for key in index_keys(id, &old) {
                batch.remove(&self.quarantine_index, key);
            }
        }
        match item {
            None => batch.remove(&self.quarantine, id.to_be_bytes()),
            Some(item) => {
                let mut value = Vec::new();
                item.encode(&mut value);
                batch.insert(&self.quarantine, id.to_be_bytes(), value);
                for key in index_keys(id, item) {
                    batch.insert(&self.quarantine_index, key, Vec::new());
                }
            }
        }
        Ok(())
    }

    /// The ids behind all index keys with this prefix, while `more` says so.
    pub(crate) fn indexed(
        &self,
        view: &View,
        prefix: &[u8],
        more: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<u64>, StoreError> {
        let mut ids = Vec::new();
        self.each(view, &self.quarantine_index, prefix, |key, _| {
            if !more(key) {
                return Ok(false);
            }
            let (_, id) = key
                .split_last_chunk::<8>()
                .ok_or_else(|| self.damaged("the index of the quarantine"))?;
            ids.push(u64::from_be_bytes(*id));
            Ok(true)
        })?;
        Ok(ids)
    }
}

/// Times in the order of their bytes.
fn time_key(time: EpochMs) -> [u8; 8] {
    ((time.0 as u64) ^ (1 << 63)).to_be_bytes()
}

/// The index prefix of what an account holds for a number.
pub(crate) fn held_prefix(account: AccountKey, number: &PhoneNumber) -> Vec<u8> {
    let mut key = vec![b'h'];
    key.extend_from_slice(&account.0.to_be_bytes());
    key.push(number.as_bytes().len() as u8);
    key.extend_from_slice(number.as_bytes());
    key
}

/// The index prefix of future events, and the key after the last one due.
pub(crate) const FUTURE_PREFIX: u8 = b'f';
/// The index prefix of all items by their receipt.
pub(crate) const RECEIVED_PREFIX: u8 = b'r';

/// A key of the time index, without the id.
pub(crate) fn timed_key(prefix: u8, time: EpochMs) -> [u8; 9] {
    let mut key = [prefix; 9];
    key[1..].copy_from_slice(&time_key(time));
    key
}

fn index_keys(id: u64, item: &Item) -> Vec<Vec<u8>> {
    let mut keys = vec![timed_key(RECEIVED_PREFIX, item.received_at).to_vec()];
    if let Body::Event(event) = &item.body {
        if let Target::Held(account) = event.target {
            keys.push(held_prefix(account, &event.number));
        }
        if item.reason == crate::api::Reason::Future {
            keys.push(timed_key(FUTURE_PREFIX, event.at).to_vec());
        }
    }
    for key in &mut keys {
        key.extend_from_slice(&id.to_be_bytes());
    }
    keys
}
