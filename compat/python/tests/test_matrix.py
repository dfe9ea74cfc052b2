"""The cases that all languages share, with every way of every SDK of this
environment; each result goes into the table of COMPATIBILITY.md."""

import contextlib
import json
import os
import re
import time

import pytest

import fixture
from callers import Refused, installed, rows
from cases import Cases
from conftest import stamp
from instance import SCHEMES

# A little more than the rolling second of the throttle.
WINDOW_PAUSE_S = 1.05
THROTTLE_TRIES = 3
REQUEST_ID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
CASES = Cases(int(time.time()))
NAMES = [
    pytest.param(scheme, case["column"], case["name"], id=f"{scheme} {case['column']}: {case['name']}")
    for scheme in SCHEMES
    for case in CASES.all(scheme)
]


@pytest.fixture(scope="module")
def instances():
    """An instance for each scheme, as the suites of other languages see it."""
    with contextlib.ExitStack() as stack:
        running = {scheme: stack.enter_context(fixture.running(scheme)) for scheme in SCHEMES}
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # What OpenSSL and requests trust, for every SDK alike.
        patch.setenv("SSL_CERT_FILE", running["https"]["ca_file"])
        patch.setenv("REQUESTS_CA_BUNDLE", running["https"]["ca_file"])
        yield running


@pytest.mark.parametrize(("scheme", "column", "name"), NAMES)
def test_case(instances, caller, scheme, column, name):
    on = instances[scheme]
    case = next(case for case in on["cases"] if (case["column"], case["name"]) == (column, name))
    passed = False
    try:
        check(on, caller, case)
        passed = True
    finally:
        record(scheme, caller, column, passed)


def check(on, caller, case):
    """Makes the calls of a case and looks at what comes out."""
    port = int(on["endpoint"].rpartition(":")[2])
    key = on["keys"][case["key"]]

    def call():
        return caller.call(port, key, case["parameters"], scheme=on["scheme"])

    if "calls" in case:
        throttled(call, caller, case)
    elif "clock_s" in case:
        with caller.clock(stamp(case["clock_s"])):
            answered_or_refused(call, caller, case)
    else:
        answered_or_refused(call, caller, case)


def answered_or_refused(call, caller, case):
    if "refused" in case:
        with pytest.raises(Refused) as caught:
            call()
        check_refusal(caught.value, caller, case)
        return
    body = call()
    assert rows(body) == case["rows"]
    assert (body["Code"], body["Message"], body["AccessDeniedDetail"]) == ("OK", "None", "NONE")
    assert REQUEST_ID.fullmatch(body["RequestId"])
    granularity = case["parameters"].get("Granularity") or "DAILY"
    assert {row["Granularity"] for row in body["Data"]} <= {granularity}


def check_refusal(error, caller, case):
    refused = case["refused"]
    code, message = refused["code"], refused["message"]
    if case["column"] == "wrong secret" and caller.package == "aliyun-python-sdk-cams":
        # This SDK finds the server's string to sign equal to its own and concludes.
        code, message = "InvalidAccessKeySecret", "The AccessKeySecret is incorrect"
    assert (error.code, error.status) == (code, refused["status"])
    assert message in error.message
    assert REQUEST_ID.fullmatch(error.request_id)
    if caller.tells_detail:
        for name, value in case.get("detail", {}).items():
            assert error.detail[name] == value


def throttled(call, caller, case):
    """The calls that are still allowed and one more, within a second."""
    for _ in range(THROTTLE_TRIES):
        time.sleep(WINDOW_PAUSE_S)
        started = time.monotonic()
        for _ in range(case["calls"]):
            call()
        error = None
        try:
            call()
        except Refused as refused:
            error = refused
        if time.monotonic() - started < 1.0:
            assert error, "one call too many was answered"
            check_refusal(error, caller, case)
            if caller.tells_retry_after:
                assert 1 <= error.retry_after_ms <= 1000
            return
    pytest.fail("the machine was too slow for this case")


def record(scheme, caller, column, passed):
    """Appends one result for the table."""
    path = os.environ.get("CHATMETRIC_COMPAT_RESULTS")
    if path:
        line = {
            "language": "Python",
            "sdk": caller.package,
            "version": installed(caller.package),
            "signature": caller.signature,
            "way": caller.name,
            "scheme": scheme,
            "case": column,
            "pass": passed,
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
