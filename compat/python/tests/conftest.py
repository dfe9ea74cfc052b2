"""Fixtures: one instance with accounts for every case, and every SDK caller."""

import datetime
import time

import pytest

from callers import all_callers, installed
from directory import DOCUMENT
from instance import Instance


# Only python-core asks for XML; the environment of the old SDK does not have it.
collect_ignore = [] if installed("aliyun-python-sdk-core") else ["test_xml.py"]
# Only the environment of the newest SDKs has those of STS and RAM.
collect_ignore += [] if installed("alibabacloud-sts20150401") else ["test_sts.py"]


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
