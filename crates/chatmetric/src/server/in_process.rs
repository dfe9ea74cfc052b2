//! A server without its sockets and timers: whoever has it hands it the bodies of
//! webhooks, and says when the periodic work is due. For simulations in virtual time,
//! where everything that happens is a function of a seed.
//!
//! Not here: HTTP (framing, limits of heads and bodies, TLS), the API, the console. What
//! is here is what the listener calls once a body was read, not a copy of it.
//!
//! Invariant: an answer of 200 means what it means on a socket.

use crate::config::Settings;
use crate::ingest::{cams_webhook, receive, whatsapp_webhook};
use crate::server::{App, Components, ServerError, background, webhook};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};

/// A server that is driven by calls.
pub struct InProcess {
    app: Arc<App>,
    periodic: Mutex<background::State>,
}

impl InProcess {
    /// Starts as [`Server::start`](crate::server::Server::start) does, up to the
    /// listeners: the first floor is set, durably.
    ///
    /// # Errors
    /// [`ServerError`] when a part cannot be opened or the floor not be set.
    pub fn start(settings: Settings, components: Components) -> Result<Self, ServerError> {
        let app = Arc::new(App::new(settings, components, None, false)?);
        background::set_first_floor(&app).map_err(ServerError::Floor)?;
        let periodic = Mutex::new(background::State::new(&app));
        Ok(Self { app, periodic })
    }

    /// Answers the body of a WhatsApp webhook, inside of a tokio runtime.
    pub async fn whatsapp_webhook(
        &self,
        id: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> (StatusCode, Bytes) {
        let answer = match whatsapp_webhook::find(&self.app, id) {
            Some(found) => webhook::whatsapp_body(&self.app, &found, headers, body).await,
            None => receive::unknown(),
        };
        (answer.status, answer.body)
    }

    /// Answers receipts of CAMS, inside of a tokio runtime.
    pub async fn cams_webhook(&self, id: &str, token: &str, body: &[u8]) -> (StatusCode, Bytes) {
        let answer = match cams_webhook::find(&self.app, id, token) {
            Some(found) => webhook::cams_body(&self.app, &found, body).await,
            None => receive::unknown(),
        };
        (answer.status, answer.body)
    }

    /// Does once what a running server does every second. Blocks.
    pub fn tick(&self) {
        let mut periodic = self.periodic.lock().unwrap_or_else(PoisonError::into_inner);
        periodic.tick(&self.app);
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}
