//! The vendor's side: its `GetChatappPhoneNumberMetric`, signed with the user's own key.

use super::super::api_access::OfSpace;
use super::super::query::call_patiently;
use super::super::{CliError, Exit, Terminal, output::plain, profile};
use super::ours::Ours;
use super::{Asked, CamsArguments};
use crate::client::{ApiClient, ClientError, Endpoint};
use crate::entropy::SystemEntropy;
use crate::reconcile::{
    Incomparable, Provider, Reason, Report, Series, Sides, incomparable, reconcile, series_of_rows,
};
use chatmetric_core::{Granularity, TimeRange};
use std::sync::Arc;

/// The vendor's word for a number that the caller does not have.
const NOT_YOURS: &str = "Unknown.ResourceOwnerId";

/// The vendor's API, with what is asked of it each time.
struct Theirs {
    client: ApiClient,
    of: OfSpace,
    granularity: Granularity,
    range: TimeRange,
}

/// Why there are no counts of theirs.
enum Fault {
    Call(ClientError),
    Answer(Reason),
}

pub(super) fn report(
    arguments: &CamsArguments,
    asked: &Asked,
    ours: &Ours,
    terminal: &Terminal,
) -> Result<Report, CliError> {
    let endpoint = arguments.provider_endpoint.as_deref();
    let endpoint =
        endpoint.ok_or_else(|| CliError::usage("`--against cams` needs `--provider-endpoint`"))?;
    let endpoint = Endpoint::parse(endpoint)
        .map_err(|error| CliError::usage(format!("`--provider-endpoint`: {error}")))?;
    let credentials = profile::named_credentials(
        profile::PROVIDER,
        arguments.provider_profile.as_deref(),
        |name| std::env::var(name).ok(),
    )?;
    let granularity = asked.granularity.unwrap_or(Granularity::Daily);
    let terms = asked.terms(Provider::Cams, granularity, asked.range()?);
    let theirs = Theirs {
        client: ApiClient::new(
            endpoint,
            credentials,
            Arc::clone(&asked.clock),
            Arc::new(SystemEntropy),
        ),
        of: OfSpace {
            space: arguments.provider_space.clone(),
            isv_code: arguments.provider_isv_code.clone(),
        },
        granularity: terms.granularity,
        range: terms.range,
    };
    let mut sides = Sides {
        ours: ours.series(&asked.numbers, terms.granularity, terms.range)?,
        ..Sides::default()
    };
    if asked.numbers.is_empty() {
        match theirs.series(&[]) {
            Ok(series) => sides.theirs = series,
            Err(Fault::Answer(reason)) => return Ok(incomparable(&terms, &reason)),
            Err(Fault::Call(error)) => return Err(explain_theirs(&error)),
        }
    }
    // Whether a number has no rows there because nothing was counted, or because they do
    // not know it, is told when it is asked for alone.
    let missing: Vec<String> = if asked.numbers.is_empty() {
        let missing = sides.ours.keys();
        missing
            .filter(|number| !sides.theirs.contains_key(*number))
            .cloned()
            .collect()
    } else {
        asked.numbers.clone()
    };
    for number in missing {
        terminal.say_more(&format!("asking the provider for {number}"));
        match theirs.series(std::slice::from_ref(&number)) {
            Ok(series) => sides.theirs.extend(series),
            Err(Fault::Answer(reason)) => return Ok(incomparable(&terms, &reason)),
            Err(Fault::Call(ClientError::Api { code, .. })) if code == NOT_YOURS => {
                sides.ours.remove(&number);
                let reason = Reason::NumberLeft {
                    number: number.clone(),
                };
                sides.left_out.push(Incomparable::number(&number, &reason));
            }
            Err(Fault::Call(error)) => return Err(explain_theirs(&error)),
        }
    }
    Ok(reconcile(&terms, sides))
}

impl Theirs {
    fn series(&self, numbers: &[String]) -> Result<Series, Fault> {
        let mut rows = Vec::new();
        for call in self.of.calls(numbers, self.granularity, self.range) {
            let answer = call_patiently(&self.client, &call).map_err(|error| match error {
                ClientError::Body { status: 200, .. } => Fault::Answer(Reason::Cut {
                    what: "its body is not a whole answer of the API".to_owned(),
                }),
                ClientError::Transport { source, .. } if ended_early(&source) => {
                    Fault::Answer(Reason::Cut {
                        what: "the connection ended before its end".to_owned(),
                    })
                }
                error => Fault::Call(error),
            })?;
            rows.extend(answer.rows);
        }
        series_of_rows(&rows, self.granularity).map_err(Fault::Answer)
    }
}

/// Whether a body is shorter than its head says.
pub(super) fn ended_early(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn explain_theirs(error: &ClientError) -> CliError {
    match error {
        ClientError::Transport { .. } | ClientError::Body { .. } => {
            CliError::from_error(Exit::Failed, error).hint("check `--provider-endpoint`")
        }
        ClientError::Api {
            status,
            code,
            message,
            request_id,
        } => CliError::failed(format!(
            "the provider refused: {}: {}\n  HTTP {status}, RequestId {}",
            plain(code),
            plain(message),
            plain(request_id)
        ))
        .hint("the provider's AccessKey, `--provider-space` and `--provider-isv-code` decide"),
    }
}
