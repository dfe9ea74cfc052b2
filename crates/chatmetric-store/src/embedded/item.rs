//! One item of the quarantine: what is kept, and its bytes in the journal and in
//! the catalog (the same ones).
//!
//! The target of a held event is kept with it, so that a claim needs no other
//! source; an event that was late at its arrival has the reason `Late` and can
//! never be claimed.

use crate::api::{
    QuarantineId, Quarantined, QuarantinedContent, Reason, SourceName, StatusEvent, Target,
};
use crate::coding::{
    Reader, put_bytes, put_signed, put_varint, reason_code, reason_of, status_code, status_of,
};
use chatmetric_core::{AccountKey, EpochMs, Fingerprint, SpaceKey};

/// The version of the encoding.
const VERSION: u8 = 1;

/// What the quarantine keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) source: SourceName,
    pub(crate) received_at: EpochMs,
    pub(crate) reason: Reason,
    pub(crate) body: Body,
}

/// A readable event or sealed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Event(StatusEvent),
    Sealed(AccountKey, Box<[u8]>),
}

impl Item {
    /// Appends the encoding.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.push(reason_code(self.reason));
        put_signed(out, self.received_at.0);
        put_bytes(out, self.source.as_bytes());
        match &self.body {
            Body::Sealed(account, sealed) => {
                out.push(0);
                put_varint(out, account.0.into());
                put_bytes(out, sealed);
            }
            Body::Event(event) => {
                match event.target {
                    Target::Space(space) => {
                        out.push(1);
                        put_varint(out, space.0.into());
                    }
                    Target::Held(account) => {
                        out.push(2);
                        put_varint(out, account.0.into());
                    }
                    Target::Refused(account, reason) => {
                        out.push(3);
                        put_varint(out, account.0.into());
                        out.push(reason_code(reason));
                    }
                }
                out.extend_from_slice(&event.fingerprint.0.to_le_bytes());
                put_bytes(out, event.number.as_bytes());
                out.push(status_code(event.status));
                put_signed(out, event.at.0);
            }
        }
    }

    /// Reads what [`Item::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        let reason = reason_of(reader.byte()?)?;
        let received_at = reader.time()?;
        let source = SourceName::from(reader.text()?);
        let kind = reader.byte()?;
        let owner = reader.varint_u32()?;
        let body = if kind == 0 {
            Body::Sealed(AccountKey(owner), Box::from(reader.bytes()?))
        } else {
            let target = match kind {
                1 => Target::Space(SpaceKey(owner)),
                2 => Target::Held(AccountKey(owner)),
                3 => Target::Refused(AccountKey(owner), reason_of(reader.byte()?)?),
                _ => return None,
            };
            Body::Event(StatusEvent {
                fingerprint: Fingerprint(reader.fixed_u128()?),
                number: reader.number()?,
                status: status_of(reader.byte()?)?,
                at: reader.time()?,
                target,
            })
        };
        reader.is_empty().then_some(Self {
            source,
            received_at,
            reason,
            body,
        })
    }

    /// About how much memory the item takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let sealed = match &self.body {
            Body::Event(_) => 0,
            Body::Sealed(_, sealed) => sealed.len(),
        };
        200 + sealed
    }

    /// What the border shows of it.
    pub(crate) fn describe(&self, id: u64) -> Quarantined {
        let (account, space, content) = match &self.body {
            Body::Sealed(account, sealed) => (
                Some(*account),
                None,
                QuarantinedContent::Sealed(sealed.clone()),
            ),
            Body::Event(event) => {
                let (account, space) = match event.target {
                    Target::Space(space) => (None, Some(space)),
                    Target::Held(account) | Target::Refused(account, _) => (Some(account), None),
                };
                let content = QuarantinedContent::Event {
                    fingerprint: event.fingerprint,
                    number: event.number,
                    status: event.status,
                    at: event.at,
                };
                (account, space, content)
            }
        };
        Quarantined {
            id: QuarantineId(id),
            source: self.source.clone(),
            received_at: self.received_at,
            account,
            space,
            reason: self.reason,
            content,
        }
    }
}
