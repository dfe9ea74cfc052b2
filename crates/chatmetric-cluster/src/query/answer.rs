//! What a replica answers, and the errors that it may answer instead.
//!
//! Not here: pieces. Invariant: an answer has the shape of its question, or is no answer.

use super::wire;
use crate::error::chain;
use crate::tally::{Digest, Outcome};
use chatmetric_core::{DayBlock, EpochMs, PhoneNumber, UtcDay};
use chatmetric_store::coding::{Reader, put_bytes, put_length, put_signed, put_varint};
use chatmetric_store::{
    Books, Explanation, Quarantined, SourceName, StoreError, StoreStats, VerifyReport,
};
use std::sync::Arc;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The floor.
    Floor(Option<EpochMs>),
    /// Numbers, sorted.
    Numbers(Vec<PhoneNumber>),
    /// Days with counts, in order.
    Days(Vec<(UtcDay, DayBlock)>),
    /// What made counts.
    Explained(Explanation),
    /// The books, sorted by source.
    Books(Vec<(SourceName, Books)>),
    /// Items of the quarantine, in the order of arrival.
    Items(Vec<Quarantined>),
    /// It is sound.
    Verified(VerifyReport),
    /// Figures.
    Stats(StoreStats),
    /// What an entry did; `None`: not known any more.
    Outcome(Option<Outcome>),
}

impl Answer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Floor(floor) => {
                out.push(0);
                out.push(u8::from(floor.is_some()));
                put_signed(&mut out, floor.map_or(0, |it| it.0));
            }
            Self::Numbers(numbers) => {
                out.push(1);
                put_length(&mut out, numbers.len());
                for number in numbers {
                    put_bytes(&mut out, number.as_bytes());
                }
            }
            Self::Days(days) => {
                out.push(2);
                put_length(&mut out, days.len());
                for (day, block) in days {
                    put_varint(&mut out, day.0.into());
                    wire::put_block(&mut out, block);
                }
            }
            Self::Explained(explanation) => {
                out.push(3);
                wire::put_explanation(&mut out, explanation);
            }
            Self::Books(books) => {
                out.push(4);
                put_length(&mut out, books.len());
                for (source, books) in books {
                    put_bytes(&mut out, source.as_bytes());
                    wire::put_books(&mut out, books);
                }
            }
            Self::Items(items) => {
                out.push(5);
                put_length(&mut out, items.len());
                for item in items {
                    wire::put_item(&mut out, item);
                }
            }
            Self::Verified(it) => {
                out.push(6);
                for field in [it.records, it.day_blocks, it.files, it.bytes] {
                    put_varint(&mut out, field);
                }
            }
            Self::Stats(it) => {
                out.push(7);
                let fields = [
                    it.disk_bytes,
                    it.run_records,
                    it.runs,
                    it.hot_records,
                    it.journal_bytes,
                    it.syncs,
                    it.queued_events,
                ];
                for field in fields {
                    put_varint(&mut out, field);
                }
            }
            Self::Outcome(outcome) => {
                out.push(8);
                put_outcome(&mut out, outcome.as_ref());
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let answer = Self::read(&mut reader)?;
        reader.is_empty().then_some(answer)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.byte()? {
            0 => {
                let is_there = reader.byte()? != 0;
                let floor = reader.time()?;
                Self::Floor(is_there.then_some(floor))
            }
            1 => Self::Numbers(list(reader, 2, Reader::number)?),
            2 => {
                let day = |reader: &mut Reader<'_>| Some((reader.day()?, wire::block(reader)?));
                Self::Days(list(reader, wire::BLOCK_BYTES_MIN, day)?)
            }
            3 => Self::Explained(wire::explanation(reader)?),
            4 => {
                let one = |reader: &mut Reader<'_>| {
                    Some((SourceName::from(reader.text()?), wire::books(reader)?))
                };
                Self::Books(list(reader, 10, one)?)
            }
            5 => Self::Items(list(reader, 8, wire::item)?),
            6 => Self::Verified(VerifyReport {
                records: reader.varint()?,
                day_blocks: reader.varint()?,
                files: reader.varint()?,
                bytes: reader.varint()?,
            }),
            7 => Self::Stats(StoreStats {
                disk_bytes: reader.varint()?,
                run_records: reader.varint()?,
                runs: reader.varint()?,
                hot_records: reader.varint()?,
                journal_bytes: reader.varint()?,
                syncs: reader.varint()?,
                queued_events: reader.varint()?,
            }),
            8 => Self::Outcome(outcome(reader)?),
            _ => return None,
        })
    }
}

