"""Temporary credentials: the official SDK of STS gets them, those of the metric use them."""

import json

import pytest
from alibabacloud_cams20200606 import models as cams_models
from alibabacloud_cams20200606.client import Client as CamsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.utils_models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from darabonba.exceptions import DaraException

import directory

REPORTER = f"acs:ram::{directory.ACME}:role/reporter"
GUARDED = f"acs:ram::{directory.ACME}:role/guarded"
PARTNER = f"acs:ram::{directory.CUSTOMER}:role/partner"
RANGE = {"Start": 1_700_000_000_000, "End": 1_700_086_400_000}
# What the SDKs of Tea can sign with.
ALGORITHMS = [None, "ACS3-HMAC-SM3", "v2"]


def config(instance, key, algorithm=None):
    """The settings of a client; a third part of a key is its token."""
    return Config(
        access_key_id=key[0],
        access_key_secret=key[1],
        security_token=key[2] if len(key) > 2 else None,
        endpoint=f"127.0.0.1:{instance.port}",
        protocol="http",
        signature_algorithm=algorithm,
    )


def assume(instance, key=directory.ASSUMER, role=REPORTER, algorithm=None, **more):
    """AssumeRole: the body of the answer."""
    client = StsClient(config(instance, key, algorithm))
    more.setdefault("role_session_name", "alice")
    return client.assume_role(sts_models.AssumeRoleRequest(role_arn=role, **more)).body


def session(instance, **more):
    """Key id, secret and token of a session."""
    given = assume(instance, **more).credentials
    return given.access_key_id, given.access_key_secret, given.security_token


def tea_metric(instance, key, algorithm=None):
    """The counts, by the SDK of the product."""
    request = cams_models.GetChatappPhoneNumberMetricRequest().from_map(RANGE)
    return CamsClient(config(instance, key, algorithm)).get_chatapp_phone_number_metric(request).body


def core_metric(instance, key, method):
    """The counts, by the older SDK."""
    client = AcsClient(region_id="ap-southeast-1", credential=StsTokenCredential(*key))
    request = CommonRequest(
        domain=f"127.0.0.1:{instance.port}",
        version="2020-06-06",
        action_name="GetChatappPhoneNumberMetric",
        product="cams",
    )
    request.set_method(method)
    request.set_protocol_type("http")
    for name, value in RANGE.items():
        request.add_query_param(name, value)
    return json.loads(client.do_action_with_exception(request))


def code(call, *arguments, **named):
    """The code that the SDK reports, and its HTTP status."""
    with pytest.raises((DaraException, ServerException)) as caught:
        call(*arguments, **named)
    error = caught.value
    if isinstance(error, ServerException):
        return error.get_error_code(), error.get_http_status()
    return error.code, error.status_code


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_temporary_credentials_query_the_counts(instance, algorithm):
    """Whatever signs, key, secret and token work together."""
    body = assume(instance, algorithm=algorithm, duration_seconds=900)
    assert body.assumed_role_user.arn == f"{REPORTER}/alice"
    assert body.assumed_role_user.assumed_role_id.endswith(":alice")
    assert body.credentials.expiration.endswith("Z")
    assert body.source_identity is None
    key = (body.credentials.access_key_id, body.credentials.access_key_secret, body.credentials.security_token)
    assert key[0].startswith("STS.")
    for tea in ALGORITHMS:
        assert tea_metric(instance, key, tea).code == "OK"
    for method in ["GET", "POST"]:
        assert core_metric(instance, key, method)["Code"] == "OK"


def test_caller_identity(instance):
    """Account, user and role session."""

    def ask(key):
        return StsClient(config(instance, key)).get_caller_identity().body

    owner = ask(directory.OWNER)
    assert (owner.identity_type, owner.account_id) == ("Account", directory.ACME)
    assert owner.arn == f"acs:ram::{directory.ACME}:root"
    user = ask(directory.ASSUMER)
    assert (user.identity_type, user.arn) == ("RAMUser", f"acs:ram::{directory.ACME}:user/assumer")
    assert user.user_id == user.principal_id and user.role_id is None
    role = ask(session(instance))
    assert role.identity_type == "AssumedRoleUser"
    assert role.arn == f"acs:ram::{directory.ACME}:assumed-role/reporter/alice"
    assert role.principal_id == f"{role.role_id}:alice" and role.user_id is None


