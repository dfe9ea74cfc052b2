//! The table, first part: calls that must succeed, in every dialect, and what their answers are.

use super::checks as c;
use super::request::{Plan, Way};
use super::{Case, Check, Expect, Origin, Run};

const VENDOR: Origin = Origin::Vendor;
const OURS: Origin = Origin::Ours;

/// A call that must succeed.
const fn success(
    name: &'static str,
    checks: &'static str,
    origin: Origin,
    request: fn(&super::Situation) -> Plan,
    more: &'static [Check],
) -> Case {
    let expect = Expect {
        status: 200,
        code: "OK",
        checks: more,
    };
    Case {
        name,
        checks,
        origin,
        run: Run::Call { request, expect },
    }
}

pub(super) const CASES: &[Case] = &[
    success(
        "v3-post-daily",
        "ACS3-HMAC-SHA256, POST, DAILY",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s),
        &[c::is_json],
    ),
    success(
        "v3-post-half-hour",
        "ACS3-HMAC-SHA256, POST, HALF_HOUR",
        VENDOR,
        |s| Plan::half_hours(Way::V3Post, s),
        &[c::is_json],
    ),
    success(
        "v3-get",
        "ACS3-HMAC-SHA256, GET",
        VENDOR,
        |s| Plan::daily(Way::V3Get, s),
        &[c::is_json],
    ),
    success(
        "v3-sm3",
        "ACS3-HMAC-SM3",
        VENDOR,
        |s| Plan::daily(Way::V3Sm3, s),
        &[c::is_json],
    ),
    success(
        "v3-form",
        "ACS3, the parameters in a form",
        OURS,
        |s| Plan::daily(Way::V3Form, s),
        &[c::is_json],
    ),
    success(
        "v1-get",
        "RPC 1.0, GET, Format=JSON",
        VENDOR,
        |s| Plan::daily(Way::V1Get, s).with("Format", "JSON"),
        &[c::is_json],
    ),
    success(
        "v1-post-query",
        "RPC 1.0, POST, the parameters in the query, Format=json",
        VENDOR,
        |s| Plan::daily(Way::V1Post, s).with("Format", "json"),
        &[c::is_json],
    ),
    success(
        "v1-post-form",
        "RPC 1.0, POST, the parameters in a form",
        VENDOR,
        |s| Plan::daily(Way::V1Form, s).with("Format", "JSON"),
        &[c::is_json],
    ),
    success(
        "v1-xml",
        "RPC 1.0, Format=XML",
        VENDOR,
        |s| Plan::daily(Way::V1Get, s).with("Format", "XML"),
        &[c::is_xml],
    ),
    success(
        "v1-xml-by-default",
        "RPC 1.0 without Format answers XML",
        VENDOR,
        |s| Plan::daily(Way::V1Get, s),
        &[c::is_xml],
    ),
    success(
        "data-is-a-list",
        "Data is a list",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s),
        &[c::data_is_a_list],
    ),
    success(
        "nothing-is-an-empty-list",
        "a range without messages: Data is []",
        OURS,
        |s| {
            Plan::daily(Way::V3Post, s)
                .with("Start", 0)
                .with("End", super::DAY_MS)
        },
        &[c::data_is_empty],
    ),
    success(
        "detail-is-a-string",
        "AccessDeniedDetail of a success is a string",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s),
        &[c::detail_is_text],
    ),
    success(
        "row-types",
        "the types of a row's fields",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s),
        &[c::rows_are_typed],
    ),
    success(
        "row-bounds",
        "a row's Start is before its End",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s),
        &[c::rows_start_before_they_end],
    ),
    success(
        "row-granularity-daily",
        "DAILY rows say DAILY",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s),
        &[c::rows_are_daily],
    ),
    success(
        "row-granularity-half-hour",
        "HALF_HOUR rows say HALF_HOUR",
        VENDOR,
        |s| Plan::half_hours(Way::V3Post, s),
        &[c::rows_are_half_hours],
    ),
    success(
        "daily-is-the-default",
        "without Granularity the rows are DAILY",
        VENDOR,
        |s| Plan::daily(Way::V3Post, s).without("Granularity"),
        &[c::rows_are_daily],
    ),
    success(
        "rows-count-something",
        "there is no row of zeros",
        OURS,
        |s| Plan::daily(Way::V3Post, s),
        &[c::rows_count_something],
    ),
    success(
        "rows-are-sorted",
        "rows are sorted by Start, then PhoneNumber",
        OURS,
        |s| Plan::half_hours(Way::V3Post, s),
        &[c::rows_are_sorted],
    ),
    success(
        "half-hours-are-aligned",
        "HALF_HOUR buckets are half hours of UTC",
        OURS,
        |s| Plan::half_hours(Way::V3Post, s),
        &[c::half_hours_are_aligned],
    ),
    success(
        "days-are-days",
        "DAILY buckets are days, and do not overlap",
        OURS,
        |s| Plan::daily(Way::V3Post, s),
        &[c::days_are_days],
    ),
    success(
        "unknown-parameters",
        "unknown parameters are ignored",
        VENDOR,
        |s| {
            Plan::daily(Way::V3Post, s)
                .with("RegionId", "ap-southeast-1")
                .with("OwnerId", 1)
                .with("ResourceOwnerAccount", "x")
        },
        &[],
    ),
    success(
        "empty-optional-parameters",
        "empty optional parameters are absent",
        OURS,
        |s| {
            Plan::daily(Way::V3Post, s)
                .with("CustSpaceId", "")
                .with("IsvCode", "")
                .with("PhoneNumber", "")
        },
        &[],
    ),
    success(
        "end-in-the-future",
        "End may be in the future",
        OURS,
        |s| Plan::daily(Way::V3Post, s).with("End", s.now_ms + super::DAY_MS),
        &[],
    ),
    success(
        "enable-roi-metric",
        "EnableWhatsappROIMetric answers OK",
        VENDOR,
        |_| Plan::enable(),
        &[c::is_json, c::detail_is_text],
    ),
];
