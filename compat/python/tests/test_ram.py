"""The product RAM through the official SDK `alibabacloud-ram20150501`: the whole
life of users, groups, keys, policies and roles, and errors as the SDK types them.
"""

import concurrent.futures
import json
import re
import time

import pytest

from alibabacloud_cams20200606.client import Client as CamsClient
from alibabacloud_cams20200606.models import GetChatappPhoneNumberMetricRequest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config
from instance import Instance

ACCOUNT = "6000000000000006"
OWNER = ("LTAIramowner00000000001", "ram-owner-secret")
NOBODY = ("LTAIramnobody0000000001", "ram-nobody-secret")
DOCUMENT = f"""
[[account]]
id = "{ACCOUNT}"
name = "managed"
[[account.access_key]]
id = "{OWNER[0]}"
secret = "{OWNER[1]}"
[[account.space]]
id = "managed-space"
default = true
[[account.user]]
name = "nobody"
[[account.user.access_key]]
id = "{NOBODY[0]}"
secret = "{NOBODY[1]}"
"""
READ_COUNTS = json.dumps(
    {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": "cams:GetChatappPhoneNumberMetric", "Resource": "*"}],
    }
)
DENY_COUNTS = READ_COUNTS.replace("Allow", "Deny")
TRUST = json.dumps(
    {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]},
            }
        ],
    }
)
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    """A server with one account, whose users are managed by the SDK."""
    running = Instance(tmp_path_factory.mktemp("managed"), DOCUMENT).start()
    yield running
    running.stop()
    assert "panicked" not in running.log()


def client_of(kind, instance, key, signature="v3"):
    return kind(
        Config(
            access_key_id=key[0],
            access_key_secret=key[1],
            endpoint=f"127.0.0.1:{instance.port}",
            protocol="http",
            signature_algorithm="v2" if signature == "v1" else None,
        )
    )


@pytest.fixture(params=["v3", "v1"])
def ram(request, managed):
    """The owner's client, with both signatures."""
    return client_of(Client, managed, OWNER, request.param)


def refused(call, *arguments):
    """The typed error of a call."""
    with pytest.raises(ClientException) as caught:
        call(*arguments)
    error = caught.value
    assert error.request_id and error.data["RequestId"] == error.request_id
    return error


def may_read_counts(instance, key):
    """Whether the holder of a key may ask for counts, by the other product's SDK."""
    now_ms = int(time.time() * 1000)
    request = GetChatappPhoneNumberMetricRequest(start=now_ms - 3_600_000, end=now_ms)
    try:
        client_of(CamsClient, instance, key).get_chatapp_phone_number_metric(request)
    except ClientException as error:
        return error.code
    return "OK"


def test_the_life_of_a_user(ram):
    made = ram.create_user(
        models.CreateUserRequest(
            user_name="alice",
            display_name="Alice & Ähren",
            mobile_phone="86-18600008888",
            email="alice@example.com",
            comments="counts",
        )
    ).body.user
    assert (made.user_name, made.display_name, made.comments) == ("alice", "Alice & Ähren", "counts")
    assert re.fullmatch(r"\d{18}", made.user_id) and DATE.fullmatch(made.create_date)
    shown = ram.get_user(models.GetUserRequest(user_name="alice")).body.user
    assert (shown.user_id, shown.email, shown.mobile_phone) == (
        made.user_id,
        "alice@example.com",
        "86-18600008888",
    )
    renamed = ram.update_user(models.UpdateUserRequest(user_name="alice", new_user_name="alice.b")).body.user
    assert (renamed.user_name, renamed.user_id, renamed.display_name) == ("alice.b", made.user_id, "Alice & Ähren")
    names, marker = [], None
    while True:
        page = ram.list_users(models.ListUsersRequest(max_items=1, marker=marker)).body
        names += [user.user_name for user in page.users.user]
        marker = page.marker
        if not page.is_truncated:
            break
    assert names == ["alice.b", "nobody"]
    ram.delete_user(models.DeleteUserRequest(user_name="alice.b"))
    error = refused(ram.get_user, models.GetUserRequest(user_name="alice.b"))
    assert (error.code, error.status_code) == ("EntityNotExist.User", 404)
    assert "The user does not exist." in error.message


