"""Each declared error, and each that a caller's mistake leads to, as every SDK
reports it."""

import time

import pytest

import directory
from callers import CoreCaller, Refused
from conftest import stamp

DAY_MS = 86_400_000
RANGE = {"Start": 1_700_000_000_000, "End": 1_700_000_000_000 + DAY_MS}


def refusal(instance, caller, key, parameters=None, **more):
    with pytest.raises(Refused) as caught:
        caller.call(instance.port, key, RANGE if parameters is None else parameters, **more)
    error = caught.value
    assert error.request_id and len(error.request_id) == 36, error
    return error


def test_product_unsubscript(instance, caller):
    error = refusal(instance, caller, directory.LAPSED_OWNER)
    assert (error.code, error.status) == ("Product.Unsubscript", 400)
    assert "You have not subscribed to the specified product." in error.message


@pytest.mark.parametrize("key", [directory.NOBODY, directory.DENIED], ids=["no policy", "explicit deny"])
def test_ram_permission_deny(instance, caller, key):
    error = refusal(instance, caller, key)
    assert (error.code, error.status) == ("Ram.PermissionDeny", 400)
    assert "You are not authorized to perform the operation." in error.message


def test_a_policy_of_a_group_allows(instance, caller):
    assert caller.call(instance.port, directory.GROUPED, RANGE)["Code"] == "OK"


def test_system_limit_control(instance, caller):
    # Start in a second in which nothing of this account was admitted.
    time.sleep(1.1)
    started = time.monotonic()
    for _ in range(directory.CALLS_PER_SECOND):
        assert caller.call(instance.port, directory.BUSY_OWNER, RANGE)["Code"] == "OK"
    error = refusal(instance, caller, directory.BUSY_OWNER)
    assert time.monotonic() - started < 1.0, "the machine was too slow for this case"
    assert (error.code, error.status) == ("System.LimitControl", 400)
    assert "The system is under flow control." in error.message
    if caller.name == "cams5-v3":
        assert 1 <= error.retry_after_ms <= 1000
        time.sleep(error.retry_after_ms / 1000 + 0.005)
        assert caller.call(instance.port, directory.BUSY_OWNER, RANGE)["Code"] == "OK"


@pytest.mark.parametrize(
    "parameters",
    [
        {"CustSpaceId": "593483938849499"},
        {"CustSpaceId": "000000000000000"},
        {"PhoneNumber": directory.NUMBER_STRANGER},
        {"PhoneNumber": "19990000000"},
        {"PhoneNumber": directory.NUMBERS_SINGAPORE[0]},
    ],
    ids=["foreign space", "no such space", "foreign number", "no such number", "number of another own space"],
)
def test_unknown_resource_owner(instance, caller, parameters):
    error = refusal(instance, caller, directory.OWNER, {**RANGE, **parameters})
    assert (error.code, error.status) == ("Unknown.ResourceOwnerId", 400)
    assert "The resource does not belong to the current user." in error.message


def test_missing_parameters(instance, caller):
    for name in ("Start", "End"):
        rest = {key: value for key, value in RANGE.items() if key != name}
        error = refusal(instance, caller, directory.OWNER, rest)
        assert (error.code, error.status) == (f"Missing{name}", 400)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"Granularity": "daily"}, "Granularity"),
        ({"Granularity": "MONTHLY"}, "Granularity"),
        ({"Start": -1}, "Start"),
        ({"Start": "yesterday"}, "Start"),
        ({"End": "1.5"}, "End"),
        ({"End": "99999999999999999999"}, "End"),
        ({"End": RANGE["Start"]}, "TimeRange"),
        ({"Start": RANGE["End"] + 1}, "TimeRange"),
        ({"End": RANGE["Start"] + 402 * DAY_MS}, "TimeRange"),
        ({"Granularity": "HALF_HOUR", "End": RANGE["Start"] + 32 * DAY_MS}, "TimeRange"),
        ({"PhoneNumber": "no digits"}, "PhoneNumber"),
    ],
)
def test_invalid_parameters(instance, caller, parameters, name):
    error = refusal(instance, caller, directory.OWNER, {**RANGE, **parameters})
    assert (error.code, error.status) == (f"InvalidParameter.{name}", 400)


def test_wrong_secret(instance, caller):
    error = refusal(instance, caller, (directory.OWNER[0], "not the secret"))
    if isinstance(caller, CoreCaller) and caller.typed:
        # This SDK compares the server's string to sign with its own and draws
        # the conclusion itself: only byte-equal strings lead to this text.
        # CommonRequest hands no string to that comparison.
        assert error.code == "InvalidAccessKeySecret"
        assert "The AccessKeySecret is incorrect" in error.message
    else:
        assert error.code == "SignatureDoesNotMatch"
    assert error.status == 400


def test_unknown_key(instance, caller):
    error = refusal(instance, caller, directory.UNKNOWN)
    assert (error.code, error.status) == ("InvalidAccessKeyId.NotFound", 404)


def test_inactive_key(instance, caller):
    error = refusal(instance, caller, directory.INACTIVE)
    assert (error.code, error.status) == ("InvalidAccessKeyId.Inactive", 400)


@pytest.mark.parametrize("offset_s", [-960, 960])
def test_clock_skew(instance, caller, offset_s):
    with caller.clock(stamp(offset_s)):
        error = refusal(instance, caller, directory.OWNER)
    assert (error.code, error.status) == ("InvalidTimeStamp.Expired", 400)


@pytest.mark.parametrize("offset_s", [-840, 840])
def test_a_tolerable_clock_skew(instance, caller, offset_s):
    with caller.clock(stamp(offset_s)):
        assert caller.call(instance.port, directory.OWNER, RANGE)["Code"] == "OK"


def test_a_malformed_timestamp(instance, caller):
    with caller.clock("2026-01-02 03:04:05"):
        error = refusal(instance, caller, directory.OWNER)
    assert (error.code, error.status) == ("InvalidTimeStamp.Format", 400)


def test_a_nonce_works_once(instance, caller):
    with caller.nonce(f"nonce-of-{caller.name}-{time.time_ns()}"):
        assert caller.call(instance.port, directory.OWNER, RANGE)["Code"] == "OK"
        error = refusal(instance, caller, directory.OWNER)
    assert (error.code, error.status) == ("SignatureNonceUsed", 400)
