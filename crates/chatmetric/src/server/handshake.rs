//! The TLS handshake of one connection, and what is told to those who speak
//! plain HTTP to a TLS port.
//!
//! Not here: which certificate (`tls::Served`). Invariant: whatever the client
//! sends or does not send, it is over after [`HANDSHAKE_TIMEOUT`].

use crate::server::App;
use crate::server::answer::{Answer, RequestIds};
use crate::server::limits::HANDSHAKE_TIMEOUT;
use crate::tls;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::response::ResponseFormat;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How much is read at a time of what nobody wants to know.
const DISCARD_BUFFER_BYTES: usize = 4096;

/// The connection under TLS; `None` when there is none, which the log explains.
pub(super) async fn shake_hands(
    app: &App,
    tls: &tls::Served,
    mut stream: TcpStream,
    peer: SocketAddr,
) -> Option<TlsStream<TcpStream>> {
    let shaking = async {
        if speaks_http(&stream).await? {
            refuse_http(app, &mut stream).await?;
            return Ok(None);
        }
        let acceptor = TlsAcceptor::from(tls.config());
        acceptor.accept(stream).await.map(Some)
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, shaking).await {
        Ok(Ok(Some(stream))) => Some(stream),
        Ok(Ok(None)) => {
            tracing::debug!(%peer, "plain http on the TLS port");
            None
        }
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no TLS handshake");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "the TLS handshake took too long");
            None
        }
    }
}

/// A TLS record begins with its type, a request with the letter of a method.
async fn speaks_http(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0_u8];
    let read = stream.peek(&mut first).await?;
    let [first] = first;
    Ok(read == 1 && first.is_ascii_alphabetic())
}

/// Answers in plain text, which is all that such a client can read.
async fn refuse_http(app: &App, stream: &mut TcpStream) -> io::Result<()> {
    let error = ApiError::MalformedRequest {
        reason: "This port speaks HTTPS, the request came over plain HTTP.".into(),
    };
    let ids = RequestIds::draw(app.entropy.as_ref());
    let answer = Answer::vendor_error(ResponseFormat::Json, &error, "", ids, None).closing();
    stream.write_all(&answer.into_bytes()).await?;
    stream.shutdown().await?;
    // Closing with something unread would reset the connection, and the client
    // would lose the answer.
    let mut buffer = [0_u8; DISCARD_BUFFER_BYTES];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
