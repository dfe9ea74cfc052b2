//! A backup on its way to another machine: frames, their limits, and the proof that all
//! of them came.
//!
//! ```text
//! frame  = kind (1 byte)  length (4 bytes, big-endian)  payload
//! item   = piece*  end      the end has the length (8 bytes) and the SHA-256 of the pieces
//!        | same             the other side has these bytes
//! stream = item (the head, JSON)  item (the directory)  item*  done
//! ```
//!
//! `wait` may stand between frames; `failed` ends a stream that does not become whole. The
//! end of a stream has the SHA-256 of all frames before it, of pieces the first five bytes
//! alone: what follows those is proven by the end of their item.
//!
//! Not here: HTTP, and what the items are (`wire`). Invariant: a stream that was cut,
//! reordered or changed anywhere is never taken for a whole one.

use super::BackupError;
use super::wire::{Head, strange};
use bytes::{BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use std::io::Read;

/// Longest payload of a frame, in bytes.
pub const PIECE_BYTES_MAX: usize = 256 * 1024;
/// Longest head, in bytes: [`super::FILES_MAX`] parts have about 20 MB.
const HEAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Kind and length.
const FRAME_HEAD_BYTES: usize = 5;
/// Length and SHA-256.
const END_BYTES: usize = 8 + 32;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Piece,
    End,
    Same,
    Wait,
    Done,
    Failed,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Piece => b'P',
            Self::End => b'E',
            Self::Same => b'S',
            Self::Wait => b'W',
            Self::Done => b'Z',
            Self::Failed => b'X',
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            b'P' => Some(Self::Piece),
            b'E' => Some(Self::End),
            b'S' => Some(Self::Same),
            b'W' => Some(Self::Wait),
            b'Z' => Some(Self::Done),
            b'X' => Some(Self::Failed),
            _ => None,
        }
    }
}

/// Makes frames; `give` says `false` when nobody takes them any more.
pub(super) struct FrameWriter<'a> {
    give: &'a mut dyn FnMut(Bytes) -> bool,
    whole: Sha256,
    item: Sha256,
    item_bytes: u64,
}

impl<'a> FrameWriter<'a> {
    pub(super) fn new(give: &'a mut dyn FnMut(Bytes) -> bool) -> Self {
        Self {
            give,
            whole: Sha256::new(),
            item: Sha256::new(),
            item_bytes: 0,
        }
    }

    fn frame(&mut self, kind: Kind, payload: &[u8]) -> bool {
        let mut frame = BytesMut::with_capacity(FRAME_HEAD_BYTES + payload.len());
        frame.put_u8(kind.byte());
        // No payload is that long.
        frame.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        self.whole.update(&frame);
        if kind != Kind::Piece {
            self.whole.update(payload);
        }
        frame.put_slice(payload);
        (self.give)(frame.freeze())
    }

    /// Some bytes of an item.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> bool {
        self.item.update(bytes);
        self.item_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut pieces = bytes.chunks(PIECE_BYTES_MAX);
        pieces.all(|piece| self.frame(Kind::Piece, piece))
    }

    /// The end of an item.
    pub(super) fn end(&mut self) -> bool {
        let mut end = self.item_bytes.to_be_bytes().to_vec();
        end.extend_from_slice(&std::mem::take(&mut self.item).finalize());
        self.item_bytes = 0;
        self.frame(Kind::End, &end)
    }

    /// An item that is not sent because the other side has it.
    pub(super) fn same(&mut self) -> bool {
        self.frame(Kind::Same, &[])
    }

    /// Tells that there will be more.
    pub(super) fn wait(&mut self) -> bool {
        self.frame(Kind::Wait, &[])
    }

    /// The stream is whole.
    pub(super) fn done(&mut self) -> bool {
        let sum = self.whole.clone().finalize();
        self.frame(Kind::Done, &sum)
    }

    /// The stream will not be whole.
    pub(super) fn failed(&mut self) {
        self.frame(Kind::Failed, &[]);
    }
}

/// Reads frames, in bounded memory.
pub(super) struct FrameReader<R> {
    reader: R,
    whole: Sha256,
    payload: Vec<u8>,
    /// A frame that was looked at and not taken yet.
    looked_at: Option<Kind>,
}

