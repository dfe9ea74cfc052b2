"""The cases that every official SDK runs, in every language, with what must come
out of them. The rows are those of `model.py`; this file knows no SDK.

A case is a dictionary that goes to the other languages as JSON:

    column      the column of the table in COMPATIBILITY.md
    name        what is tried
    key         a name in the fixture's `keys`
    parameters  of GetChatappPhoneNumberMetric, in the names of the wire
    rows        the rows that must come back, as [Start, End, PhoneNumber, SentCount,
                DeliveredCount]; or, instead,
    refused     {code, status, message}: the error, its text a part of what the SDK says
    detail      members of the error's AccessDeniedDetail
    calls       so many calls are answered before the one that is refused
    clock_s     the SDK believes that it is so many seconds later
"""

import directory
from model import Model, batches, random_events

DAY_S = 86_400
DAYS = 29
MESSAGES = 3_000
MANY_ROWS = 2_000
EMPTY_RANGE = {"Start": 1_700_000_000_000, "End": 1_700_086_400_000}

NOT_YOURS = {
    "code": "Unknown.ResourceOwnerId",
    "status": 400,
    "message": "The resource does not belong to the current user.",
}
DENIED = {
    "code": "Ram.PermissionDeny",
    "status": 400,
    "message": "You are not authorized to perform the operation.",
}


