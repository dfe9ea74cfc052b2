"""EnableWhatsappROIMetric, unknown actions, and requests that no SDK sends."""

import json
import time

import pytest

import directory
from callers import ENABLE, CoreCaller, Refused, all_callers
from instance import whatsapp_body

RANGE = {"Start": 1_700_000_000_000, "End": 1_700_086_400_000}
# The typed requests of python-core exist for known actions only.
FREE = [caller for caller in all_callers() if not (isinstance(caller, CoreCaller) and caller.typed)]


def test_enable_roi_metric_is_idempotent(instance, caller):
    time.sleep(1.1)
    for _ in range(2):
        body = caller.call(instance.port, directory.OWNER, {}, action=ENABLE)
        assert (body["Code"], body["Message"]) == ("OK", "None")


def test_enable_roi_metric_needs_its_own_right(instance, caller):
    # Denied calls are admitted ones: five a second.
    time.sleep(0.25)
    with pytest.raises(Refused) as caught:
        caller.call(instance.port, directory.CUSTOMER_USER, {}, action=ENABLE)
    assert caught.value.code == "Ram.PermissionDeny"


def test_enable_roi_metric_is_throttled_at_five(instance, caller):
    # Only six calls within a second prove something; a busy machine tries again.
    for _ in range(20):
        time.sleep(1.1)
        started = time.monotonic()
        for _ in range(5):
            caller.call(instance.port, directory.STRANGER_OWNER, {}, action=ENABLE)
        refused = None
        try:
            caller.call(instance.port, directory.STRANGER_OWNER, {}, action=ENABLE)
        except Refused as error:
            refused = error
        if time.monotonic() - started < 1.0:
            assert refused is not None, "the sixth call within a second was answered"
            assert refused.code == "System.LimitControl"
            return
    pytest.fail("the machine was too slow for this case")


@pytest.mark.parametrize("caller", FREE, ids=lambda caller: caller.name)
def test_an_unknown_action(instance, caller):
    with pytest.raises(Refused) as caught:
        caller.call(instance.port, directory.OWNER, {}, action="GetNothing")
    assert (caught.value.code, caught.value.status) == ("InvalidAction.NotFound", 404)


def test_every_refusal_is_in_the_vendors_shape(instance):
    """Whatever reaches `/`: an SDK that cannot parse an error loses its code."""
    requests = [
        ("POST", "/", b"", {}),
        ("GET", "/?Action=GetChatappPhoneNumberMetric&Version=2020-06-06", None, {}),
        ("PUT", "/?Action=GetChatappPhoneNumberMetric", b"x", {}),
        ("POST", "/?Action=GetChatappPhoneNumberMetric&Version=2020-06-06", b"x" * (5 << 20), {}),
        ("POST", "/?Action=A&Action=B", b"", {}),
        ("POST", "/?%ff=%zz", b"\xff\xfe", {"Content-Type": "application/json"}),
    ]
    for method, path, body, headers in requests:
        status, answer_headers, answer = instance.request(method, path, body, headers)
        names = {name.lower(): value for name, value in answer_headers.items()}
        error = json.loads(answer)
        assert 400 <= status < 500, (path, status)
        assert {"RequestId", "HostId", "Code", "Message"} <= error.keys(), (path, error)
        assert all(isinstance(error[name], str) for name in ("RequestId", "HostId", "Code", "Message"))
        assert names["x-acs-request-id"] == error["RequestId"]


def test_webhooks_need_their_signature(instance, now_s):
    body = whatsapp_body([(directory.NUMBERS[0], "wamid.forged", "sent", now_s)])
    assert instance.webhook("acme-all", "not the secret", body) == 401
    assert instance.webhook("no-such-webhook", directory.APP_SECRET, body) == 404