def test_roles_of_other_accounts_and_external_ids(instance):
    """A role of another account is assumed; an external id is asked for."""
    partner = session(instance, role=PARTNER, source_identity="alice@acme")
    caller = StsClient(config(instance, partner)).get_caller_identity().body
    assert caller.account_id == directory.CUSTOMER
    assert code(assume, instance, role=GUARDED) == ("NoPermission", 403)
    assert assume(instance, role=GUARDED, external_id="shared-id").credentials is not None


def test_a_session_policy_limits(instance):
    """What the session policy leaves out is denied."""
    policy = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "cams:Enable*", "Resource": "*"}]}
    limited = session(instance, policy=json.dumps(policy))
    assert code(tea_metric, instance, limited) == ("Ram.PermissionDeny", 400)


def test_refusals(instance):
    """Each refusal is the SDK's own exception with code and status."""
    assert code(assume, instance, key=directory.OWNER) == ("NoPermission", 403)
    assert code(assume, instance, key=directory.NOBODY) == ("NoPermission", 403)
    nowhere = f"acs:ram::{directory.ACME}:role/nowhere"
    assert code(assume, instance, role=nowhere) == ("EntityNotExist.Role", 404)
    foreign = f"acs:ram::{directory.CUSTOMER}:role/nowhere"
    assert code(assume, instance, role=foreign) == ("NoPermission", 403)
    assert code(assume, instance, role="reporter") == ("InvalidParameter.RoleArn", 400)
    for name, value, wanted in [
        ("role_session_name", "a", "InvalidParameter.RoleSessionName"),
        ("duration_seconds", 7201, "InvalidParameter.DurationSeconds"),
        ("policy", "no policy", "InvalidParameter.PolicyGrammar"),
        ("policy", " " * 2049, "InvalidParameter.PolicySize"),
        ("external_id", "x", "InvalidParameter.ExternalId"),
    ]:
        assert code(assume, instance, **{name: value}) == (wanted, 400)


def test_confused_credentials(instance):
    """Key, secret and token of different origins do not work, however they are signed."""
    one, other = session(instance), session(instance)
    cases = [
        ((one[0], one[1], other[2]), "InvalidSecurityToken.MismatchWithAccessKey"),
        ((*directory.READER, one[2]), "InvalidSecurityToken.MismatchWithAccessKey"),
        ((one[0], one[1], one[2][:-8]), "InvalidSecurityToken.Malformed"),
        ((one[0], one[1]), "MissingSecurityToken"),
        ((one[0], other[1], one[2]), "SignatureDoesNotMatch"),
    ]
    for key, wanted in cases:
        for algorithm in ALGORITHMS:
            assert code(tea_metric, instance, key, algorithm) == (wanted, 400)


def test_a_denial_is_explained(instance):
    """The message of a denial tells its administrator what was checked, and nobody else."""

    def explain(key, message):
        request = ram_models.DecodeDiagnosticMessageRequest(encoded_diagnostic_message=message)
        return RamClient(config(instance, key)).decode_diagnostic_message(request).body.decoded_diagnostic_message

    with pytest.raises(DaraException) as caught:
        tea_metric(instance, directory.DENIED)
    detail = caught.value.access_denied_detail
    message = detail["EncodedDiagnosticMessage"]
    told = explain(directory.OWNER, message)
    assert told.explicit_deny is True
    assert told.auth_action == "cams:GetChatappPhoneNumberMetric"
    assert told.auth_principal.auth_principal_display_name == detail["AuthPrincipalDisplayName"]
    assert {c.condition_key: c.condition_values for c in told.auth_conditions}["acs:SourceIp"] == ["127.0.0.1"]
    matched = {policy.policy_identifier: policy.effect for policy in told.matched_policies}
    assert matched == {"MetricsRead": "Allow", "NoMetrics": "Deny"}
    refused = ("InvalidParameter.EncodedDiagnosticMessage", 400)
    assert code(explain, directory.STRANGER_OWNER, message) == refused
    assert code(explain, directory.OWNER, "AQAB") == refused
    assert code(explain, directory.NOBODY, message) == ("NoPermission", 403)
