//! A command's end of the control socket.

use super::wire::{Answer, Request, SOCKET_FILE, read_message, with_short_path};
use super::{
    Applied, ApplyFlags, ClusterTask, LogPage, LoggedChange, MadeToken, Refusal, RemoteLoader,
    SourceSwitch, SwitchedSource, TallyPage, TallyPlace, TallyQuery, TokenFor, TokenTask,
    TokenTaskDone, Verified,
};
use crate::directory::{Format, GatheredSecrets};
use crate::ingest::stream::StreamReport;
use crate::operator::{OperatorCall, OperatorReply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Why a running server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The connection broke.
    #[error("the connection to the running server broke")]
    Broken(#[source] io::Error),
    /// The answer is not one of ours.
    #[error("the running server gave an answer that is not understood; is it of another version?")]
    Answer,
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A command's end of the socket.
#[derive(Debug)]
pub struct ControlClient {
    pub(super) reader: BufReader<UnixStream>,
}

impl ControlClient {
    /// Connects to the server of a data directory; `None` when none runs there.
    #[must_use]
    pub fn connect(data_dir: &Path) -> Option<Self> {
        let path = data_dir.join(SOCKET_FILE);
        let stream = with_short_path(&path, |short| UnixStream::connect(short)).ok()?;
        Some(Self {
            reader: BufReader::new(stream),
        })
    }

    pub(super) fn ask<T: DeserializeOwned>(
        &mut self,
        request: &Request,
    ) -> Result<T, ControlError> {
        self.send(request)?;
        self.hear()
    }

    pub(super) fn send(&mut self, message: &impl Serialize) -> Result<(), ControlError> {
        let line = serde_json::to_vec(message).map_err(|_| ControlError::Answer)?;
        self.send_line(&[&line])
    }

    /// Sends the parts of one line.
    pub(super) fn send_line(&mut self, parts: &[&[u8]]) -> Result<(), ControlError> {
        let socket = self.reader.get_mut();
        let mut parts = parts.iter();
        let sent = parts.try_for_each(|part| socket.write_all(part));
        sent.and_then(|()| socket.write_all(b"\n"))
            .map_err(ControlError::Broken)
    }

    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> Result<T, ControlError> {
        let line = read_message(&mut self.reader)
            .map_err(ControlError::Broken)?
            .ok_or_else(|| ControlError::Broken(io::ErrorKind::UnexpectedEof.into()))?;
        let answer: Answer = serde_json::from_slice(&line).map_err(|_| ControlError::Answer)?;
        serde_json::from_value(answer?).map_err(|_| ControlError::Answer)
    }

    /// As [`super::Operator::apply`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn apply(
        &mut self,
        text: String,
        format: Format,
        secrets: GatheredSecrets,
        flags: ApplyFlags,
    ) -> Result<Applied, ControlError> {
        self.ask(&Request::Apply {
            text,
            json: format == Format::Json,
            secrets,
            flags,
        })
    }

    /// As [`super::Operator::export`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn export(&mut self, format: Format, with_secrets: bool) -> Result<String, ControlError> {
        self.ask(&Request::Export {
            json: format == Format::Json,
            with_secrets,
        })
    }

    /// As [`super::Operator::audit_log`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn audit_log(&mut self, page: LogPage) -> Result<Vec<LoggedChange>, ControlError> {
        self.ask(&Request::AuditLog { page })
    }

    /// As [`super::Operator::setup_token`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn setup_token(&mut self, whose: TokenFor) -> Result<MadeToken, ControlError> {
        self.ask(&Request::SetupToken { whose })
    }

    /// As [`super::Operator::switch_source`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn switch_source(&mut self, wanted: SourceSwitch) -> Result<SwitchedSource, ControlError> {
        self.ask(&Request::SwitchSource { wanted })
    }

    /// As [`super::Operator::operator_token`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn operator_token(&mut self, task: TokenTask) -> Result<TokenTaskDone, ControlError> {
        self.ask(&Request::OperatorToken { task })
    }

    /// As [`super::Operator::call`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn operate(&mut self, call: OperatorCall) -> Result<OperatorReply, ControlError> {
        self.ask(&Request::Operate { call })
    }

    /// How the streams of the server go.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn streams(&mut self) -> Result<Vec<StreamReport>, ControlError> {
        self.ask(&Request::Streams {})
    }

    /// As [`super::Operator::cluster`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn cluster(&mut self, task: ClusterTask) -> Result<serde_json::Value, ControlError> {
        self.ask(&Request::Cluster { task })
    }

    /// As [`super::Operator::verify`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn verify(&mut self) -> Result<Verified, ControlError> {
        self.ask(&Request::Verify {})
    }

    /// As [`super::Operator::zone`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn zone(&mut self, space: &str) -> Result<String, ControlError> {
        self.ask(&Request::Zone {
            space: space.to_owned(),
        })
    }

    /// As [`super::Operator::tallies`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn tallies(
        &mut self,
        query: &TallyQuery,
        from: Option<&TallyPlace>,
    ) -> Result<TallyPage, ControlError> {
        self.ask(&Request::Tallies {
            query: query.clone(),
            from: from.cloned(),
        })
    }

    /// Begins an import.
    ///
    /// # Errors
    /// [`ControlError`] when there is no such space.
    pub fn import(mut self, space: &str) -> Result<RemoteLoader, ControlError> {
        self.ask::<()>(&Request::ImportOpen {
            space: space.to_owned(),
        })?;
        Ok(RemoteLoader::new(self))
    }
}
