//! Where the API is and who calls it: the flags of every command that calls it as any
//! client would, and the calls that they make.
//!
//! Not here: what becomes of the answers. Invariant: a secret is never in an argument; it
//! comes from the environment or from a profile.

use super::{CliError, profile};
use crate::client::{ApiClient, Endpoint, MetricCall};
use crate::clock::Clock;
use crate::entropy::SystemEntropy;
use crate::tls::CaFile;
use chatmetric_core::{Granularity, TimeRange};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;

/// The endpoint when nothing else is said: where `serve` and `demo` listen.
pub(super) const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8080";

#[derive(Debug, Args)]
pub(super) struct ApiArguments {
    /// The CustSpaceId [default: the default space of the account]
    #[arg(long, value_name = "ID")]
    pub(super) space: Option<String>,
    /// The IsvCode
    #[arg(long, value_name = "C")]
    pub(super) isv_code: Option<String>,
    /// Where the API is
    #[arg(long, value_name = "URL", env = "CHATMETRIC_ENDPOINT", default_value = ENDPOINT_DEFAULT)]
    pub(super) endpoint: String,
    /// Trust the CAs in this PEM file, and no others, when the endpoint is https [default: the
    /// public ones]
    #[arg(long, value_name = "PATH", env = "CHATMETRIC_CA_FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// A profile of ~/.aliyun/config.json
    #[arg(long, value_name = "P")]
    pub(super) profile: Option<String>,
}

impl ApiArguments {
    /// A client of that endpoint, with the AccessKey of the environment or the profile.
    ///
    /// # Errors
    /// What a flag says wrongly, and a key that is missing.
    pub(super) fn client(&self, clock: Arc<dyn Clock>) -> Result<ApiClient, CliError> {
        let endpoint =
            Endpoint::parse(&self.endpoint).map_err(|error| CliError::usage(error.to_string()))?;
        let ca = self.ca_file.as_deref().map(CaFile::read).transpose();
        let ca = ca.map_err(|error| {
            CliError::usage(format!("`--ca-file`: {}", super::error_chain(&error)))
        })?;
        let credentials =
            profile::credentials(self.profile.as_deref(), |name| std::env::var(name).ok())?;
        let client = ApiClient::new(endpoint, credentials, clock, Arc::new(SystemEntropy));
        Ok(match &ca {
            Some(ca) => client.trusting(ca),
            None => client,
        })
    }

    /// The space that is asked about, and the code with which.
    pub(super) fn of_space(&self) -> OfSpace {
        OfSpace {
            space: self.space.clone(),
            isv_code: self.isv_code.clone(),
        }
    }
}

/// The space that calls are about.
#[derive(Debug, Clone, Default)]
pub(super) struct OfSpace {
    pub(super) space: Option<String>,
    pub(super) isv_code: Option<String>,
}

impl OfSpace {
    /// One call for each number, or one for all when none is named.
    pub(super) fn calls(
        &self,
        numbers: &[String],
        granularity: Granularity,
        range: TimeRange,
    ) -> Vec<MetricCall> {
        let call = |number: Option<String>| MetricCall {
            start: range.start(),
            end: range.end(),
            granularity: match granularity {
                Granularity::Daily => "DAILY",
                Granularity::HalfHour => "HALF_HOUR",
            },
            number,
            space: self.space.clone(),
            isv_code: self.isv_code.clone(),
        };
        if numbers.is_empty() {
            return vec![call(None)];
        }
        numbers.iter().cloned().map(Some).map(call).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GranularityArgument {
    /// Civil days of the space's time zone
    Daily,
    /// Half hours of UTC
    #[value(alias = "half_hour", alias = "halfhour")]
    HalfHour,
}

impl From<GranularityArgument> for Granularity {
    fn from(argument: GranularityArgument) -> Self {
        match argument {
            GranularityArgument::Daily => Self::Daily,
            GranularityArgument::HalfHour => Self::HalfHour,
        }
    }
}
