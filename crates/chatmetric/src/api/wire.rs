//! The names on the wire: parameters in, bodies out. The only file of the
//! program that knows their spelling and their limits.

use crate::api::spec::{FieldSpec, Scalar};
use crate::api::tenancy::Asked;
use crate::query::Row;
use chatmetric_core::ids::{PHONE_NUMBER_DIGITS_MAX, PhoneNumberError};
use chatmetric_core::time::EPOCH_MS_MAX;
use chatmetric_core::{EpochMs, Granularity, PhoneNumber, TimeRange, Window};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::params::{Params, echo};
use chatmetric_rpc::response::{Document, FieldWriter, RequestId, Table};

/// Code of every success.
const OK: &str = "OK";
/// Message of every success.
const MESSAGE_NONE: &str = "None";
/// AccessDeniedDetail of every success: a string, as SDKs insist on.
const DETAIL_NONE: &str = "NONE";

/// The parameters of GetChatappPhoneNumberMetric, checked each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRequest {
    /// Granularity; DAILY when absent.
    pub granularity: Granularity,
    /// Start and End.
    pub range: TimeRange,
    /// PhoneNumber, by its digits.
    pub number: Option<PhoneNumber>,
}

/// IsvCode and CustSpaceId, which every operation has.
#[must_use]
pub fn asked(params: &Params) -> Asked<'_> {
    Asked {
        isv_code: params.optional("IsvCode"),
        cust_space_id: params.optional("CustSpaceId"),
    }
}

impl TryFrom<&Params> for MetricRequest {
    type Error = ApiError;

    fn try_from(params: &Params) -> Result<Self, ApiError> {
        let start = params.required_non_negative_i64("Start")?;
        let end = params.required_non_negative_i64("End")?;
        Ok(Self {
            range: range(start, end)?,
            granularity: granularity(params.optional("Granularity"))?,
            number: number(params.optional("PhoneNumber"))?,
        })
    }
}

fn range(start_ms: i64, end_ms: i64) -> Result<TimeRange, ApiError> {
    if start_ms >= end_ms {
        return Err(ApiError::invalid(
            "TimeRange",
            "Start must be less than End.",
        ));
    }
    let beyond = |name| {
        let reason = format!("The last valid time is {EPOCH_MS_MAX} (ms since the epoch).");
        ApiError::invalid(name, reason)
    };
    let start = EpochMs::checked(start_ms).ok_or_else(|| beyond("Start"))?;
    let end = EpochMs::checked(end_ms).ok_or_else(|| beyond("TimeRange"))?;
    TimeRange::new(start, end).ok_or_else(|| beyond("TimeRange"))
}

fn granularity(text: Option<&str>) -> Result<Granularity, ApiError> {
    match text {
        None | Some("DAILY") => Ok(Granularity::Daily),
        Some("HALF_HOUR") => Ok(Granularity::HalfHour),
        Some(other) => Err(ApiError::invalid(
            "Granularity",
            format!("'{}' is neither DAILY nor HALF_HOUR.", echo(other)),
        )),
    }
}

fn number(text: Option<&str>) -> Result<Option<PhoneNumber>, ApiError> {
    let parsed = text.map(PhoneNumber::parse).transpose();
    parsed.map_err(|error| {
        let reason = match error {
            PhoneNumberError::NoDigits => "It needs at least one digit.".to_owned(),
            PhoneNumberError::TooLong => {
                format!("It has more than {PHONE_NUMBER_DIGITS_MAX} digits.")
            }
        };
        ApiError::invalid("PhoneNumber", reason)
    })
}

const fn granularity_name(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Daily => "DAILY",
        Granularity::HalfHour => "HALF_HOUR",
    }
}

const REQUEST_ID_FIELD: FieldSpec = FieldSpec::value(
    "RequestId",
    Scalar::Text,
    "The id of the request, an upper-case UUID.",
    "1612C226-E271-4CFE-9F18-4066D5E6A0B1",
);
const CODE_FIELD: FieldSpec = FieldSpec::value("Code", Scalar::Text, "OK on success.", OK);
const MESSAGE_FIELD: FieldSpec =
    FieldSpec::value("Message", Scalar::Text, "None on success.", MESSAGE_NONE);
