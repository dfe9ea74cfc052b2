//! A kept-alive HTTP/1.1 connection: sends prepared bytes, reads one answer.
//!
//! Knows only what our server sends: a status line, headers, `content-length`.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("could not connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends a request and gives status and body.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).context("could not send")?;
        self.buffer.clear();
        let mut chunk = [0_u8; 64 * 1024];
        loop {
            let read = self
                .stream
                .read(&mut chunk)
                .context("could not read the answer")?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            self.buffer
                .extend_from_slice(chunk.get(..read).unwrap_or_default());
            if self.buffer.len() > ANSWER_BYTES_MAX {
                bail!("an answer above {ANSWER_BYTES_MAX} bytes");
            }
            if let Some((head_bytes, body_bytes)) = lengths(&self.buffer)?
                && self.buffer.len() >= head_bytes + body_bytes
            {
                let status =
                    std::str::from_utf8(self.buffer.get(9..12).unwrap_or_default())?.parse()?;
                return Ok((
                    status,
                    self.buffer
                        .get(head_bytes..head_bytes + body_bytes)
                        .unwrap_or_default(),
                ));
            }
        }
    }
}

/// Bytes of the head and of the body, once the head is complete.
fn lengths(answer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("an answer without a length")?;
    Ok(Some((end + 4, length.1.trim().parse()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_its_length_says_so() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(lengths(head.as_bytes()).ok(), Some(Some((head.len(), 5))));
        assert_eq!(lengths(b"HTTP/1.1 200 OK\r\nContent-").ok(), Some(None));
        assert!(lengths(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
