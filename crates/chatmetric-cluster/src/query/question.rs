//! What a replica can be asked.
//!
//! Not here: answers. Invariant: what was encoded is decoded as the same, and no bytes make
//! the decoder panic.

use crate::entry::events::{put_reason, reason};
use chatmetric_core::{PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::coding::{Reader, put_bytes, put_length, put_varint};
use chatmetric_store::{QuarantineFilter, QuarantineId};

const VERSION: u8 = 1;

/// A question to one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The floor.
    Floor,
    /// The numbers of a space.
    Numbers(SpaceKey),
    /// The days of a number.
    Days {
        /// In which space.
        space: SpaceKey,
        /// Which number.
        number: PhoneNumber,
        /// The first day.
        from: UtcDay,
        /// The last day.
        to: UtcDay,
    },
    /// What made the counts of a number.
    Explain {
        /// In which space.
        space: SpaceKey,
        /// Which number.
        number: PhoneNumber,
        /// The first slot.
        from: Slot,
        /// The slot behind the last one.
        to: Slot,
    },
    /// The books.
    Books,
    /// Items of the quarantine, by the ids of the partition.
    Quarantine(QuarantineFilter, usize),
    /// Whether everything is sound.
    Verify,
    /// Figures.
    Stats,
    /// What the entry at a place did.
    Outcome(u64),
}

impl Question {
    /// Whether it may take longer than a read.
    pub(crate) const fn is_long(&self) -> bool {
        matches!(self, Self::Verify | Self::Outcome(_))
    }

    /// The request that asks it of a state that holds everything up to `wanted`.
    pub(crate) fn encode(&self, wanted: u64) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_varint(&mut out, wanted);
        match self {
            Self::Floor => out.push(0),
            Self::Numbers(space) => {
                out.push(1);
                put_varint(&mut out, space.0.into());
            }
            Self::Days {
                space,
                number,
                from,
                to,
            } => {
                out.push(2);
                put_varint(&mut out, space.0.into());
                put_bytes(&mut out, number.as_bytes());
                put_varint(&mut out, from.0.into());
                put_varint(&mut out, to.0.into());
            }
            Self::Explain {
                space,
                number,
                from,
                to,
            } => {
                out.push(3);
                put_varint(&mut out, space.0.into());
                put_bytes(&mut out, number.as_bytes());
                put_varint(&mut out, from.0.into());
                put_varint(&mut out, to.0.into());
            }
            Self::Books => out.push(4),
            Self::Quarantine(filter, items_max) => {
                out.push(5);
                put_filter(&mut out, filter);
                put_length(&mut out, *items_max);
            }
            Self::Verify => out.push(6),
            Self::Stats => out.push(7),
            Self::Outcome(sequence) => {
                out.push(8);
                put_varint(&mut out, *sequence);
            }
        }
        out
    }

    /// Reads a request: the place and the question.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let mut reader = Reader::new(bytes);
        let reader = &mut reader;
        if reader.byte()? != VERSION {
            return None;
        }
        let wanted = reader.varint()?;
        let question = match reader.byte()? {
            0 => Self::Floor,
            1 => Self::Numbers(reader.space()?),
            2 => Self::Days {
                space: reader.space()?,
                number: reader.number()?,
                from: reader.day()?,
                to: reader.day()?,
            },
            3 => Self::Explain {
                space: reader.space()?,
                number: reader.number()?,
                from: reader.slot()?,
                to: reader.slot()?,
            },
            4 => Self::Books,
            5 => {
                let filter = filter(reader)?;
                Self::Quarantine(filter, usize::try_from(reader.varint()?).ok()?)
            }
            6 => Self::Verify,
            7 => Self::Stats,
            8 => Self::Outcome(reader.varint()?),
            _ => return None,
        };
        reader.is_empty().then_some((wanted, question))
    }
}

fn put_filter(out: &mut Vec<u8>, filter: &QuarantineFilter) {
    let parts = [
        filter.after.is_some(),
        filter.reason.is_some(),
        filter.account.is_some(),
    ];
    for is_there in parts {
        out.push(u8::from(is_there));
    }
    if let Some(after) = filter.after {
        put_varint(out, after.0);
    }
    if let Some(reason) = filter.reason {
        put_reason(out, reason);
    }
    if let Some(account) = filter.account {
        put_varint(out, account.0.into());
    }
}

fn filter(reader: &mut Reader<'_>) -> Option<QuarantineFilter> {
    let [after, with_reason, account] = reader.array::<3>()?.map(|it| it != 0);
    let mut filter = QuarantineFilter::default();
    if after {
        filter.after = Some(QuarantineId(reader.varint()?));
    }
    if with_reason {
        filter.reason = Some(reason(reader)?);
    }
    if account {
        filter.account = Some(reader.account()?);
    }
    Some(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::AccountKey;
    use chatmetric_store::Reason;
    use proptest::prelude::*;

    #[test]
    fn every_question_comes_back() {
        let number = PhoneNumber::parse("1555").unwrap();
        let (space, from) = (SpaceKey(7), Slot(5));
        let questions = [
            Question::Floor,
            Question::Numbers(space),
            Question::Days {
                space,
                number,
                from: UtcDay(1),
                to: UtcDay(u32::MAX),
            },
            Question::Explain {
                space,
                number,
                from,
                to: Slot(9),
            },
            Question::Books,
            Question::Quarantine(QuarantineFilter::default(), 0),
            Question::Quarantine(
                QuarantineFilter {
                    after: Some(QuarantineId(3)),
                    reason: Some(Reason::Future),
                    account: Some(AccountKey(8)),
                },
                500,
            ),
            Question::Verify,
            Question::Stats,
            Question::Outcome(12),
        ];
        for question in questions {
            let bytes = question.encode(300);
            assert_eq!(Question::decode(&bytes), Some((300, question)));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some((wanted, question)) = Question::decode(&bytes) {
                prop_assert_eq!(Question::decode(&question.encode(wanted)), Some((wanted, question)));
            }
        }
    }
}
