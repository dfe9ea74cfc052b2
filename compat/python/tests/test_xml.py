"""XML answers, which only python-core can ask for."""

import xml.etree.ElementTree as ElementTree

import pytest

import directory
from callers import CoreCaller, all_callers
from instance import whatsapp_body

CORE = [caller for caller in all_callers() if isinstance(caller, CoreCaller)]


@pytest.mark.parametrize("caller", CORE, ids=lambda caller: caller.name)
def test_xml_answers(instance, caller, now_s):
    number = directory.NUMBERS[0]
    at_s = now_s - 20 * 86_400
    body = whatsapp_body([(number, f"wamid.xml.{caller.name}", "sent", at_s)])
    assert instance.webhook("acme-default", directory.APP_SECRET, body) == 200
    window = {"Start": at_s * 1000, "End": at_s * 1000 + 1, "PhoneNumber": number}
    status, raw = caller.xml(instance.port, directory.OWNER, window)
    assert status == 200
    root = ElementTree.fromstring(raw)
    as_json = caller.call(instance.port, directory.OWNER, window)
    assert root.tag == "GetChatappPhoneNumberMetricResponse"
    assert root.findtext("Code") == "OK"
    found = [{child.tag: child.text for child in row} for row in root.findall("Data")]
    assert found == [{name: str(value) for name, value in row.items()} for row in as_json["Data"]] and found


@pytest.mark.parametrize("caller", CORE, ids=lambda caller: caller.name)
def test_xml_refusals(instance, caller):
    status, raw = caller.xml(instance.port, directory.OWNER, {"Start": 2, "End": 1})
    root = ElementTree.fromstring(raw)
    assert (status, root.tag) == (400, "Error")
    assert root.findtext("Code") == "InvalidParameter.TimeRange"
    assert root.findtext("RequestId") and root.findtext("HostId") and root.findtext("Message")