def test_the_life_of_a_group(ram):
    ram.create_user(models.CreateUserRequest(user_name="member"))
    made = ram.create_group(models.CreateGroupRequest(group_name="staff", comments="all")).body.group
    assert (made.group_name, made.comments) == ("staff", "all") and made.group_id
    ram.update_group(models.UpdateGroupRequest(group_name="staff", new_group_name="people"))
    assert ram.get_group(models.GetGroupRequest(group_name="people")).body.group.group_id == made.group_id
    assert [group.group_name for group in ram.list_groups(models.ListGroupsRequest()).body.groups.group] == ["people"]
    ram.add_user_to_group(models.AddUserToGroupRequest(user_name="member", group_name="people"))
    groups = ram.list_groups_for_user(models.ListGroupsForUserRequest(user_name="member")).body.groups.group
    assert [group.group_name for group in groups] == ["people"] and DATE.fullmatch(groups[0].join_date)
    users = ram.list_users_for_group(models.ListUsersForGroupRequest(group_name="people")).body.users.user
    assert [user.user_name for user in users] == ["member"]
    for call, request, code in [
        (ram.delete_group, models.DeleteGroupRequest(group_name="people"), "DeleteConflict.Group.User"),
        (ram.delete_user, models.DeleteUserRequest(user_name="member"), "DeleteConflict.User.Group"),
    ]:
        error = refused(call, request)
        assert (error.code, error.status_code) == (code, 409)
    ram.remove_user_from_group(models.RemoveUserFromGroupRequest(user_name="member", group_name="people"))
    ram.delete_group(models.DeleteGroupRequest(group_name="people"))
    ram.delete_user(models.DeleteUserRequest(user_name="member"))


