"""Right rows: every SDK, against the independent model."""

import re

import pytest

from callers import rows
from directory import (
    APP_SECRET,
    APP_SECRET_OLD,
    NUMBERS,
    NUMBERS_SINGAPORE,
    OWNER,
    QUIET,
    READER,
    SPACE_SINGAPORE,
)
from instance import whatsapp_body
from model import Model, batches, random_events

DAY_S = 86_400
DAYS = 12


@pytest.fixture(scope="module")
def model(instance, now_s):
    """Random events, taken in as signed webhooks; the model took the same."""
    model = Model()
    numbers = NUMBERS + NUMBERS_SINGAPORE
    events = random_events(20_201, numbers, now_s - DAYS * DAY_S, now_s, 700)
    for index, batch in enumerate(batches(20_202, events)):
        secret = APP_SECRET if index % 2 else APP_SECRET_OLD
        assert instance.webhook("acme-all", secret, whatsapp_body(batch)) == 200
        for event in batch:
            model.add(*event)
    return model


@pytest.mark.parametrize("granularity", ["DAILY", "HALF_HOUR"])
def test_one_number(instance, model, caller, now_s, granularity):
    start, end = (now_s - DAYS * DAY_S) * 1000, now_s * 1000
    body = caller.call(
        instance.port,
        READER,
        {"Start": start, "End": end, "Granularity": granularity, "PhoneNumber": NUMBERS[0]},
    )
    expected = model.rows(NUMBERS[:1], start, end, granularity)
    assert rows(body) == expected and expected
    assert {row["Granularity"] for row in body["Data"]} == {granularity}
    assert (body["Code"], body["Message"], body["AccessDeniedDetail"]) == ("OK", "None", "NONE")
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", body["RequestId"])


@pytest.mark.parametrize("granularity", ["DAILY", "HALF_HOUR", None])
def test_all_numbers_of_the_default_space(instance, model, caller, now_s, granularity):
    start, end = (now_s - 9 * DAY_S) * 1000 + 17, (now_s - 2 * DAY_S) * 1000 + 3
    parameters = {"Start": start, "End": end}
    if granularity:
        parameters["Granularity"] = granularity
    body = caller.call(instance.port, OWNER, parameters)
    expected = model.rows(NUMBERS, start, end, granularity or "DAILY")
    assert rows(body) == expected and expected


def test_days_follow_the_zone_of_the_space(instance, model, caller, now_s):
    start, end = (now_s - 8 * DAY_S) * 1000, now_s * 1000
    body = caller.call(
        instance.port, READER, {"CustSpaceId": SPACE_SINGAPORE, "Start": start, "End": end, "Granularity": "DAILY"}
    )
    expected = model.rows(NUMBERS_SINGAPORE, start, end, "DAILY", "Asia/Singapore")
    assert rows(body) == expected and expected


def test_a_range_of_one_millisecond_returns_its_whole_bucket(instance, model, caller, now_s):
    whole = model.rows(NUMBERS, 0, now_s * 1000, "HALF_HOUR")
    start, end = whole[len(whole) // 2][:2]
    for instant in (start, end - 1):
        body = caller.call(instance.port, OWNER, {"Start": instant, "End": instant + 1, "Granularity": "HALF_HOUR"})
        assert rows(body) == [row for row in whole if row[0] == start]


def test_a_number_is_compared_by_its_digits(instance, model, caller, now_s):
    start, end = (now_s - DAYS * DAY_S) * 1000, now_s * 1000
    written = "+1 (555) 010-0101"
    body = caller.call(instance.port, OWNER, {"Start": start, "End": end, "PhoneNumber": written})
    assert rows(body) == model.rows(NUMBERS[:1], start, end)


def test_a_bound_number_without_counts_has_no_rows(instance, caller, now_s):
    body = caller.call(instance.port, OWNER, {"Start": 0, "End": DAY_S, "PhoneNumber": QUIET})
    assert (body["Data"], body["Code"]) == ([], "OK")


def test_empty_optional_parameters_are_absent(instance, model, caller, now_s):
    start, end = (now_s - 3 * DAY_S) * 1000, now_s * 1000
    empty = {"IsvCode": "", "CustSpaceId": "", "PhoneNumber": "", "Granularity": ""}
    body = caller.call(instance.port, OWNER, {"Start": start, "End": end, **empty})
    assert rows(body) == model.rows(NUMBERS, start, end)


def test_an_end_in_the_future_is_fine(instance, model, caller, now_s):
    start, end = (now_s - 2 * DAY_S) * 1000, (now_s + 30 * DAY_S) * 1000
    assert rows(caller.call(instance.port, OWNER, {"Start": start, "End": end})) == model.rows(NUMBERS, start, end)