/// So many of something, each of so many bytes at least.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    bytes_min: usize,
    one: impl Fn(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.length(bytes_min)?;
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(one(reader)?);
    }
    Some(all)
}

fn put_outcome(out: &mut Vec<u8>, outcome: Option<&Outcome>) {
    match outcome {
        None => out.push(0),
        Some(Outcome::Count(count)) => {
            out.push(1);
            put_varint(out, *count);
        }
        Some(Outcome::Refused(reason)) => {
            out.push(2);
            put_bytes(out, reason.as_bytes());
        }
        Some(Outcome::Digest(digest)) => {
            out.push(3);
            put_varint(out, digest.sequence);
            put_length(out, digest.numbers.len());
            for (space, number, hash) in &digest.numbers {
                put_varint(out, space.0.into());
                put_bytes(out, number.as_bytes());
                out.extend_from_slice(&hash.to_le_bytes());
            }
            out.extend_from_slice(&digest.books.to_le_bytes());
            out.extend_from_slice(&digest.quarantine.to_le_bytes());
        }
    }
}

/// An outcome, or none that is known.
fn outcome(reader: &mut Reader<'_>) -> Option<Option<Outcome>> {
    Some(Some(match reader.byte()? {
        0 => return Some(None),
        1 => Outcome::Count(reader.varint()?),
        2 => Outcome::Refused(reader.text()?.to_owned()),
        3 => {
            let sequence = reader.varint()?;
            let one = |reader: &mut Reader<'_>| {
                Some((reader.space()?, reader.number()?, reader.fixed_u128()?))
            };
            Outcome::Digest(Arc::new(Digest {
                sequence,
                numbers: list(reader, 19, one)?,
                books: reader.fixed_u128()?,
                quarantine: reader.fixed_u128()?,
            }))
        }
        _ => return None,
    }))
}

/// Why a replica gives no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not as far as was asked.
    Behind { applied: u64, wanted: u64 },
    /// It has too much to do.
    Busy,
    /// The question breaks a limit.
    Invalid(String),
    /// Its counts are wrong.
    Differs(String),
    /// Something else, that may be otherwise elsewhere.
    Failed(String),
}

impl Refusal {
    pub(crate) fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Invalid { reason } => Self::Invalid(reason.clone()),
            StoreError::Differs { detail } => Self::Differs(detail.clone()),
            StoreError::Unavailable { .. }
            | StoreError::Corrupt { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::Io { .. }
            | StoreError::Poisoned { .. }
            | StoreError::Closed => Self::Failed(chain(error)),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let (code, text) = match self {
            Self::Behind { applied, wanted } => {
                out.push(0);
                put_varint(&mut out, *applied);
                put_varint(&mut out, *wanted);
                return out;
            }
            Self::Busy => (1, ""),
            Self::Invalid(text) => (2, text.as_str()),
            Self::Differs(text) => (3, text.as_str()),
            Self::Failed(text) => (4, text.as_str()),
        };
        out.push(code);
        put_bytes(&mut out, text.as_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let code = reader.byte()?;
        if code == 0 {
            let (applied, wanted) = (reader.varint()?, reader.varint()?);
            return Some(Self::Behind { applied, wanted });
        }
        let text = reader.text()?.to_owned();
        Some(match code {
            1 => Self::Busy,
            2 => Self::Invalid(text),
            3 => Self::Differs(text),
            4 => Self::Failed(text),
            _ => return None,
        })
    }
}