def test_keys_and_policies_decide_what_the_other_product_answers(ram, managed):
    ram.create_user(models.CreateUserRequest(user_name="reader"))
    key = ram.create_access_key(models.CreateAccessKeyRequest(user_name="reader")).body.access_key
    assert key.status == "Active" and DATE.fullmatch(key.create_date)
    pair = (key.access_key_id, key.access_key_secret)
    assert may_read_counts(managed, pair) == "Ram.PermissionDeny"

    policy = ram.create_policy(
        models.CreatePolicyRequest(policy_name="ReadCounts", description="reads", policy_document=READ_COUNTS)
    ).body.policy
    assert (policy.policy_name, policy.policy_type, policy.default_version) == ("ReadCounts", "Custom", "v1")
    named = {"policy_name": "ReadCounts", "policy_type": "Custom"}
    ram.attach_policy_to_user(models.AttachPolicyToUserRequest(user_name="reader", **named))
    assert may_read_counts(managed, pair) == "OK"
    attached = ram.list_policies_for_user(models.ListPoliciesForUserRequest(user_name="reader")).body.policies.policy
    assert [policy.policy_name for policy in attached] == ["ReadCounts"]
    entities = ram.list_entities_for_policy(models.ListEntitiesForPolicyRequest(**named)).body
    assert [user.user_name for user in entities.users.user] == ["reader"]
    assert (entities.groups.group, entities.roles.role) == ([], [])

    version = ram.create_policy_version(
        models.CreatePolicyVersionRequest(policy_name="ReadCounts", policy_document=DENY_COUNTS, set_as_default=True)
    ).body.policy_version
    assert (version.version_id, version.is_default_version) == ("v2", True)
    assert may_read_counts(managed, pair) == "Ram.PermissionDeny"
    v1 = models.SetDefaultPolicyVersionRequest(policy_name="ReadCounts", version_id="v1")
    ram.set_default_policy_version(v1)
    assert may_read_counts(managed, pair) == "OK"
    versions = ram.list_policy_versions(models.ListPolicyVersionsRequest(**named)).body.policy_versions.policy_version
    assert [(v.version_id, v.is_default_version) for v in versions] == [("v1", True), ("v2", False)]
    got = ram.get_policy_version(models.GetPolicyVersionRequest(version_id="v2", **named)).body.policy_version
    assert got.policy_document == DENY_COUNTS
    ram.delete_policy_version(models.DeletePolicyVersionRequest(policy_name="ReadCounts", version_id="v2"))
    shown = ram.get_policy(models.GetPolicyRequest(**named)).body
    assert shown.default_policy_version.policy_document == READ_COUNTS
    assert shown.policy.attachment_count == 1
    assert [p.policy_name for p in ram.list_policies(models.ListPoliciesRequest()).body.policies.policy] == ["ReadCounts"]

    used = ram.get_access_key_last_used(
        models.GetAccessKeyLastUsedRequest(user_name="reader", user_access_key_id=pair[0])
    ).body.access_key_last_used
    assert DATE.fullmatch(used.last_used_date)
    off = models.UpdateAccessKeyRequest(user_name="reader", user_access_key_id=pair[0], status="Inactive")
    ram.update_access_key(off)
    assert may_read_counts(managed, pair) == "InvalidAccessKeyId.Inactive"
    keys = ram.list_access_keys(models.ListAccessKeysRequest(user_name="reader")).body.access_keys.access_key
    assert [(key.access_key_id, key.status) for key in keys] == [(pair[0], "Inactive")]
    for call, request, code in [
        (ram.delete_user, models.DeleteUserRequest(user_name="reader"), "DeleteConflict.User.AccessKey"),
        (ram.delete_policy, models.DeletePolicyRequest(policy_name="ReadCounts"), "DeleteConflict.Policy.User"),
    ]:
        error = refused(call, request)
        assert (error.code, error.status_code) == (code, 409)
    ram.delete_access_key(models.DeleteAccessKeyRequest(user_name="reader", user_access_key_id=pair[0]))
    assert may_read_counts(managed, pair) == "InvalidAccessKeyId.NotFound"
    ram.detach_policy_from_user(models.DetachPolicyFromUserRequest(user_name="reader", **named))
    ram.delete_policy(models.DeletePolicyRequest(policy_name="ReadCounts"))
    ram.delete_user(models.DeleteUserRequest(user_name="reader"))


def test_the_life_of_a_role(ram):
    made = ram.create_role(
        models.CreateRoleRequest(
            role_name="auditor",
            description="audits",
            assume_role_policy_document=TRUST,
            max_session_duration=7200,
        )
    ).body.role
    assert made.arn == f"acs:ram::{ACCOUNT}:role/auditor"
    assert (made.max_session_duration, made.assume_role_policy_document) == (7200, TRUST)
    changed = ram.update_role(
        models.UpdateRoleRequest(role_name="auditor", new_description="audits more", new_max_session_duration=3600)
    ).body.role
    assert (changed.role_id, changed.description) == (made.role_id, "audits more")
    assert ram.get_role(models.GetRoleRequest(role_name="auditor")).body.role.max_session_duration == 3600
    assert [role.role_name for role in ram.list_roles(models.ListRolesRequest()).body.roles.role] == ["auditor"]

    ram.create_group(models.CreateGroupRequest(group_name="auditors"))
    ram.create_policy(models.CreatePolicyRequest(policy_name="Audit", policy_document=READ_COUNTS))
    named = {"policy_name": "Audit", "policy_type": "Custom"}
    ram.attach_policy_to_role(models.AttachPolicyToRoleRequest(role_name="auditor", **named))
    ram.attach_policy_to_group(models.AttachPolicyToGroupRequest(group_name="auditors", **named))
    of_role = ram.list_policies_for_role(models.ListPoliciesForRoleRequest(role_name="auditor")).body
    of_group = ram.list_policies_for_group(models.ListPoliciesForGroupRequest(group_name="auditors")).body
    assert [p.policy_name for p in of_role.policies.policy + of_group.policies.policy] == ["Audit", "Audit"]
    entities = ram.list_entities_for_policy(models.ListEntitiesForPolicyRequest(**named)).body
    assert entities.roles.role[0].arn == made.arn and entities.groups.group[0].group_name == "auditors"
    error = refused(ram.delete_role, models.DeleteRoleRequest(role_name="auditor"))
    assert (error.code, error.status_code) == ("DeleteConflict.Role.Policy", 409)
    ram.detach_policy_from_role(models.DetachPolicyFromRoleRequest(role_name="auditor", **named))
    ram.detach_policy_from_group(models.DetachPolicyFromGroupRequest(group_name="auditors", **named))
    ram.delete_policy(models.DeletePolicyRequest(policy_name="Audit", cascading_delete=True))
    ram.delete_role(models.DeleteRoleRequest(role_name="auditor"))
    ram.delete_group(models.DeleteGroupRequest(group_name="auditors"))


