//! How a call of the operator reaches an instance: through the server that has it open,
//! by opening it, or over HTTP.

use super::super::data_dir::OpenMode;
use super::super::session::{Session, explain_control, explain_refusal};
use super::super::{CliError, Exit, InstanceArguments, Terminal};
use crate::client::{Endpoint, agent, stream_agent};
use crate::operator::{OperatorCall, OperatorReply, Verb};
use crate::tls::CaFile;
use clap::Args;
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Longest answer over HTTP, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest file with a secret, in bytes.
const SECRET_FILE_BYTES_MAX: u64 = 4096;

/// Which instance a call goes to.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ReachArguments {
    #[command(flatten)]
    pub(in crate::cli) instance: InstanceArguments,
    /// The address of a server elsewhere, instead of a data directory
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub(in crate::cli) endpoint: Option<String>,
    /// The file with a token for `--endpoint` (`chatmetric admin operator-token`)
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_OPERATOR_TOKEN_FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// The certificates of the CA that issued the server's certificate (PEM)
    #[arg(long, value_name = "PATH", env = "CHATMETRIC_CA_FILE")]
    pub(in crate::cli) ca_file: Option<PathBuf>,
}

/// An instance within reach.
pub(in crate::cli) enum Reach {
    Session(Box<Session>),
    Http(Box<Http>),
}

/// A server elsewhere.
pub(in crate::cli) struct Http {
    endpoint: Endpoint,
    token: String,
    agent: ureq::Agent,
    stream_agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Refused {
    code: String,
    message: String,
    field: Option<String>,
}

impl Reach {
    pub(in crate::cli) fn open(
        arguments: &ReachArguments,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let Some(endpoint) = &arguments.endpoint else {
            let session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
            return Ok(Self::Session(Box::new(session)));
        };
        let endpoint =
            Endpoint::parse(endpoint).map_err(|error| CliError::usage(error.to_string()))?;
        if endpoint.is_plain_and_far() {
            return Err(CliError::usage(format!(
                "`{endpoint}` is plain HTTP on another machine: a token would be readable on \
                 the way"
            ))
            .hint("use https://"));
        }
        let ca = arguments.ca_file.as_deref().map(CaFile::read).transpose();
        let ca = ca.map_err(|error| {
            CliError::usage(format!("`--ca-file`: {}", crate::cli::error_chain(&error)))
        })?;
        let file = arguments.token_file.as_deref();
        let file = file.ok_or_else(|| CliError::usage("`--endpoint` needs `--token-file`"))?;
        Ok(Self::Http(Box::new(Http {
            token: secret_of(file, "--token-file")?,
            agent: agent(&endpoint, ca.as_ref()),
            stream_agent: stream_agent(&endpoint, ca.as_ref()),
            endpoint,
        })))
    }

    pub(in crate::cli) fn call(&mut self, call: OperatorCall) -> Result<OperatorReply, CliError> {
        match self {
            Self::Session(session) => match session.as_mut() {
                Session::Server(client) => client
                    .operate(call)
                    .map_err(|error| explain_control(&error)),
                Session::Own { operator, .. } => operator
                    .call(&call)
                    .map_err(|refusal| explain_refusal(&refusal)),
            },
            Self::Http(http) => http.call(&call),
        }
    }

    /// Lets the instance go.
    pub(in crate::cli) fn close(self) {
        match self {
            Self::Session(session) => session.close(),
            Self::Http(_) => {}
        }
    }
}

impl Http {
    fn call(&self, call: &OperatorCall) -> Result<OperatorReply, CliError> {
        let url = format!("{}{}", self.endpoint, target(call));
        let bearer = format!("Bearer {}", self.token);
        let sent = match call.verb {
            Verb::Get => self.agent.get(&url).header("authorization", bearer).call(),
            Verb::Delete => self
                .agent
                .delete(&url)
                .header("authorization", bearer)
                .call(),
            Verb::Post | Verb::Patch => {
                let request = match call.verb {
                    Verb::Patch => self.agent.patch(&url),
                    Verb::Get | Verb::Delete | Verb::Post => self.agent.post(&url),
                };
                request
                    .header("authorization", bearer)
                    .header("content-type", "application/json")
                    .send(call.body.to_string().as_bytes())
            }
        };
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = self.short_body(&mut response)?;
        if status != 200 {
            return Err(self.refused(status, &body));
        }
        if call.path.last().is_some_and(|last| last.ends_with(".csv")) {
            let text = String::from_utf8(body).map_err(|_| self.not_ours(status))?;
            return Ok(OperatorReply::Csv(text));
        }
        let value = serde_json::from_slice(&body).map_err(|_| self.not_ours(status))?;
        Ok(OperatorReply::Json(value))
    }

