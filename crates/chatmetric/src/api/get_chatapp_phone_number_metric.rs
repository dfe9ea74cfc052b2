//! GetChatappPhoneNumberMetric: how many messages a number sent and had
//! delivered, in half hours or days.
//!
//! Two steps: [`plan`] judges everything that needs no tallies, [`run`] reads
//! them. A plan that covers much is run off the network threads.

use crate::api::call::{Admitted, caller};
use crate::api::spec::{Access, ErrorSpec, OperationSpec, ParameterSpec, Product, Scalar};
use crate::api::{tenancy, wire};
use crate::config::LimitSettings;
use crate::directory::Snapshot;
use crate::query::{self, QueryError};
use chatmetric_core::time::TooManyWindows;
use chatmetric_core::{
    Granularity, MetricQuery, MetricRow, PhoneNumber, QueryLimits, SpaceKey, TimeRange,
};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::ram::Authorized;
use chatmetric_store::{Store, StoreError};

pub(super) const ISV_CODE: ParameterSpec = ParameterSpec::optional(
    "IsvCode",
    Scalar::Text,
    "The code of an ISV account, which proves that it granted its spaces to the caller.",
    "skdi3kksloslikdkkdk",
);
pub(super) const CUST_SPACE_ID: ParameterSpec = ParameterSpec::optional(
    "CustSpaceId",
    Scalar::Text,
    "The space to ask about: one of the account's own, or one of an ISV account that was granted \
     to the caller. Without it, the account's default space.",
    "293483938849493",
);

/// What both operations of the product declare.
pub(super) const DECLARED_ERRORS: [ErrorSpec; 4] = [
    ErrorSpec {
        http_status: 400,
        code: "Product.Unsubscript",
        message: "You have not subscribed to the specified product.",
    },
    ErrorSpec {
        http_status: 400,
        code: "Ram.PermissionDeny",
        message: "You are not authorized to perform the operation.",
    },
    ErrorSpec {
        http_status: 400,
        code: "System.LimitControl",
        message: "The system is under flow control.",
    },
    ErrorSpec {
        http_status: 400,
        code: "Unknown.ResourceOwnerId",
        message: "The resource does not belong to the current user.",
    },
];

/// The operation.
pub(super) const SPEC: OperationSpec = OperationSpec {
    product: Product::Cams,
    name: "GetChatappPhoneNumberMetric",
    title: "Count the messages of business phone numbers",
    description: "How many messages a number sent and had delivered, in half hours (UTC) or in \
                  days of the space's time zone. Every bucket that overlaps the range is returned \
                  whole; buckets in which nothing happened are left out.",
    access: Access::Get,
    ram_action: Some("cams:GetChatappPhoneNumberMetric"),
    calls_per_second: 50,
    parameters: &[
        ISV_CODE,
        CUST_SPACE_ID,
        ParameterSpec::optional(
            "Granularity",
            Scalar::Text,
            "The length of a bucket.",
            "DAILY",
        )
        .or("DAILY")
        .one_of(&["DAILY", "HALF_HOUR"]),
        ParameterSpec::required(
            "Start",
            Scalar::Int64,
            "The beginning of the range, in ms since the epoch.",
            "1693107714687",
        ),
        ParameterSpec::required(
            "End",
            Scalar::Int64,
            "The end of the range, in ms since the epoch; after Start, itself not included.",
            "1693407714687",
        ),
        ParameterSpec::optional(
            "PhoneNumber",
            Scalar::Text,
            "The business phone number; only its digits count. Without it, all numbers of the \
             space.",
            "861380000",
        ),
    ],
    answer: &wire::METRIC_FIELDS,
    errors: &DECLARED_ERRORS,
};

/// Day blocks that are read at once on a network thread; beyond it a query waits
/// for a thread of its own.
const INLINE_BLOCKS_MAX: usize = 512;
/// Half hours in a day.
const HALF_HOURS_PER_DAY: usize = 48;
/// Longest day of any zone, with room to spare, in ms.
const LONGEST_DAY_MS: i64 = 27 * 3_600_000;

/// A query that its caller is entitled to.
#[derive(Debug)]
pub(crate) struct Plan {
    space: SpaceKey,
    numbers: Vec<PhoneNumber>,
    query: MetricQuery,
    rows_max: usize,
}

