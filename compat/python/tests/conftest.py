"""Fixtures: one instance with accounts for every case, and every SDK caller."""

import datetime
import time

import pytest

from callers import all_callers, installed
from directory import DOCUMENT
from instance import Instance


# What a file needs that the environment of the old SDK does not have: only
# python-core asks for XML.
NEEDS = {
    "test_xml.py": "aliyun-python-sdk-core",
    "test_ram.py": "alibabacloud-ram20150501",
    "test_sts.py": "alibabacloud-sts20150401",
}
collect_ignore = [file for file, package in NEEDS.items() if not installed(package)]


@pytest.fixture(scope="session")
def instance(tmp_path_factory):
    """A server with the directory of `directory.py`."""
    running = Instance(tmp_path_factory.mktemp("instance"), DOCUMENT).start()
    yield running
    running.stop()
    assert "panicked" not in running.log()


@pytest.fixture(scope="session")
def now_s():
    """The time at the start of the session, in s."""
    return int(time.time())


@pytest.fixture(params=all_callers(), ids=lambda caller: caller.name)
def caller(request):
    """Every way of every SDK to call."""
    return request.param


def stamp(offset_s):
    """A timestamp as SDKs write it, off by so many seconds."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
