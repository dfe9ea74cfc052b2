"""Local days: imported history around clock changes, and the zones whose offset
is no multiple of half an hour."""

import datetime
import json

import pytest

from callers import TeaCaller, rows
from instance import Instance
from model import Model, random_events

ACCOUNT = "1000000000000001"
KEY = ("LTAIzones00000000000001", "zones-secret")
UTC = datetime.timezone.utc
START_S = int(datetime.datetime(2025, 2, 1, tzinfo=UTC).timestamp())
END_S = int(datetime.datetime(2025, 12, 1, tzinfo=UTC).timestamp())

ZONES = [
    "UTC",
    "Asia/Singapore",
    "Asia/Kathmandu",
    "Australia/Eucla",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "America/Havana",
    "Europe/Lisbon",
    "Pacific/Kiritimati",
    "Asia/Beirut",
]


def number_of(zone):
    return f"1555020{ZONES.index(zone):04d}"


def space_of(zone):
    return f"7000000000{ZONES.index(zone):05d}"


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A space for each zone; ten months of events, imported before the first start."""
    document = f"""
[[account]]
id = "{ACCOUNT}"
name = "zones"
calls_per_second = 100000
[[account.access_key]]
id = "{KEY[0]}"
secret = "{KEY[1]}"
"""
    for zone in ZONES:
        document += f"""
[[account.space]]
id = "{space_of(zone)}"
default = {"true" if zone == "UTC" else "false"}
time_zone = "{zone}"
numbers = ["{number_of(zone)}"]
"""
    directory = tmp_path_factory.mktemp("zones")
    instance = Instance(directory, document)
    model = Model()
    for zone in ZONES:
        lines = []
        for number, message, status, at_s in random_events(zone, [number_of(zone)], START_S, END_S, 900):
            model.add(number, message, status, at_s)
            lines.append(json.dumps({"number": number, "message_id": message, "status": status, "ts": at_s}))
        path = directory / f"{space_of(zone)}.ndjson"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        instance.command("import", str(path), "--space", space_of(zone), "--format", "ndjson")
    instance.start()
    yield instance, model
    instance.stop()


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_zone(history, zone):
    instance, model = history
    parameters = {
        "CustSpaceId": space_of(zone),
        "Start": START_S * 1000,
        "End": END_S * 1000,
        "Granularity": "DAILY",
    }
    found = rows(TeaCaller("cams-v3").call(instance.port, KEY, parameters))
    expected = model.rows([number_of(zone)], parameters["Start"], parameters["End"], "DAILY", zone)
    assert found == expected
    assert len(found) > 250


def test_importing_a_file_twice_changes_nothing(history, tmp_path):
    instance, model = history
    zone = "Asia/Kathmandu"
    path = instance.directory / f"{space_of(zone)}.ndjson"
    instance.command("import", str(path), "--space", space_of(zone), "--format", "ndjson")
    test_days_of_a_zone(history, zone)
