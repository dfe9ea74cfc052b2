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
use crate::query::{self, QueryError, Row};
use chatmetric_core::time::{TooManyWindows, half_hours_len};
use chatmetric_core::{Granularity, MetricQuery, PhoneNumber, QueryLimits, SpaceKey, TimeRange};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::ram::Authorized;
use chatmetric_store::{Store, StoreError};
use std::sync::Arc;

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
/// A day of 24 hours, in ms.
const DAY_MS: i64 = 24 * 3_600_000;
/// How much longer than as many times 24 hours consecutive days of a zone can be:
/// as far as its offset ever fell, in ms.
const DAYS_SURPLUS_MS_MAX: i64 = 7 * 3_600_000;

/// A query that its caller is entitled to.
#[derive(Debug)]
pub(crate) struct Plan {
    snapshot: Arc<Snapshot>,
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

    pub(crate) const fn query(&self) -> &MetricQuery {
        &self.query
    }

    pub(crate) fn numbers(&self) -> &[PhoneNumber] {
        &self.numbers
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
    snapshot: &Arc<Snapshot>,
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
        snapshot: Arc::clone(snapshot),
        space: space.key,
        numbers,
        query,
        rows_max: limits.rows_max,
    })
}

/// Reads the rows.
///
/// # Errors
/// `InvalidParameter.TooManyRows`; `InternalError` when the tallies cannot be read,
/// `ServiceUnavailable` when they cannot be now.
pub(crate) fn run(plan: &Plan, store: &dyn Store) -> Result<Vec<Row>, ApiError> {
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

/// Why an answer has no rows, for the operator; it names no number.
pub(crate) fn why_empty(plan: &Plan, store: &dyn Store) -> String {
    if plan.numbers.is_empty() {
        return "the space has no number".to_owned();
    }
    let bound_here = |number| {
        let history = plan.snapshot.number_history(number).iter();
        history
            .filter(|binding| binding.space == plan.space)
            .map(|binding| binding.from)
            .min()
    };
    let bound_since = plan.numbers.iter().filter_map(bound_here).min();
    let since = bound_since.map_or_else(String::new, |at| format!("; bound since {at}"));
    let counted = store.numbers(plan.space).unwrap_or_default();
    let known = |number| plan.numbers.binary_search(number).is_ok();
    if !counted.iter().any(known) {
        return format!("nothing was ever counted{since}");
    }
    let end = plan.query.windows().last().map(|window| window.end);
    if end.is_some() && end <= bound_since {
        return format!("nothing was counted in the range{since}, after its end");
    }
    "nothing was counted in the range".to_owned()
}

/// Refuses what is too long in every zone before anything is looked up: any
/// number of half hours, which are those of UTC. Of days, those few ranges are left
/// to the zone of the space that are too long in one zone and not in another.
fn check_length(
    granularity: Granularity,
    range: &TimeRange,
    limits: &LimitSettings,
) -> Result<(), ApiError> {
    let (fits, windows_max) = match granularity {
        Granularity::Daily => {
            let windows_max = limits.daily_days_max;
            let length_ms = range.end().0 - range.start().0;
            (length_ms <= days_ms_max(windows_max), windows_max)
        }
        Granularity::HalfHour => {
            let windows_max = half_hours_max(limits);
            (half_hours_len(range) <= windows_max, windows_max)
        }
    };
    if fits {
        Ok(())
    } else {
        Err(too_long(granularity, windows_max))
    }
}

/// The longest range that so many days of some zone hold.
fn days_ms_max(windows_max: usize) -> i64 {
    i64::try_from(windows_max)
        .unwrap_or(i64::MAX)
        .saturating_mul(DAY_MS)
        .saturating_add(DAYS_SURPLUS_MS_MAX)
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
    if let StoreError::Unavailable { reason } = error {
        // Nothing is wrong with them: who has them is away, or not so far yet.
        tracing::warn!(reason, "the tallies cannot be read now");
        return ApiError::ServiceUnavailable;
    }
    // Damage names a file and an offset: for the operator, not for the caller.
    tracing::error!(%error, "the tallies cannot be read");
    ApiError::InternalError
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::{EpochMs, Zone};
    use jiff::Timestamp;
    use jiff::tz::TimeZoneDatabase;

    /// How far the offset of a zone falls within 402 days, in ms: how much longer than
    /// as many times 24 hours 401 of its days can be.
    fn fall_ms(name: &str) -> i64 {
        let zone = TimeZoneDatabase::bundled().get(name).expect("a zone");
        let mut offset_s = i64::from(zone.to_offset(Timestamp::UNIX_EPOCH).seconds());
        let mut steps: Vec<(i64, i64, i64)> = Vec::new();
        for step in zone.following(Timestamp::UNIX_EPOCH).take(400) {
            let after_s = i64::from(step.offset().seconds());
            steps.push((step.timestamp().as_second(), offset_s, after_s));
            offset_s = after_s;
        }
        let falls = steps
            .iter()
            .enumerate()
            .flat_map(|(at, (begin_s, before_s, _))| {
                let near = steps[at..]
                    .iter()
                    .take_while(move |(end_s, ..)| end_s - begin_s <= 402 * 86_400);
                near.map(move |(_, _, after_s)| before_s - after_s)
            });
        falls.max().unwrap_or(0) * 1_000
    }

    #[test]
    fn the_surplus_is_that_of_the_zone_that_fell_farthest() {
        let zones = TimeZoneDatabase::bundled();
        let most = zones.available().map(|name| fall_ms(name.as_str())).max();
        assert_eq!(most, Some(DAYS_SURPLUS_MS_MAX));
        assert_eq!(fall_ms("Antarctica/Vostok"), DAYS_SURPLUS_MS_MAX);
    }

    #[test]
    fn a_range_is_refused_early_only_if_it_is_too_long_in_every_zone() {
        let limits = LimitSettings::default();
        let windows_max = QueryLimits {
            daily_windows_max: limits.daily_days_max,
            half_hour_windows_max: half_hours_max(&limits),
        };
        let zone = Zone::parse("Antarctica/Vostok").expect("a zone");
        // From 1993 on, across the fall by seven hours in 1994.
        let start = EpochMs(725_846_400_000);
        let years = TimeRange::new(start, EpochMs(start.0 + 1_200 * DAY_MS)).expect("a range");
        let days = zone.days(&years, usize::MAX).expect("days");
        let spans = days.windows(limits.daily_days_max).map(|span| {
            let end = span.last().expect("days").end;
            TimeRange::new(span[0].start, end).expect("a range")
        });
        let longest = spans.max_by_key(|range| range.end().0 - range.start().0);
        let longest = longest.expect("a range");
        let query = MetricQuery::new(Granularity::Daily, &longest, &zone, &windows_max);
        assert!(query.is_ok());
        assert_eq!(check_length(Granularity::Daily, &longest, &limits), Ok(()));
        let more = TimeRange::new(longest.start(), EpochMs(longest.end().0 + 1)).expect("a range");
        assert!(check_length(Granularity::Daily, &more, &limits).is_err());
    }
}