const DETAIL_FIELD: FieldSpec = FieldSpec::value(
    "AccessDeniedDetail",
    Scalar::Text,
    "NONE on success; on a denial by RAM the error body has an object of this name.",
    DETAIL_NONE,
);

/// The members of [`MetricResponse`].
pub const METRIC_FIELDS: [FieldSpec; 5] = [
    REQUEST_ID_FIELD,
    CODE_FIELD,
    MESSAGE_FIELD,
    FieldSpec::list(
        "Data",
        "The rows, by Start and then by PhoneNumber.",
        &[
            FieldSpec::value(
                "SentCount",
                Scalar::Int32,
                "Messages that were sent in the bucket.",
                "10",
            ),
            FieldSpec::value(
                "DeliveredCount",
                Scalar::Int32,
                "Messages that were delivered in the bucket, whenever they were sent.",
                "5",
            ),
            FieldSpec::value(
                "Start",
                Scalar::Int64,
                "The beginning of the bucket, in ms since the epoch.",
                "1693094400000",
            ),
            FieldSpec::value(
                "End",
                Scalar::Int64,
                "The end of the bucket, itself not included.",
                "1693180800000",
            ),
            FieldSpec::value(
                "PhoneNumber",
                Scalar::Text,
                "The number, digits only.",
                "861380000",
            ),
            FieldSpec::value("Granularity", Scalar::Text, "DAILY or HALF_HOUR.", "DAILY"),
        ],
    ),
    DETAIL_FIELD,
];

/// The members of [`DoneResponse`].
pub const DONE_FIELDS: [FieldSpec; 4] = [REQUEST_ID_FIELD, CODE_FIELD, MESSAGE_FIELD, DETAIL_FIELD];

/// The body of a metric answer.
#[derive(Debug)]
pub struct MetricResponse<'a> {
    /// The request's id.
    pub request_id: RequestId,
    /// Of every row.
    pub granularity: Granularity,
    /// What the rows speak of by its place.
    pub windows: &'a [Window],
    /// As the windows.
    pub numbers: &'a [PhoneNumber],
    /// In the order of the answer.
    pub rows: &'a [Row],
}

/// About the bytes of one row, and of what is around the rows.
const ROW_BYTES: usize = 160;
const FRAME_BYTES: usize = 1024;

impl MetricResponse<'_> {
    /// The place of a row's number, and its integers in wire order.
    fn integers(&self, row: &Row) -> Option<(usize, [i64; 4])> {
        let window = self.windows.get(usize::try_from(row.window).ok()?)?;
        let counts =
            [row.sent, row.delivered].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let [sent, delivered] = counts;
        let integers = [sent, delivered, window.start.0, window.end.0];
        Some((usize::try_from(row.number).ok()?, integers))
    }
}

impl Document for MetricResponse<'_> {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        let granularity = granularity_name(self.granularity);
        writer.text("RequestId", self.request_id.text().as_str());
        writer.text("Code", OK);
        writer.text("Message", MESSAGE_NONE);
        let sets = self.numbers.iter();
        let table = Table {
            integers: ["SentCount", "DeliveredCount", "Start", "End"],
            texts: &["PhoneNumber", "Granularity"],
            sets: &sets
                .map(|number| vec![number.as_str(), granularity])
                .collect::<Vec<_>>(),
        };
        let rows = self.rows.iter().filter_map(|row| self.integers(row));
        writer.table("Data", &table, rows);
        writer.text("AccessDeniedDetail", DETAIL_NONE);
    }

    fn size_hint_bytes(&self) -> usize {
        FRAME_BYTES + self.rows.len() * ROW_BYTES
    }
}

/// The body of an answer without data.
#[derive(Debug)]
pub struct DoneResponse {
    /// The request's id.
    pub request_id: RequestId,
}

impl Document for DoneResponse {
    fn write_fields<W: FieldWriter>(&self, writer: &mut W) {
        writer.text("RequestId", self.request_id.text().as_str());
        writer.text("Code", OK);
        writer.text("Message", MESSAGE_NONE);
        writer.text("AccessDeniedDetail", DETAIL_NONE);
    }
}