class Cases:
    """The events of one instance and the cases on them."""

    def __init__(self, now_s):
        self.now_s = now_s
        self.model = Model()
        start_s = now_s - DAYS * DAY_S
        events = random_events(20_206, directory.NUMBERS, start_s, now_s, MESSAGES)
        at_s = now_s - DAY_S
        number = directory.NUMBER_CUSTOMER
        events += [(number, "wamid.isv", "sent", at_s), (number, "wamid.isv", "delivered", at_s)]
        for event in events:
            self.model.add(*event)
        self.batches = list(batches(20_207, events, largest=2_000))

    def all(self, scheme):
        """Every case over a scheme."""
        # Bursts cost a second each, and the throttle sees no transport.
        bursts = [self.throttle()] if scheme == "http" else []
        return [
            *self.rows(),
            *self.tenancy(),
            *self.parameters(),
            *self.permissions(),
            *self.credentials(),
            *self.sessions(),
            *self.clocks(),
            *bursts,
        ]

    def window(self, days):
        """From so many days ago until now; never aligned to a bucket."""
        return {"Start": (self.now_s - days * DAY_S) * 1000 + 17, "End": self.now_s * 1000 + 3}

    def answered(self, column, name, key, parameters, numbers):
        """A case that is answered with the model's rows of these numbers."""
        granularity = parameters.get("Granularity") or "DAILY"
        rows = self.model.rows(numbers, parameters["Start"], parameters["End"], granularity)
        return {"column": column, "name": name, "key": key, "parameters": parameters, "rows": rows}

    def rows(self):
        """Right rows, a few and thousands."""
        numbers = directory.NUMBERS
        daily = {**self.window(12), "Granularity": "DAILY"}
        one = {**self.window(5), "Granularity": "HALF_HOUR", "PhoneNumber": "+1 (555) 010-0101"}
        empty = {**self.window(3), "IsvCode": "", "CustSpaceId": "", "PhoneNumber": "", "Granularity": ""}
        quiet = {**EMPTY_RANGE, "PhoneNumber": directory.QUIET}
        many = {**self.window(DAYS), "Granularity": "HALF_HOUR"}
        cases = [
            self.answered("rows", "days of all numbers", "reader", daily, numbers),
            self.answered("rows", "half hours of one number", "owner", one, numbers[:1]),
            self.answered("rows", "days without a granularity", "owner", self.window(7), numbers),
            self.answered("rows", "empty optional parameters", "owner", empty, numbers),
            self.answered("rows", "a number without counts", "owner", quiet, [directory.QUIET]),
            self.answered("many rows", "half hours of a month", "owner", many, numbers),
        ]
        assert len(cases[-1]["rows"]) > MANY_ROWS, len(cases[-1]["rows"])
        assert all(case["rows"] for case in cases[:4])
        return cases

    def tenancy(self):
        """Spaces of others, and those that an ISV grants."""
        week = self.window(7)
        granted = {**week, "CustSpaceId": directory.SPACE_CUSTOMER, "IsvCode": directory.ISV_CODE}
        yield self.answered("ISV spaces", "granted space", "customer", granted, [directory.NUMBER_CUSTOMER])
        for name, key, more, error in [
            ("granted space without the code", "customer", {"CustSpaceId": directory.SPACE_CUSTOMER}, NOT_YOURS),
            ("somebody else's code", "stranger", {"IsvCode": directory.ISV_CODE}, DENIED),
        ]:
            yield refused("ISV spaces", name, key, {**week, **more}, error)
        for name, more in [
            ("foreign space", {"CustSpaceId": "593483938849499"}),
            ("no such space", {"CustSpaceId": "000000000000000"}),
            ("foreign number", {"PhoneNumber": directory.NUMBER_STRANGER}),
        ]:
            yield refused("Unknown.ResourceOwnerId", name, "owner", {**week, **more}, NOT_YOURS)

    def parameters(self):
        """Errors of parameters."""
        start, end = EMPTY_RANGE["Start"], EMPTY_RANGE["End"]
        for code, parameters in [
            ("MissingStart", {"End": end}),
            ("MissingEnd", {"Start": start}),
            ("InvalidParameter.Start", {"Start": -1, "End": end}),
            ("InvalidParameter.TimeRange", {"Start": end, "End": start}),
            ("InvalidParameter.Granularity", {**EMPTY_RANGE, "Granularity": "daily"}),
            ("InvalidParameter.PhoneNumber", {**EMPTY_RANGE, "PhoneNumber": "no digits ~*!'()+&="}),
        ]:
            error = {"code": code, "status": 400, "message": code.removeprefix("Missing").split(".")[-1]}
            if code == "InvalidParameter.TimeRange":
                error["message"] = "Start"
            yield refused("parameter errors", code, "owner", parameters, error)

    def permissions(self):
        """Errors of subscription and of RAM, the latter with its detail."""
        error = {
            "code": "Product.Unsubscript",
            "status": 400,
            "message": "You have not subscribed to the specified product.",
        }
        yield refused("Product.Unsubscript", "not subscribed", "lapsed", EMPTY_RANGE, error)
        for user, kind in [("nobody", "ImplicitDeny"), ("denied", "ExplicitDeny")]:
            case = refused("Ram.PermissionDeny", kind, user, EMPTY_RANGE, DENIED)
            case["detail"] = {
                "AuthAction": "cams:GetChatappPhoneNumberMetric",
                "AuthPrincipalOwnerId": directory.ACME,
                "AuthPrincipalType": "SubUser",
                "NoPermissionType": kind,
                "PolicyType": "AccountLevelIdentityBasedPolicy",
            }
            yield case

    def credentials(self):
        """Errors of keys and signatures."""
        for name, key, code, status, message in [
            ("wrong secret", "wrong_secret", "SignatureDoesNotMatch", 400, "signature"),
            ("unknown key", "unknown", "InvalidAccessKeyId.NotFound", 404, "Specified access key is not found."),
            ("inactive key", "inactive", "InvalidAccessKeyId.Inactive", 400, "Specified access key is disabled."),
        ]:
            error = {"code": code, "status": status, "message": message}
            yield refused(name, name, key, EMPTY_RANGE, error)

    def sessions(self):
        """Temporary credentials, and parts of them that do not belong together."""
        daily = {**self.window(6), "Granularity": "DAILY"}
        yield self.answered("STS", "a session", "session", daily, directory.NUMBERS)
        for key, code, message in [
            ("session_other_token", "InvalidSecurityToken.MismatchWithAccessKey", "SecurityToken mismatch"),
            ("session_token_of_user", "InvalidSecurityToken.MismatchWithAccessKey", "SecurityToken mismatch"),
            ("session_bad_token", "InvalidSecurityToken.Malformed", "SecurityToken is malformed."),
            ("session_no_token", "MissingSecurityToken", "SecurityToken"),
        ]:
            error = {"code": code, "status": 400, "message": message}
            yield refused("STS", key, key, EMPTY_RANGE, error)

    def clocks(self):
        """Clocks that are off by more, and by less, than a quarter of an hour."""
        quiet = {**EMPTY_RANGE, "PhoneNumber": directory.QUIET}
        error = {
            "code": "InvalidTimeStamp.Expired",
            "status": 400,
            "message": "Specified time stamp or date value is expired.",
        }
        for offset_s in (-960, 960):
            yield {**refused("clock skew", f"{offset_s} s", "owner", quiet, error), "clock_s": offset_s}
        for offset_s in (-840, 840):
            case = self.answered("clock skew", f"{offset_s} s", "owner", quiet, [directory.QUIET])
            yield {**case, "clock_s": offset_s}

    @staticmethod
    def throttle():
        """One call more than the account may make in a second."""
        error = {
            "code": "System.LimitControl",
            "status": 400,
            "message": "The system is under flow control.",
        }
        # One call a second, so that a slow machine can still be too fast.
        case = refused("System.LimitControl", "one call too many", "single", EMPTY_RANGE, error)
        return {**case, "calls": 1}


def refused(column, name, key, parameters, error):
    """A case that is refused."""
    return {"column": column, "name": name, "key": key, "parameters": parameters, "refused": error}


KEYS = {
    "owner": directory.OWNER,
    "reader": directory.READER,
    "nobody": directory.NOBODY,
    "denied": directory.DENIED,
    "inactive": directory.INACTIVE,
    "customer": directory.CUSTOMER_OWNER,
    "stranger": directory.STRANGER_OWNER,
    "lapsed": directory.LAPSED_OWNER,
    "single": directory.SINGLE_OWNER,
    "unknown": directory.UNKNOWN,
    "wrong_secret": (directory.OWNER[0], "not the secret"),
}


def session_keys(one, other):
    """The keys that two sessions of a role make."""
    return {
        "session": one,
        "session_other_token": (*one[:2], other[2]),
        "session_token_of_user": (*directory.READER, one[2]),
        "session_bad_token": (*one[:2], one[2][:-8]),
        "session_no_token": one[:2],
    }