/// An item as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// All of it.
    Whole,
    /// Whoever took it wanted no more.
    Stopped,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            whole: Sha256::new(),
            payload: Vec::new(),
            looked_at: None,
        }
    }

    /// What comes next; its payload is in `self.payload`.
    fn next(&mut self) -> Result<Kind, BackupError> {
        if let Some(kind) = self.looked_at.take() {
            return Ok(kind);
        }
        loop {
            let before = self.whole.clone();
            let mut head = [0; FRAME_HEAD_BYTES];
            self.read_into(&mut head)?;
            let [kind, length @ ..] = head;
            let kind = Kind::of(kind).ok_or_else(|| strange("has a frame of no known kind"))?;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if length > PIECE_BYTES_MAX {
                return Err(strange("has a frame that is too long"));
            }
            let mut payload = std::mem::take(&mut self.payload);
            payload.resize(length, 0);
            self.read_into(&mut payload)?;
            self.payload = payload;
            self.whole.update(head);
            if kind != Kind::Piece {
                self.whole.update(&self.payload);
            }
            if kind == Kind::Done && self.payload != before.finalize().as_slice() {
                return Err(strange("is not what its end says"));
            }
            match kind {
                Kind::Wait => {}
                Kind::Failed => return Err(BackupError::ServerFailed),
                Kind::Piece | Kind::End | Kind::Same | Kind::Done => return Ok(kind),
            }
        }
    }

    fn read_into(&mut self, into: &mut [u8]) -> Result<(), BackupError> {
        let read = self.reader.read_exact(into);
        read.map_err(|source| BackupError::StreamCut { source })
    }

    /// Whether the next item is one that is there.
    pub(super) fn is_same(&mut self) -> Result<bool, BackupError> {
        let kind = self.next()?;
        if kind == Kind::Same {
            return Ok(true);
        }
        self.looked_at = Some(kind);
        Ok(false)
    }

    /// Gives the bytes of the next item and checks them against its end.
    pub(super) fn item(
        &mut self,
        give: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Item, BackupError> {
        let (mut sum, mut bytes) = (Sha256::new(), 0_u64);
        loop {
            match self.next()? {
                Kind::Piece => {
                    sum.update(&self.payload);
                    bytes += u64::try_from(self.payload.len()).unwrap_or(u64::MAX);
                    if !give(&self.payload) {
                        return Ok(Item::Stopped);
                    }
                }
                Kind::End => {
                    let mut said = bytes.to_be_bytes().to_vec();
                    said.extend_from_slice(&sum.finalize());
                    if self.payload.len() != END_BYTES || self.payload != said {
                        return Err(strange("has a part that is not what its end says"));
                    }
                    return Ok(Item::Whole);
                }
                Kind::Same | Kind::Wait | Kind::Done | Kind::Failed => {
                    return Err(strange("has its parts in another order than it says"));
                }
            }
        }
    }

    /// Reads the first item.
    pub(super) fn head(&mut self) -> Result<Head, BackupError> {
        let mut text = Vec::new();
        let read = self.item(&mut |bytes| {
            text.extend_from_slice(bytes);
            text.len() <= HEAD_BYTES_MAX
        })?;
        if read == Item::Stopped {
            return Err(strange("has a head that is too long"));
        }
        Head::read(&text)
    }

    /// Reads the proof that all of it came.
    pub(super) fn done(&mut self) -> Result<(), BackupError> {
        match self.next()? {
            Kind::Done => Ok(()),
            Kind::Piece | Kind::End | Kind::Same | Kind::Wait | Kind::Failed => {
                Err(strange("has more parts than it says"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{PartOf, State, WIRE_FORMAT};
    use super::*;

    fn head() -> Head {
        Head {
            format: WIRE_FORMAT,
            state: State {
                instance: "aa".to_owned(),
                master_key_id: "bb".to_owned(),
                store_format: 2,
                positions: vec![7],
                parts: vec![PartOf {
                    name: "catalog".to_owned(),
                    identity: None,
                    bytes: None,
                }],
            },
            left_out: Vec::new(),
        }
    }

    /// A stream with a head, an item of two pieces, one that is there, and a wait.
    fn stream() -> Vec<u8> {
        let mut all = Vec::new();
        let mut give = |bytes: Bytes| {
            all.extend_from_slice(&bytes);
            true
        };
        let mut writer = FrameWriter::new(&mut give);
        let text = serde_json::to_vec(&head()).expect("written");
        assert!(writer.bytes(&text) && writer.end());
        assert!(writer.bytes(b"one") && writer.wait() && writer.bytes(b"two") && writer.end());
        assert!(writer.same() && writer.done());
        all
    }

    fn read(stream: &[u8]) -> Result<(Head, Vec<u8>, bool), BackupError> {
        let mut reader = FrameReader::new(stream);
        let head = reader.head()?;
        let mut text = Vec::new();
        if reader.is_same()? {
            return Err(strange("is shorter"));
        }
        reader.item(&mut |bytes| {
            text.extend_from_slice(bytes);
            true
        })?;
        let same = reader.is_same()?;
        reader.done()?;
        Ok((head, text, same))
    }

    #[test]
    fn what_was_sent_is_read() {
        let (found, text, same) = read(&stream()).expect("read");
        assert_eq!(
            (found, text.as_slice(), same),
            (head(), &b"onetwo"[..], true)
        );
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_found() {
        let whole = stream();
        for at in 0..whole.len() {
            let cut = read(&whole[..at]).expect_err("cut");
            assert!(matches!(cut, BackupError::StreamCut { .. }), "{at}: {cut}");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(read(&flipped).is_err(), "byte {at}");
        }
    }

    /// Frames that are whole, in another order, or left out.
    #[test]
    fn an_item_more_or_less_is_found() {
        let whole = stream();
        // The item that is there: without it, the end comes too early.
        let same_at = whole.len() - (FRAME_HEAD_BYTES + 32) - FRAME_HEAD_BYTES;
        assert_eq!(whole[same_at], b'S');
        let mut less = whole.clone();
        less.drain(same_at..same_at + FRAME_HEAD_BYTES);
        assert!(read(&less).is_err());
        let mut more = whole.clone();
        let same = whole[same_at..same_at + FRAME_HEAD_BYTES].to_vec();
        more.splice(same_at..same_at, same);
        assert!(read(&more).is_err());
        // A wait that nobody sent.
        let mut waits = whole.clone();
        waits.splice(same_at..same_at, [b'W', 0, 0, 0, 0]);
        let said = read(&waits).expect_err("changed").to_string();
        assert!(said.contains("is not what its end says"), "{said}");
    }

    #[test]
    fn a_frame_and_a_head_have_a_longest() {
        let mut long = vec![b'P'];
        let length = u32::try_from(PIECE_BYTES_MAX + 1).expect("small");
        long.extend_from_slice(&length.to_be_bytes());
        let said = read(&long).expect_err("long").to_string();
        assert!(said.contains("too long"), "{said}");
        let mut all = Vec::new();
        let mut give = |bytes: Bytes| {
            all.extend_from_slice(&bytes);
            true
        };
        let mut writer = FrameWriter::new(&mut give);
        assert!(writer.bytes(&vec![b' '; HEAD_BYTES_MAX + 1]) && writer.end());
        let said = read(&all).expect_err("long").to_string();
        assert!(said.contains("head that is too long"), "{said}");
    }

    #[test]
    fn a_newer_stream_is_named_and_a_failure_told() {
        let mut all = Vec::new();
        let mut give = |bytes: Bytes| {
            all.extend_from_slice(&bytes);
            true
        };
        let mut writer = FrameWriter::new(&mut give);
        assert!(writer.bytes(b"{\"format\":2,\"unknown\":1}") && writer.end());
        let said = read(&all).expect_err("newer").to_string();
        assert!(said.contains("has format 2"), "{said}");
        all.clear();
        let mut give = |bytes: Bytes| {
            all.extend_from_slice(&bytes);
            true
        };
        FrameWriter::new(&mut give).failed();
        assert!(matches!(read(&all), Err(BackupError::ServerFailed)));
    }
}
