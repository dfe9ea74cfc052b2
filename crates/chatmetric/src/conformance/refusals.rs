//! The table, second part: what must be refused, with status, code and shape.

use super::checks as c;
use super::request::{Plan, Spoil, Way};
use super::{Case, Check, Expect, Origin, Run, Situation};

const VENDOR: Origin = Origin::Vendor;
const OURS: Origin = Origin::Ours;

/// A call that must be refused.
const fn refused(
    name: &'static str,
    checks: &'static str,
    origin: Origin,
    (status, code): (u16, &'static str),
    request: fn(&Situation) -> Plan,
    more: &'static [Check],
) -> Case {
    let expect = Expect {
        status,
        code,
        checks: more,
    };
    Case {
        name,
        checks,
        origin,
        run: Run::Call { request, expect },
    }
}

fn daily(situation: &Situation) -> Plan {
    Plan::daily(Way::V3Post, situation)
}

fn v1(situation: &Situation) -> Plan {
    Plan::daily(Way::V1Post, situation).with("Format", "JSON")
}

pub(super) const CASES: &[Case] = &[
    refused(
        "missing-start",
        "Start is mandatory",
        VENDOR,
        (400, "MissingStart"),
        |s| daily(s).without("Start"),
        &[],
    ),
    refused(
        "missing-end",
        "End is mandatory",
        VENDOR,
        (400, "MissingEnd"),
        |s| daily(s).without("End"),
        &[],
    ),
    refused(
        "empty-start",
        "an empty Start is none",
        OURS,
        (400, "MissingStart"),
        |s| daily(s).with("Start", ""),
        &[],
    ),
    refused(
        "invalid-start",
        "Start is an integer",
        OURS,
        (400, "InvalidParameter.Start"),
        |s| daily(s).with("Start", "yesterday"),
        &[],
    ),
    refused(
        "negative-start",
        "Start is not negative",
        OURS,
        (400, "InvalidParameter.Start"),
        |s| daily(s).with("Start", -1),
        &[],
    ),
    refused(
        "invalid-end",
        "End is an integer",
        OURS,
        (400, "InvalidParameter.End"),
        |s| daily(s).with("End", "1.5"),
        &[],
    ),
    refused(
        "start-not-before-end",
        "Start is before End",
        OURS,
        (400, "InvalidParameter.TimeRange"),
        |s| daily(s).with("Start", s.now_ms),
        &[],
    ),
    refused(
        "invalid-granularity",
        "Granularity is DAILY or HALF_HOUR",
        OURS,
        (400, "InvalidParameter.Granularity"),
        |s| daily(s).with("Granularity", "HOURLY"),
        &[],
    ),
    refused(
        "granularity-in-lower-case",
        "Granularity is case-sensitive",
        OURS,
        (400, "InvalidParameter.Granularity"),
        |s| daily(s).with("Granularity", "daily"),
        &[],
    ),
    refused(
        "invalid-phone-number",
        "PhoneNumber has digits",
        OURS,
        (400, "InvalidParameter.PhoneNumber"),
        |s| daily(s).with("PhoneNumber", "none"),
        &[],
    ),
    refused(
        "too-many-days",
        "DAILY has at most 401 days",
        OURS,
        (400, "InvalidParameter.TimeRange"),
        |s| daily(s).with("Start", s.now_ms - 500 * super::DAY_MS),
        &[],
    ),
    refused(
        "too-many-half-hours",
        "HALF_HOUR has at most 31 days",
        OURS,
        (400, "InvalidParameter.TimeRange"),
        |s| Plan::half_hours(Way::V3Post, s).with("Start", s.now_ms - 40 * super::DAY_MS),
        &[],
    ),
    refused(
        "parameter-twice",
        "a parameter that is given twice is refused",
        OURS,
        (400, "InvalidParameter.Granularity"),
        |s| daily(s).and("Granularity", "DAILY"),
        &[],
    ),
    refused(
        "parameter-twice-in-query-and-form",
        "query and form count together",
        OURS,
        (400, "InvalidParameter.Start"),
        |s| {
            Plan::daily(Way::V1Form, s)
                .with("Format", "JSON")
                .spoiled(Spoil::WithQuery("Start=1"))
        },
        &[],
    ),
    refused(
        "foreign-space",
        "a CustSpaceId that is not the caller's",
        VENDOR,
        (400, "Unknown.ResourceOwnerId"),
        |s| daily(s).with("CustSpaceId", "conformance-nobodys-space"),
        &[],
    ),
    refused(
        "foreign-phone-number",
        "a PhoneNumber that is not the space's",
        OURS,
        (400, "Unknown.ResourceOwnerId"),
        |s| daily(s).with("PhoneNumber", "999000000000001"),
        &[],
    ),
    refused(
        "unknown-isv-code",
        "an IsvCode that was not granted",
        OURS,
        (400, "Ram.PermissionDeny"),
        |s| daily(s).with("IsvCode", "conformance-nobodys-code"),
        &[],
    ),
    refused(
        "wrong-secret-v3",
        "ACS3 with a wrong secret; the message has what the server signed",
        VENDOR,
        (400, "SignatureDoesNotMatch"),
        |s| daily(s).spoiled(Spoil::WrongSecret),
        &[c::message_has_canonical_request],
    ),
    refused(
        "wrong-secret-v1",
        "RPC 1.0 with a wrong secret; the message ends with what the server signed",
        VENDOR,
        (400, "SignatureDoesNotMatch"),
        |s| v1(s).spoiled(Spoil::WrongSecret),
        &[c::message_ends_with_string_to_sign],
    ),
    refused(
        "wrong-secret-xml",
        "the same as XML",
        VENDOR,
        (400, "SignatureDoesNotMatch"),
        |s| Plan::daily(Way::V1Get, s).spoiled(Spoil::WrongSecret),
        &[c::is_xml_error, c::message_ends_with_string_to_sign],
    ),
    refused(
        "body-changed",
        "a body that was changed after signing",
        VENDOR,
        (400, "SignatureDoesNotMatch"),
        |s| Plan::daily(Way::V3Form, s).spoiled(Spoil::BodyChanged),
        &[],
    ),
    refused(
        "query-changed",
        "a query that was changed after signing",
        VENDOR,
        (400, "SignatureDoesNotMatch"),
        |s| daily(s).spoiled(Spoil::WithQuery("PhoneNumber=1")),
        &[],
    ),
    refused(
        "unknown-key-v3",
        "ACS3 with an AccessKey id that nobody has",
        VENDOR,
        (404, "InvalidAccessKeyId.NotFound"),
        |s| daily(s).spoiled(Spoil::UnknownKey),
        &[],
    ),
    refused(
        "unknown-key-v1",
        "RPC 1.0 with an AccessKey id that nobody has",
        VENDOR,
        (404, "InvalidAccessKeyId.NotFound"),
        |s| v1(s).spoiled(Spoil::UnknownKey),
        &[],
    ),
    refused(
        "clock-an-hour-slow",
        "a time stamp of an hour ago",
        VENDOR,
        (400, "InvalidTimeStamp.Expired"),
        |s| daily(s).spoiled(Spoil::SlowClock),
        &[],
    ),
    refused(
        "clock-an-hour-fast",
        "a time stamp of an hour from now",
        VENDOR,
        (400, "InvalidTimeStamp.Expired"),
        |s| v1(s).spoiled(Spoil::FastClock),
        &[],
    ),
    refused(
        "time-stamp-with-fraction",
        "a time stamp with a fraction of a second",
        VENDOR,
        (400, "InvalidTimeStamp.Format"),
        |s| daily(s).spoiled(Spoil::FractionOfSecond),
        &[],
    ),
    refused(
        "missing-time-stamp",
        "the time stamp is mandatory",
        VENDOR,
        (400, "MissingTimestamp"),
        |s| daily(s).spoiled(Spoil::WithoutHeader("x-acs-date")),
        &[],
    ),
    refused(
        "missing-nonce",
        "the nonce is mandatory",
        OURS,
        (400, "MissingSignatureNonce"),
        |s| daily(s).spoiled(Spoil::WithoutHeader("x-acs-signature-nonce")),
        &[],
    ),
    refused(
        "missing-action",
        "the action is mandatory",
        VENDOR,
        (400, "MissingAction"),
        |s| daily(s).spoiled(Spoil::WithoutHeader("x-acs-action")),
        &[],
    ),
    refused(
        "missing-version",
        "the version is mandatory",
        VENDOR,
        (400, "MissingVersion"),
        |s| daily(s).spoiled(Spoil::WithoutHeader("x-acs-version")),
        &[],
    ),
    refused(
        "unknown-action",
        "an action that does not exist",
        VENDOR,
        (404, "InvalidAction.NotFound"),
        |s| daily(s).called("GetNoSuchMetric", "2020-06-06"),
        &[],
    ),
    refused(
        "unknown-version",
        "a version that does not exist",
        VENDOR,
        (400, "InvalidVersion"),
        |s| daily(s).called("GetChatappPhoneNumberMetric", "1999-01-01"),
        &[],
    ),
    refused(
        "header-not-signed",
        "an x-acs-* header that is not signed",
        OURS,
        (400, "IncompleteSignature"),
        |s| daily(s).spoiled(Spoil::WithHeader("x-acs-extra", "1")),
        &[],
    ),
    refused(
        "credentials-twice",
        "credentials in two places",
        OURS,
        (400, "IncompleteSignature"),
        |s| daily(s).spoiled(Spoil::WithQuery("AccessKeyId=LTAIx")),
        &[],
    ),
    refused(
        "bearer-token",
        "a bearer token instead of a signature",
        OURS,
        (400, "InvalidParameter.SignatureType"),
        |s| {
            daily(s).spoiled(Spoil::Unsigned(Some((
                "x-acs-bearer-token",
                "nobodys-token",
            ))))
        },
        &[],
    ),
    refused(
        "anonymous",
        "no credentials at all",
        OURS,
        (400, "MissingAccessKeyId"),
        |s| daily(s).spoiled(Spoil::Unsigned(None)),
        &[],
    ),
    refused(
        "unsupported-method",
        "a method other than GET and POST",
        OURS,
        (405, "UnsupportedHTTPMethod"),
        |s| daily(s).spoiled(Spoil::Method("DELETE")),
        &[],
    ),
    refused(
        "unknown-path",
        "a path other than /",
        OURS,
        (404, "InvalidAction.NotFound"),
        |s| daily(s).spoiled(Spoil::Path("/conformance/nowhere")),
        &[],
    ),
    refused(
        "body-too-large",
        "a body above 4 MiB is refused in the usual shape",
        OURS,
        (413, "RequestTooLarge"),
        |s| daily(s).spoiled(Spoil::LargeBody),
        &[],
    ),
];
