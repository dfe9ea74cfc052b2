"""Spaces of an ISV: who may see what with which code."""

import pytest

import directory
from callers import Refused, rows
from instance import whatsapp_body

DAY_S = 86_400


@pytest.fixture(scope="module")
def window(instance, now_s):
    """One message sent and delivered by the customer's number."""
    at_s = now_s - DAY_S
    number = directory.NUMBER_CUSTOMER
    body = whatsapp_body([(number, "wamid.isv.1", "sent", at_s), (number, "wamid.isv.1", "delivered", at_s)])
    assert instance.webhook("acme-all", directory.APP_SECRET, body) == 200
    return {"Start": (at_s - DAY_S) * 1000, "End": now_s * 1000}


def outcome(instance, caller, key, window, **parameters):
    """`number of rows` or the error's code."""
    try:
        return len(rows(caller.call(instance.port, key, {**window, **parameters})))
    except Refused as error:
        assert error.status == 400
        return error.code


NOT_YOURS = "Unknown.ResourceOwnerId"
DENIED = "Ram.PermissionDeny"
GRANTED = {"CustSpaceId": directory.SPACE_CUSTOMER, "IsvCode": directory.ISV_CODE}
CASES = [
    ("the ISV on the customer's space", directory.OWNER, {"CustSpaceId": directory.SPACE_CUSTOMER}, 1),
    ("the ISV with its own code", directory.OWNER, GRANTED, 1),
    ("the customer with code and space", directory.CUSTOMER_OWNER, GRANTED, 1),
    ("a user of the customer", directory.CUSTOMER_USER, GRANTED, 1),
    ("granted space without the code", directory.CUSTOMER_OWNER, {"CustSpaceId": directory.SPACE_CUSTOMER}, NOT_YOURS),
    ("code with a space outside the grant", directory.CUSTOMER_OWNER,
     {"CustSpaceId": directory.SPACE_WITHHELD, "IsvCode": directory.ISV_CODE}, NOT_YOURS),
    ("code with a space that does not exist", directory.CUSTOMER_OWNER,
     {"CustSpaceId": "000000000000000", "IsvCode": directory.ISV_CODE}, NOT_YOURS),
    ("code without space: the caller's own", directory.CUSTOMER_OWNER, {"IsvCode": directory.ISV_CODE}, 0),
    ("an unknown code", directory.CUSTOMER_OWNER,
     {"CustSpaceId": directory.SPACE_CUSTOMER, "IsvCode": "nosuchcode"}, DENIED),
    ("an unknown code on the own space", directory.CUSTOMER_OWNER, {"IsvCode": "nosuchcode"}, DENIED),
    ("somebody else's code", directory.STRANGER_OWNER, GRANTED, DENIED),
    ("a code for one user, that user", directory.CUSTOMER_USER,
     {"CustSpaceId": directory.SPACE_CUSTOMER, "IsvCode": directory.ISV_CODE_ONE_USER}, 1),
    ("a code for one user, another user", directory.CUSTOMER_OTHER,
     {"CustSpaceId": directory.SPACE_CUSTOMER, "IsvCode": directory.ISV_CODE_ONE_USER}, DENIED),
    ("a number outside the granted space", directory.CUSTOMER_OWNER,
     {**GRANTED, "PhoneNumber": directory.NUMBERS[0]}, NOT_YOURS),
    ("a number of the granted space", directory.CUSTOMER_OWNER,
     {**GRANTED, "PhoneNumber": directory.NUMBER_CUSTOMER}, 1),
]


@pytest.mark.parametrize(("key", "parameters", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_isv(instance, caller, window, key, parameters, expected):
    assert outcome(instance, caller, key, window, **parameters) == expected
