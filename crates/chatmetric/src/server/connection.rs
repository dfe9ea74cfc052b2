//! One connection: a stream, over TLS or not, on which hyper's own refusals are
//! spoken in the vendor's shape.
//!
//! hyper answers a head that it cannot parse (bad request line, illegal header,
//! more than `HEAD_BUFFER_BYTES`) by itself, with a 4xx without a body, and SDKs
//! then lose code and request id. [`Translated`] sees these answers when they are
//! written and puts the JSON error into them. Our own 4xx always have a body, so
//! a 4xx with `content-length: 0` is hyper's.
//!
//! It also ends a connection whose client takes nothing of an answer for
//! [`STALL_TIMEOUT`]: hyper has limits for what is read and none for what is written.
//!
//! What remains without an answer: an HTTP/2 preface and a connection that ends
//! within a head.

use crate::entropy::Entropy;
use crate::server::answer::{Answer, RequestIds};
use crate::server::limits::STALL_TIMEOUT;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::response::ResponseFormat;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Longest head of an answer that hyper writes by itself, in bytes.
const OWN_HEAD_BYTES_MAX: usize = 512;

/// See the module.
pub(super) struct Translated<S> {
    stream: S,
    entropy: Arc<dyn Entropy>,
    /// A translated answer that is not yet written, and how far it is.
    pending: Option<(Vec<u8>, usize)>,
    stall: Stall,
}

/// How long nothing was taken.
struct Stall {
    timeout: Duration,
    /// Runs while a write waits.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            sleep: None,
        }
    }

    /// What became of a write: it waits, but not for longer than the timeout.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.sleep = None;
            return write;
        }
        let timeout = self.timeout;
        let start = || Box::pin(tokio::time::sleep(timeout));
        let sleep = self.sleep.get_or_insert_with(start);
        std::task::ready!(sleep.as_mut().poll(cx));
        let error = io::Error::new(io::ErrorKind::TimedOut, "nothing of an answer was taken");
        Poll::Ready(Err(error))
    }
}

impl<S: AsyncWrite + Unpin> Translated<S> {
    pub(super) fn new(stream: S, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            stream,
            entropy,
            pending: None,
            stall: Stall::new(STALL_TIMEOUT),
        }
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, done)) = &mut self.pending {
            let rest = bytes.get(*done..).unwrap_or_default();
            if rest.is_empty() {
                self.pending = None;
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => *done += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn translate(&self, head: &[u8]) -> Option<Vec<u8>> {
        let error = own_refusal(head)?;
        let ids = RequestIds::draw(self.entropy.as_ref());
        tracing::info!(request_id = %ids.request, code = %error, "http head refused");
        let answer = Answer::vendor_error(ResponseFormat::Json, &error, "", ids, None).closing();
        Some(answer.into_bytes())
    }
}

/// The error that a head without a body stands for, if hyper wrote it.
fn own_refusal(written: &[u8]) -> Option<ApiError> {
    let status = written
        .strip_prefix(b"HTTP/1.1 4")
        .or_else(|| written.strip_prefix(b"HTTP/1.0 4"))?;
    let whole = written.len() <= OWN_HEAD_BYTES_MAX && written.ends_with(b"\r\n\r\n");
    let text = std::str::from_utf8(written).ok()?;
    if !whole || !text.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    match status.get(..2)? {
        b"14" => Some(ApiError::UriTooLong),
        b"31" => Some(ApiError::HeadersTooLarge),
        _ => Some(ApiError::MalformedRequest {
            reason: "The request is not well-formed HTTP/1.1.".into(),
        }),
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Translated<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Translated<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        std::task::ready!(this.poll_pending(cx))?;
        if let Some(translated) = this.translate(buffer) {
            this.pending = Some((translated, 0));
            // What cannot be written now is written on flush.
            if let Poll::Ready(Err(error)) = this.poll_pending(cx) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(buffer.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, buffer);
        this.stall.watch(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        std::task::ready!(this.poll_pending(cx))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.stall.watch(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        std::task::ready!(this.poll_pending(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // What hyper writes by itself has no body, so it comes alone.
        if let [alone] = buffers {
            return self.as_mut().poll_write(cx, alone);
        }
        std::task::ready!(self.poll_pending(cx))?;
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, buffers);
        this.stall.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        // Head and body of one answer in one write, and none of them is copied.
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bodiless_refusals_are_translated() {
        let date = "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n";
        let head = |status: &str, length: usize| {
            format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{date}")
        };
        let code = |text: &str| own_refusal(text.as_bytes()).map(|error| error.http_status());
        assert_eq!(code(&head("400 Bad Request", 0)), Some(400));
        assert_eq!(code(&head("414 URI Too Long", 0)), Some(414));
        assert_eq!(
            code(&head("431 Request Header Fields Too Large", 0)),
            Some(431)
        );
        assert_eq!(code(&head("400 Bad Request", 10)), None);
        assert_eq!(code(&head("200 OK", 0)), None);
        assert_eq!(code(&(head("400 Bad Request", 0) + "x")), None);
        assert_eq!(code("HTTP/1.1 100 Continue\r\n\r\n"), None);
    }

    /// A client that reads a little each time is no client that stands still.
    #[tokio::test]
    async fn a_client_that_takes_nothing_is_not_waited_for() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (near, mut far) = tokio::io::duplex(16);
        let mut near = Translated::new(near, Arc::new(crate::entropy::SystemEntropy));
        near.stall = Stall::new(Duration::from_millis(50));
        let reading = tokio::spawn(async move {
            let mut taken = [0; 16];
            for _ in 0..8 {
                far.read_exact(&mut taken).await.expect("read");
            }
            far
        });
        near.write_all(&[0; 8 * 16]).await.expect("taken");
        let far = reading.await.expect("read");
        near.write_all(&[0; 16]).await.expect("there is room");
        let write = tokio::time::timeout(Duration::from_secs(20), near.write_all(b"x"));
        let error = write.await.expect("not for ever").expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }
}