def test_errors_are_typed(ram):
    for call, request, code, status, text in [
        (ram.create_user, models.CreateUserRequest(), "MissingUserName", 400, "UserName is mandatory"),
        (
            ram.create_user,
            models.CreateUserRequest(user_name="a b"),
            "InvalidParameter.UserName.InvalidChars",
            400,
            'The parameter - "UserName" contains invalid chars.',
        ),
        (
            ram.create_user,
            models.CreateUserRequest(user_name="a" * 65),
            "InvalidParameter.UserName.Length",
            400,
            'The parameter - "UserName" beyond the length limit.',
        ),
        (
            ram.create_user,
            models.CreateUserRequest(user_name="nobody"),
            "EntityAlreadyExists.User",
            409,
            "The user does already EXIST.",
        ),
        (
            ram.create_policy,
            models.CreatePolicyRequest(policy_name="Odd", policy_document=READ_COUNTS.replace("Effect", "Effekt")),
            "MalformedPolicyDocument",
            400,
            "Statement[0].Effekt",
        ),
        (
            ram.attach_policy_to_user,
            models.AttachPolicyToUserRequest(user_name="nobody", policy_name="AdministratorAccess", policy_type="System"),
            "EntityNotExist.Policy",
            404,
            "The policy does not exist.",
        ),
        (ram.get_role, models.GetRoleRequest(role_name="missing"), "EntityNotExist.Role", 404, "does not exist"),
    ]:
        error = refused(call, request)
        assert (error.code, error.status_code) == (code, status)
        assert text in error.message


@pytest.mark.parametrize("signature", ["v3", "v1"])
def test_a_denial_names_resource_and_action(managed, signature):
    nobody = client_of(Client, managed, NOBODY, signature)
    error = refused(nobody.delete_user, models.DeleteUserRequest(user_name="nobody"))
    assert (error.code, error.status_code) == ("NoPermission", 403)
    wanted = f"Resource: acs:ram:*:{ACCOUNT}:user/nobody Action: ram:DeleteUser"
    assert wanted in error.message
    detail = error.access_denied_detail
    assert detail["AuthAction"] == "ram:DeleteUser"
    assert detail["NoPermissionType"] == "ImplicitDeny"


def test_throttling_is_typed_with_the_time_to_wait(managed):
    owner = client_of(Client, managed, OWNER)
    request = models.GetUserRequest(user_name="nobody")

    def ask(_):
        try:
            owner.get_user(request)
        except ThrottlingException as error:
            return error
        return None

    # Several at a time, so that a slow machine is above fifty a second too.
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        errors = [error for error in threads.map(ask, range(150)) if error]
    assert errors, "no more than fifty calls a second were made"
    for error in errors:
        assert (error.code, error.status_code) == ("Throttling.User", 400)
        assert 1 <= error.retry_after <= 1000