impl Plan {
    /// Whether it is short enough to be run at once.
    pub(crate) fn is_small(&self) -> bool {
        let days = self
            .query
            .days()
            .map_or(0, |days| days.end().0 - days.start().0 + 1);
        let days = usize::try_from(days).unwrap_or(usize::MAX);
        self.numbers.len().saturating_mul(days) <= INLINE_BLOCKS_MAX
    }

    pub(crate) fn granularity(&self) -> Granularity {
        self.query.granularity()
    }
}

/// Parameters, then tenancy.
///
/// # Errors
/// `Missing…`, `InvalidParameter.…`, `Ram.PermissionDeny`,
/// `Unknown.ResourceOwnerId`; `InternalError` when the store cannot say which
/// numbers it counted.
pub(super) fn plan(
    request: &Authorized<Admitted>,
    snapshot: &Snapshot,
    store: &dyn Store,
    limits: &LimitSettings,
) -> Result<Plan, ApiError> {
    let request = request.get();
    let wanted = wire::MetricRequest::try_from(request.params())?;
    check_length(wanted.granularity, &wanted.range, limits)?;
    let caller = caller(snapshot, request)?;
    let space = tenancy::space(snapshot, caller, wire::asked(request.params()))?;
    let numbers = tenancy::numbers(snapshot, space, wanted.number, || store.numbers(space.key))
        .map_err(|error| match error {
            tenancy::NumbersError::Foreign => ApiError::UnknownResourceOwner,
            tenancy::NumbersError::Read(error) => unreadable(&error),
        })?;
    let windows = QueryLimits {
        daily_windows_max: limits.daily_days_max,
        half_hour_windows_max: half_hours_max(limits),
    };
    let query = MetricQuery::new(wanted.granularity, &wanted.range, &space.zone, &windows)
        .map_err(|TooManyWindows { windows_max }| too_long(wanted.granularity, windows_max))?;
    Ok(Plan {
        space: space.key,
        numbers,
        query,
        rows_max: limits.rows_max,
    })
}

/// Reads the rows.
///
/// # Errors
/// `InvalidParameter.TooManyRows`; `InternalError` when the tallies cannot be read.
pub(crate) fn run(plan: &Plan, store: &dyn Store) -> Result<Vec<MetricRow>, ApiError> {
    query::rows(store, plan.space, &plan.numbers, &plan.query, plan.rows_max).map_err(|error| {
        match error {
            QueryError::TooManyRows { rows_max } => ApiError::invalid(
                "TooManyRows",
                format!("The answer has more than {rows_max} rows. Ask for a shorter range or for one PhoneNumber."),
            ),
            QueryError::Store(error) => unreadable(&error),
        }
    })
}

/// Refuses what is too long in every zone before anything is looked up; the
/// space's own zone decides the rest.
fn check_length(
    granularity: Granularity,
    range: &TimeRange,
    limits: &LimitSettings,
) -> Result<(), ApiError> {
    let length_ms = range.end().0 - range.start().0;
    let (windows_max, window_ms) = match granularity {
        Granularity::Daily => (limits.daily_days_max, LONGEST_DAY_MS),
        Granularity::HalfHour => (half_hours_max(limits), 1_800_000),
    };
    let most_ms = i64::try_from(windows_max)
        .unwrap_or(i64::MAX)
        .saturating_mul(window_ms);
    if length_ms > most_ms {
        return Err(too_long(granularity, windows_max));
    }
    Ok(())
}

/// One bucket more than the days have, for a range that begins within one.
fn half_hours_max(limits: &LimitSettings) -> usize {
    limits
        .half_hour_days_max
        .saturating_mul(HALF_HOURS_PER_DAY)
        .saturating_add(1)
}

fn too_long(granularity: Granularity, windows_max: usize) -> ApiError {
    let buckets = match granularity {
        Granularity::Daily => "day",
        Granularity::HalfHour => "half-hour",
    };
    let reason = format!("The range overlaps more than {windows_max} {buckets} buckets.");
    ApiError::invalid("TimeRange", reason)
}

fn unreadable(error: &StoreError) -> ApiError {
    // Damage names a file and an offset: for the operator, not for the caller.
    tracing::error!(%error, "the tallies cannot be read");
    ApiError::InternalError
}
