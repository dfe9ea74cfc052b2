//! Our side of the comparison: the API, called as any client would.

use super::super::query::{ENDPOINT_DEFAULT, call_patiently, explain};
use super::super::{CliError, profile};
use super::Asked;
use crate::client::{ApiClient, Endpoint, MetricCall, Row};
use crate::entropy::SystemEntropy;
use crate::reconcile::{Series, series_of_rows};
use crate::tls::CaFile;
use chatmetric_core::{Granularity, TimeRange};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct OurArguments {
    /// The CustSpaceId [default: the default space of the account]
    #[arg(long, value_name = "ID")]
    space: Option<String>,
    /// The IsvCode
    #[arg(long, value_name = "C")]
    isv_code: Option<String>,
    /// Where our API is
    #[arg(long, value_name = "URL", env = "CHATMETRIC_ENDPOINT", default_value = ENDPOINT_DEFAULT)]
    endpoint: String,
    /// Trust the CAs in this PEM file, and no others, for our API
    #[arg(long, value_name = "PATH", env = "CHATMETRIC_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// A profile of ~/.aliyun/config.json with our AccessKey
    #[arg(long, value_name = "P")]
    profile: Option<String>,
}

/// Our API, with what is asked of it each time.
pub(super) struct Ours {
    client: ApiClient,
    space: Option<String>,
    isv_code: Option<String>,
}

impl Ours {
    pub(super) fn open(arguments: &OurArguments, asked: &Asked) -> Result<Self, CliError> {
        let endpoint = Endpoint::parse(&arguments.endpoint)
            .map_err(|error| CliError::usage(error.to_string()))?;
        let ca = arguments.ca_file.as_deref().map(CaFile::read).transpose();
        let ca = ca.map_err(|error| {
            let error = crate::cli::error_chain(&error);
            CliError::usage(format!("`--ca-file`: {error}"))
        })?;
        let credentials = profile::credentials(arguments.profile.as_deref(), |name| {
            std::env::var(name).ok()
        })?;
        let clock = Arc::clone(&asked.clock);
        let mut client = ApiClient::new(endpoint, credentials, clock, Arc::new(SystemEntropy));
        if let Some(ca) = &ca {
            client = client.trusting(ca);
        }
        Ok(Self {
            client,
            space: arguments.space.clone(),
            isv_code: arguments.isv_code.clone(),
        })
    }

    /// What we counted: of these numbers, or of all when none is named.
    pub(super) fn series(
        &self,
        numbers: &[String],
        granularity: Granularity,
        range: TimeRange,
    ) -> Result<Series, CliError> {
        let mut rows: Vec<Row> = Vec::new();
        let calls = calls(
            numbers,
            granularity,
            range,
            (self.space.as_ref(), self.isv_code.as_ref()),
        );
        for call in calls {
            let answer = call_patiently(&self.client, &call).map_err(|error| explain(&error))?;
            rows.extend(answer.rows);
        }
        series_of_rows(&rows, granularity).map_err(|reason| {
            CliError::failed(format!(
                "our own API answered with rows of another kind: {reason}"
            ))
        })
    }
}

/// One call for each number, or one for all.
pub(super) fn calls(
    numbers: &[String],
    granularity: Granularity,
    range: TimeRange,
    (space, isv_code): (Option<&String>, Option<&String>),
) -> Vec<MetricCall> {
    let call = |number: Option<String>| MetricCall {
        start: range.start(),
        end: range.end(),
        granularity: match granularity {
            Granularity::Daily => "DAILY",
            Granularity::HalfHour => "HALF_HOUR",
        },
        number,
        space: space.cloned(),
        isv_code: isv_code.cloned(),
    };
    if numbers.is_empty() {
        vec![call(None)]
    } else {
        numbers.iter().cloned().map(Some).map(call).collect()
    }
}