    /// Asks for an answer that is a stream, and gives it as it comes.
    pub(in crate::cli) fn stream(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Box<dyn std::io::Read>, CliError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| CliError::failed(format!("could not write JSON: {error}")))?;
        let sent = self
            .stream_agent
            .post(format!("{}/operator/v1/{path}", self.endpoint))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .send(&body[..]);
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let body = self.short_body(&mut response)?;
            return Err(self.refused(status, &body));
        }
        let body = response.into_body().into_with_config().limit(u64::MAX);
        Ok(Box::new(body.reader()))
    }

    fn unreachable(&self, error: &ureq::Error) -> CliError {
        let cause = crate::cli::error_chain(error);
        CliError::failed(format!("could not reach `{}`: {cause}", self.endpoint))
    }

    fn not_ours(&self, status: u16) -> CliError {
        CliError::failed(format!(
            "`{}` answered HTTP {status} with a body that is not an answer of the operator API",
            self.endpoint
        ))
    }

    fn short_body(&self, response: &mut http::Response<ureq::Body>) -> Result<Vec<u8>, CliError> {
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        body.read_to_vec().map_err(|error| self.unreachable(&error))
    }

    /// What the server refused the call with.
    fn refused(&self, status: u16, body: &[u8]) -> CliError {
        let Ok(refused) = serde_json::from_slice::<Refused>(body) else {
            return self.not_ours(status);
        };
        let exit = match refused.field {
            Some(_) => Exit::Usage,
            None => Exit::Failed,
        };
        match exit {
            Exit::Usage => CliError::usage(refused.message),
            Exit::Failed | Exit::BrokenPipe => {
                CliError::failed(format!("{}: {}", refused.code, refused.message))
            }
        }
    }
}

/// The path and query of a call.
fn target(call: &OperatorCall) -> String {
    let path: Vec<String> = call.path.iter().map(|part| encoded(part)).collect();
    let mut target = format!("/operator/v1/{}", path.join("/"));
    for (at, (name, value)) in call.query.iter().enumerate() {
        let mark = if at == 0 { '?' } else { '&' };
        // Writing into a string cannot fail.
        let _ = write!(target, "{mark}{}={}", encoded(name), encoded(value));
    }
    target
}

fn encoded(text: &str) -> String {
    chatmetric_rpc::percent_encode(text)
}

/// A secret from a file, or from stdin (`-`).
pub(in crate::cli) fn secret_of(file: &Path, flag: &str) -> Result<String, CliError> {
    use std::io::Read as _;
    let unreadable = |error: &std::io::Error| {
        CliError::usage(format!(
            "`{flag}`: could not read `{}`: {error}",
            file.display()
        ))
    };
    let mut text = String::new();
    let input: Box<dyn std::io::Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(|error| unreadable(&error))?)
    };
    let read = input
        .take(SECRET_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text);
    let read = read.map_err(|error| unreadable(&error))?;
    let text = text.trim();
    if text.is_empty() || u64::try_from(read).unwrap_or(u64::MAX) > SECRET_FILE_BYTES_MAX {
        return Err(CliError::usage(format!(
            "`{flag}`: `{}` has no secret of 1 to {SECRET_FILE_BYTES_MAX} bytes",
            file.display()
        )));
    }
    Ok(text.to_owned())
}
