//! A backup of an open instance as a stream, for somebody elsewhere.
//!
//! Not here: who may have it, and how it travels (`server::operator`). Invariant: the end
//! that makes the stream whole comes after every byte of the state was read without a
//! fault.

use super::BackupError;
use super::frames::FrameWriter;
use super::origin::{Held, Origin as _};
use super::wire::{Have, Head, Request, WIRE_FORMAT};
use bytes::Bytes;
use std::collections::HashMap;

/// After so many bytes that are read and not sent, the other side is told to wait.
const WAIT_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    /// Parts of the store.
    pub(crate) parts: u64,
    /// Those of them that the other side has.
    pub(crate) present: u64,
    /// Bytes of all frames.
    pub(crate) bytes: u64,
}

/// Sends a state; `give` says `false` when nobody takes it any more. `None` when that
/// happened.
///
/// # Errors
/// What the instance says; the other side was told that it gets no whole backup.
pub(crate) fn send(
    held: Held,
    request: &Request,
    give: &mut dyn FnMut(Bytes) -> bool,
) -> Result<Option<Sent>, BackupError> {
    let mut bytes = 0;
    let mut counting = |frame: Bytes| {
        bytes += u64::try_from(frame.len()).unwrap_or(u64::MAX);
        give(frame)
    };
    let mut frames = FrameWriter::new(&mut counting);
    let sent = send_all(held, request, &mut frames).inspect_err(|_| frames.failed())?;
    Ok(sent.map(|sent| Sent { bytes, ..sent }))
}

fn send_all(
    mut held: Held,
    request: &Request,
    frames: &mut FrameWriter<'_>,
) -> Result<Option<Sent>, BackupError> {
    let have = request.have.iter();
    let have: HashMap<&str, &Have> = have.map(|it| (it.identity.as_str(), it)).collect();
    let parts = held.state.parts.clone();
    let had: Vec<Option<&Have>> = parts
        .iter()
        .map(|part| {
            let had = have.get(part.identity.as_deref()?).copied()?;
            (part.bytes == Some(had.bytes)).then_some(had)
        })
        .collect();
    // What a backup there vouches for is not read here.
    let is_left_out = |had: &Option<&Have>| had.is_some_and(|it| it.sha256.is_none());
    let left_out = (0..).zip(&had).filter(|(_, had)| is_left_out(had));
    let head = Head {
        format: WIRE_FORMAT,
        state: held.state.clone(),
        left_out: left_out.map(|(at, _)| at).collect(),
    };
    let text = serde_json::to_vec(&head).map_err(|error| BackupError::Step {
        operation: "write the head of a backup",
        source: error.into(),
    })?;
    if !(frames.bytes(&text) && frames.end()) {
        return Ok(None);
    }
    if !(held.directory(&mut |bytes| frames.bytes(bytes))? && frames.end()) {
        return Ok(None);
    }
    let mut sent = Sent::default();
    for (at, had) in had.iter().enumerate() {
        sent.parts += 1;
        if is_left_out(had) {
            held.let_go(at);
            sent.present += 1;
            continue;
        }
        match is_same(&held, at, had.and_then(|it| it.sha256.as_deref()), frames)? {
            None => return Ok(None),
            Some(true) => {
                held.let_go(at);
                sent.present += 1;
                if !frames.same() {
                    return Ok(None);
                }
            }
            Some(false) => {
                if !(held.part(at, &mut |bytes| frames.bytes(bytes))? && frames.end()) {
                    return Ok(None);
                }
            }
        }
    }
    Ok(frames.done().then_some(sent))
}

/// Whether the other side has the bytes of a part; `None` when it is gone.
fn is_same(
    held: &Held,
    part: usize,
    sum: Option<&str>,
    frames: &mut FrameWriter<'_>,
) -> Result<Option<bool>, BackupError> {
    let Some(sum) = sum else {
        return Ok(Some(false));
    };
    let mut unsaid_bytes = 0;
    let found = held.sum(part, &mut |bytes| {
        unsaid_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if unsaid_bytes < WAIT_EVERY_BYTES {
            return true;
        }
        unsaid_bytes = 0;
        frames.wait()
    })?;
    Ok(found.map(|found| found == sum))
}
