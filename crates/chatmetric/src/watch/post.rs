//! One POST to somewhere else: checked addresses, no redirect, no proxy, no patience.
//!
//! Invariants: the address of the connection was judged (`address`); what an answer says
//! beyond its status is not read; an error names scheme, host and port, and never a path.

use super::address::CheckedResolver;
use crate::config::WatchUrl;
use crate::tls::CaFile;
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;

/// How long one message may take.
const POST_TIMEOUT: Duration = Duration::from_secs(10);

/// A message was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// No connection, or no answer.
    #[error("could not reach `{origin}`")]
    Transport {
        origin: String,
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer is not 2xx. Redirects are not followed.
    #[error("`{origin}` answered HTTP {status}")]
    Status { origin: String, status: u16 },
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Poster {
    agent: ureq::Agent,
}

impl Poster {
    pub(super) fn new(allow_private: bool, ca: Option<&CaFile>) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            // A proxy would resolve the name once more, and by itself.
            .proxy(None)
            .user_agent(concat!("chatmetric/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(POST_TIMEOUT));
        if let Some(ca) = ca {
            let roots = ca
                .roots()
                .map(|root| Certificate::from_der(root).to_owned());
            let roots = RootCerts::from(roots);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let resolver = CheckedResolver::new(allow_private);
        Self {
            agent: ureq::Agent::with_parts(config.build(), DefaultConnector::default(), resolver),
        }
    }

    /// Sends JSON to the address with `suffix` added to its path.
    pub(super) fn post(
        &self,
        url: &WatchUrl,
        suffix: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(), PostError> {
        let origin = || url.origin().to_owned();
        let target = format!("{}{suffix}", url.expose());
        let mut request = self
            .agent
            .post(&target)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(body).map_err(|source| PostError::Transport {
            origin: origin(),
            source: Box::new(source),
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(PostError::Status {
            origin: origin(),
            status: status.as_u16(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    fn url(text: &str) -> WatchUrl {
        text.parse().expect("an address")
    }

    #[test]
    fn nothing_is_sent_to_addresses_inside() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        let port = listener.local_addr().expect("bound").port();
        let poster = Poster::new(false, None);
        for host in [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "10.0.0.1",
            "[fc00::1]",
            "0.0.0.0",
            "0x7f000001",
            "2130706433",
            "017700000001",
            // A name that leads to this machine.
            "localhost",
        ] {
            let error = poster.post(&url(&format!("http://{host}:{port}/x")), "", &[], b"{}");
            let error = error.expect_err(host);
            let shown = crate::cli::error_chain(&error);
            assert!(shown.contains("is not public"), "{host}: {shown}");
            assert!(!shown.contains("/x"), "{shown}");
        }
        let nobody = listener.accept().expect_err("nobody called");
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_redirect_is_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let inside = TcpListener::bind("127.0.0.1:0").expect("a port");
        inside.set_nonblocking(true).expect("set");
        let (port, to) = (
            listener.local_addr().expect("bound").port(),
            inside.local_addr().expect("bound"),
        );
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("called");
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).expect("read");
            let answer = format!(
                "HTTP/1.1 302 Found\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).expect("written");
        });
        let poster = Poster::new(true, None);
        let error = poster.post(&url(&format!("http://127.0.0.1:{port}/")), "", &[], b"{}");
        assert!(
            matches!(error, Err(PostError::Status { status: 302, .. })),
            "{error:?}"
        );
        answering.join().expect("ended");
        let nobody = inside.accept().expect_err("nobody called");
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    }
}
