//! `POST /operator/v1/backup`: a backup of the running instance, streamed to whoever has
//! a token that may write.
//!
//! Not here: what is in the stream (`crate::backup`). Invariants: at most one is on its way
//! at a time; what is refused is refused before the first byte; a client that is gone or
//! takes nothing any more ends it (`connection`), and the state is let go.

use super::{Refusal, Reply};
use crate::backup::{self, Held, Request, Source};
use crate::operator::OperatorError;
use crate::server::App;
use crate::server::answer::Answer;
use bytes::Bytes;
use serde::Deserialize as _;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Frames of an answer that wait for the client: with [`backup::PIECE_BYTES_MAX`], what
/// an answer holds of memory.
const FRAMES_MAX: usize = 4;
const STREAM: &str = "application/octet-stream";

/// Begins a backup; `who` is the name of the token.
pub(super) async fn answer(app: &Arc<App>, body: &Value, who: &str) -> Result<Reply, Refusal> {
    let request = Request::deserialize(body)
        .map_err(|error| OperatorError::invalid("body", error.to_string()))?;
    let checked = request.check();
    checked.map_err(|(field, reason)| OperatorError::invalid(&field, reason))?;
    let turn = Arc::clone(&app.sent_backups).try_acquire_owned();
    let turn = turn.map_err(|_| Refusal::BackupRuns)?;
    let holding = Arc::clone(app);
    let held = tokio::task::spawn_blocking(move || {
        Held::take(Source {
            directory: &holding.directory,
            store: holding.store.as_ref(),
            clock: holding.clock.as_ref(),
        })
    });
    let held = held.await;
    let held = held.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let held = held.map_err(OperatorError::failed)?;
    let (sender, frames) = mpsc::channel::<Bytes>(FRAMES_MAX);
    let (app, who) = (Arc::clone(app), who.to_owned());
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let mut give = |frame| !app.is_stopping() && sender.blocking_send(frame).is_ok();
        match backup::send(held, &request, &mut give) {
            Ok(Some(sent)) => tracing::info!(
                token = who,
                parts = sent.parts,
                parts_present = sent.present,
                bytes = sent.bytes,
                "sent a backup"
            ),
            Ok(None) => tracing::warn!(token = who, "a backup that was sent was broken off"),
            Err(error) => {
                let error = crate::cli::error_chain(&error);
                tracing::error!(token = who, error, "could not send a backup");
            }
        }
    });
    Ok(Reply(Answer::streaming(STREAM, frames).closing()))
}
