//! Pipes between threads that block and tasks that do not; both ways, with the size and the
//! hash of what went through.
//!
//! Not here: what goes through. Invariants: a pipe holds a few pieces at most; when one side
//! ends, the other one does.

use bytes::{Buf as _, Bytes};
use std::io::{Error, ErrorKind, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use xxhash_rust::xxh3::Xxh3;

/// Pieces on the way.
const PIECES_MAX: usize = 4;
const PIECE_BYTES: usize = 256 * 1024;
/// A server that gives nothing for so long will not: what was asked for is gone.
const STALLED_AFTER: Duration = Duration::from_secs(20);

/// How much went through, and its hash.
type Went = (u64, u128);

#[derive(Default)]
struct Sum {
    bytes: u64,
    hash: Xxh3,
}

impl Sum {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += u64::try_from(piece.len()).unwrap_or(0);
        self.hash.update(piece);
    }
}

/// The blocking end of a pipe out of a store.
pub(super) struct Writer {
    sender: Sender<Bytes>,
    sum: Arc<Mutex<Sum>>,
}

/// The other end.
pub(super) struct Pieces {
    receiver: Receiver<Bytes>,
    rest: Bytes,
}

/// A pipe from a thread to a task.
pub(super) fn out() -> (Writer, Pieces) {
    let (sender, receiver) = channel(PIECES_MAX);
    let writer = Writer {
        sender,
        sum: Arc::default(),
    };
    let pieces = Pieces {
        receiver,
        rest: Bytes::new(),
    };
    (writer, pieces)
}

impl Writer {
    /// Gives a piece; `false`: nobody takes it.
    pub(super) fn give(&self, piece: &[u8]) -> bool {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.add(piece);
        self.sender
            .blocking_send(Bytes::copy_from_slice(piece))
            .is_ok()
    }

    pub(super) fn hash(&self) -> Went {
        let sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        (sum.bytes, sum.hash.digest128())
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        if self.rest.is_empty() {
            match self.receiver.poll_recv(context) {
                Poll::Ready(Some(piece)) => self.rest = piece,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
        let length = self.rest.len().min(buffer.remaining());
        buffer.put_slice(self.rest.get(..length).unwrap_or_default());
        self.rest.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// The end of a pipe into a store that does not block.
pub(super) struct Feeder(Sender<Bytes>);

/// The blocking end.
pub(super) struct Reader {
    receiver: Receiver<Bytes>,
    rest: Bytes,
    sum: Sum,
}

/// A pipe from a task to a thread.
pub(super) fn into() -> (Feeder, Reader) {
    let (sender, receiver) = channel(PIECES_MAX);
    let reader = Reader {
        receiver,
        rest: Bytes::new(),
        sum: Sum::default(),
    };
    (Feeder(sender), reader)
}

impl Feeder {
    /// Gives everything, as long as somebody takes it.
    pub(super) async fn send_all(self, mut from: impl AsyncRead + Unpin) -> Result<(), Error> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = tokio::time::timeout(STALLED_AFTER, from.read(&mut piece)).await;
            let stalled = |_| Error::new(ErrorKind::TimedOut, "nothing more comes");
            let length = read.map_err(stalled)??;
            if length == 0 {
                return Ok(());
            }
            let bytes = Bytes::copy_from_slice(piece.get(..length).unwrap_or_default());
            if self.0.send(bytes).await.is_err() {
                return Ok(());
            }
        }
    }
}

impl Reader {
    pub(super) fn hash(&self) -> Went {
        (self.sum.bytes, self.sum.hash.digest128())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if self.rest.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(buffer.len());
        let taken = self.rest.split_to(length);
        if let Some(place) = buffer.get_mut(..length) {
            place.copy_from_slice(&taken);
        }
        self.sum.add(&taken);
        Ok(length)
    }
}
