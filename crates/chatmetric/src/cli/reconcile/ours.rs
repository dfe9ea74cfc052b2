//! Our side of the comparison: the API, called as any client would.

use super::super::CliError;
use super::super::api_access::{ApiArguments, OfSpace};
use super::super::query::{call_patiently, explain};
use super::Asked;
use crate::client::{ApiClient, Row};
use crate::reconcile::{Series, series_of_rows};
use chatmetric_core::{Granularity, TimeRange};
use std::sync::Arc;

/// Our API, with what is asked of it each time.
pub(super) struct Ours {
    client: ApiClient,
    of: OfSpace,
}

impl Ours {
    pub(super) fn open(arguments: &ApiArguments, asked: &Asked) -> Result<Self, CliError> {
        Ok(Self {
            client: arguments.client(Arc::clone(&asked.clock))?,
            of: arguments.of_space(),
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
        for call in self.of.calls(numbers, granularity, range) {
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
