//! Where events go: to the store that this process has open, to a running server, or
//! over HTTP to one elsewhere.

use super::over_http::HttpLoader;
use crate::cli::CliError;
use crate::cli::operate::Reach;
use crate::cli::session::{Session, explain_control, explain_refusal};
use crate::control::{Refusal, RemoteLoader};
use crate::ingest::file::{FileEvent, LoadError, LoadReport, Loader, Reached};

/// Where events go.
pub(super) enum Target {
    Own(Box<Loader>),
    Server(Box<RemoteLoader>),
    Http(Box<HttpLoader>),
}

impl Target {
    /// Gives the session back when it must be closed afterwards.
    pub(super) fn open(reach: Reach, space: &str) -> Result<(Self, Option<Session>), CliError> {
        let unknown_space = |error: CliError| {
            error.hint(
                "`chatmetric directory export` lists the spaces; `chatmetric apply` makes one",
            )
        };
        let session = match reach {
            Reach::Session(session) => *session,
            Reach::Http(_) => {
                let loader = HttpLoader::open(reach, space)?;
                return Ok((Self::Http(Box::new(loader)), None));
            }
        };
        match session {
            Session::Server(client) => {
                let loader = client.import(space);
                let loader = loader.map_err(|error| unknown_space(explain_control(&error)))?;
                Ok((Self::Server(Box::new(loader)), None))
            }
            Session::Own { operator, instance } => match operator.loader(space) {
                Ok(loader) => Ok((
                    Self::Own(Box::new(loader)),
                    Some(Session::Own { operator, instance }),
                )),
                Err(refusal) => {
                    instance.close();
                    Err(unknown_space(explain_refusal(&refusal)))
                }
            },
        }
    }

    pub(super) fn push(&mut self, event: &FileEvent<'_>) -> Result<(), CliError> {
        match self {
            Self::Own(loader) => loader.push(event).map_err(own_error),
            Self::Server(loader) => loader.push(event).map_err(|error| explain_control(&error)),
            Self::Http(loader) => loader.push(event),
        }
    }

    pub(super) fn ignored(&mut self) {
        match self {
            Self::Own(loader) => loader.ignored(1),
            Self::Server(loader) => loader.ignored(1),
            Self::Http(loader) => loader.ignored(1),
        }
    }

    /// Everything of the file up to here was pushed.
    pub(super) fn reach(&mut self, reached: Reached) {
        match self {
            Self::Own(loader) => loader.reach(reached),
            Self::Server(loader) => loader.reach(reached),
            Self::Http(_) => {}
        }
    }

    /// How far everything is durable.
    pub(super) fn durable(&self) -> Option<Reached> {
        match self {
            Self::Own(loader) => loader.durable(),
            Self::Server(loader) => loader.durable(),
            Self::Http(_) => None,
        }
    }

    /// Another file begins.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Own(loader) => loader.begin(),
            Self::Server(loader) => loader.begin(),
            Self::Http(_) => {}
        }
    }

    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        match self {
            Self::Own(loader) => loader.finish().map_err(own_error),
            Self::Server(loader) => loader.finish().map_err(|error| explain_control(&error)),
            Self::Http(loader) => loader.finish(),
        }
    }

    pub(super) fn report(&self) -> &LoadReport {
        match self {
            Self::Own(loader) => loader.report(),
            Self::Server(loader) => loader.report(),
            Self::Http(loader) => loader.report(),
        }
    }
}

fn own_error(error: LoadError) -> CliError {
    explain_refusal(&Refusal::from(error))
}
