"""The official SDKs behind one small face.

Each SDK is used unchanged; only the endpoint (and, for http, the protocol) is
set. A key is (id, secret) or (id, secret, security token). What differs between them is how a request is built and how an answer or an
error is handed to the caller, and that is all that is levelled here.
"""

import asyncio
import contextlib
import importlib.metadata
import json
import os
from unittest import mock

PRODUCT = "cams"
VERSION = "2020-06-06"
METRIC = "GetChatappPhoneNumberMetric"
ENABLE = "EnableWhatsappROIMetric"


class Refused(Exception):
    """An error as the SDK reported it."""

    def __init__(self, code, status, message, request_id=None, retry_after_ms=None, detail=None):
        super().__init__(f"{status} {code}: {message}")
        self.code = code
        self.status = status
        self.message = message
        self.request_id = request_id
        self.retry_after_ms = retry_after_ms
        self.detail = detail


def installed(package):
    """Whether an SDK is part of this environment."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def rows(body):
    """Rows of an answer as the model writes them."""
    return [
        (row["Start"], row["End"], row["PhoneNumber"], row["SentCount"], row["DeliveredCount"])
        for row in body["Data"]
    ]


class TeaCaller:
    """alibabacloud_cams20200606, any major version."""

    package = "alibabacloud-cams20200606"
    tells_detail = True

    def __init__(self, name, method="POST", typed=True, signature_algorithm=None, asynchronous=False):
        self.name = name
        self.method = method
        self.typed = typed
        self.signature_algorithm = signature_algorithm
        self.asynchronous = asynchronous

    @property
    def signature(self):
        """The name of the signature in the table of COMPATIBILITY.md."""
        algorithm = self.signature_algorithm or "ACS3-HMAC-SHA256"
        return "RPC 1.0" if algorithm == "v2" else algorithm

    @property
    def tells_retry_after(self):
        """Whether a throttled call raises an error that says when to try again."""
        return installed("alibabacloud-tea-openapi") >= "0.4" and self.signature != "RPC 1.0"

    def client(self, port, key, scheme="http"):
        from alibabacloud_cams20200606.client import Client

        try:
            from alibabacloud_tea_openapi.utils_models import Config
        except ImportError:
            from alibabacloud_tea_openapi.models import Config
        return Client(
            Config(
                access_key_id=key[0],
                access_key_secret=key[1],
                security_token=key[2] if len(key) > 2 else None,
                endpoint=f"127.0.0.1:{port}",
                protocol=scheme,
                signature_algorithm=self.signature_algorithm,
            )
        )

    def call(self, port, key, parameters, action=METRIC, scheme="http"):
        """The answer's body as a dictionary in the names of the wire."""
        client = self.client(port, key, scheme)
        try:
            if self.typed and action == METRIC:
                return self.typed_call(client, parameters)
            return self.untyped_call(client, parameters, action, scheme)
        except Exception as error:  # each SDK has its own hierarchy
            raise refused_by_tea(error) from error

    def typed_call(self, client, parameters):
        from alibabacloud_cams20200606 import models

        request = models.GetChatappPhoneNumberMetricRequest().from_map(parameters)
        if self.asynchronous:
            answer = asyncio.run(client.get_chatapp_phone_number_metric_async(request))
        else:
            answer = client.get_chatapp_phone_number_metric(request)
        assert answer.status_code == 200
        return answer.body.to_map()

    def untyped_call(self, client, parameters, action, scheme):
        try:
            from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
            from darabonba.runtime import RuntimeOptions
        except ImportError:
            from alibabacloud_tea_openapi.models import OpenApiRequest, Params
            from alibabacloud_tea_util.models import RuntimeOptions
        params = Params(
            action=action,
            version=VERSION,
            protocol=scheme,
            pathname="/",
            method=self.method,
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        query = {name: str(value) for name, value in parameters.items()}
        return client.call_api(params, OpenApiRequest(query=query), RuntimeOptions())["body"]

    @contextlib.contextmanager
    def clock(self, stamp):
        """The SDK believes that it is another time."""
        with mock.patch(f"{self.signer()}.get_timestamp", return_value=stamp):
            yield

    @contextlib.contextmanager
    def nonce(self, value):
        """The SDK draws the same nonce again and again."""
        old = self.signer().endswith("OpenApiUtilClient")
        target = "alibabacloud_tea_openapi.client.UtilClient" if old else self.signer()
        with mock.patch(f"{target}.get_nonce", return_value=value):
            yield

    @staticmethod
    def signer():
        if installed("alibabacloud-tea-openapi") < "0.4":
            return "alibabacloud_tea_openapi.client.OpenApiUtilClient"
        return "alibabacloud_tea_openapi.client.Utils"


def refused_by_tea(error):
    """Levels ClientException, ServerException, ThrottlingException (new) and
    TeaException (old)."""
    code = getattr(error, "code", None)
    data = getattr(error, "data", None)
    if code is None or not isinstance(data, dict):
        return error
    status = getattr(error, "status_code", None) or getattr(error, "statusCode", None)
    detail = getattr(error, "access_denied_detail", None) or getattr(error, "accessDeniedDetail", None)
    return Refused(
        code,
        status,
        error.message,
        data.get("RequestId") or data.get("requestId"),
        getattr(error, "retry_after", None),
        detail,
    )


class CoreCaller:
    """aliyun-python-sdk-core, with the typed requests of aliyun-python-sdk-cams
    or with CommonRequest."""

    signature = "RPC 1.0"
    tells_detail = False
    tells_retry_after = False

    def __init__(self, name, method, typed):
        self.name = name
        self.method = method
        self.typed = typed

    @property
    def package(self):
        """The package whose requests are used."""
        return "aliyun-python-sdk-cams" if self.typed else "aliyun-python-sdk-core"

    @staticmethod
    def client(key):
        from aliyunsdkcore.auth.credentials import StsTokenCredential
        from aliyunsdkcore.client import AcsClient

        # Its own copy of requests does not look at this variable.
        verify = os.environ.get("REQUESTS_CA_BUNDLE")
        if len(key) > 2:
            return AcsClient(region_id="ap-southeast-1", credential=StsTokenCredential(*key), verify=verify)
        return AcsClient(key[0], key[1], "ap-southeast-1", verify=verify)

    def request(self, port, parameters, action, scheme="http"):
        if self.typed:
            import importlib

            module = importlib.import_module(f"aliyunsdkcams.request.v20200606.{action}Request")
            request = getattr(module, f"{action}Request")()
            request.set_endpoint(f"127.0.0.1:{port}")
        else:
            from aliyunsdkcore.request import CommonRequest

            request = CommonRequest(
                domain=f"127.0.0.1:{port}", version=VERSION, action_name=action, product=PRODUCT
            )
        request.set_method(self.method)
        request.set_protocol_type(scheme)
        for name, value in parameters.items():
            request.add_query_param(name, value)
        return request

    def xml(self, port, key, parameters, action=METRIC):
        """Status and bytes of the answer in XML."""
        request = self.request(port, parameters, action)
        request.set_accept_format("XML")
        status, _, body = self.client(key).get_response(request)[:3]
        return status, body

    def call(self, port, key, parameters, action=METRIC, scheme="http"):
        """The answer's body as a dictionary in the names of the wire."""
        from aliyunsdkcore.acs_exception.exceptions import ServerException

        request = self.request(port, parameters, action, scheme)
        try:
            # This method asks for JSON, whatever the request says.
            return json.loads(self.client(key).do_action_with_exception(request))
        except ServerException as error:
            raise Refused(
                error.get_error_code(),
                error.get_http_status(),
                error.get_error_msg(),
                error.get_request_id(),
            ) from error

    @contextlib.contextmanager
    def clock(self, stamp):
        """The SDK believes that it is another time."""
        with mock.patch("aliyunsdkcore.utils.parameter_helper.get_iso_8061_date", return_value=stamp):
            yield

    @contextlib.contextmanager
    def nonce(self, value):
        """The SDK draws the same nonce again and again."""
        with mock.patch("aliyunsdkcore.utils.parameter_helper.get_uuid", return_value=value):
            yield


def all_callers():
    """Every way in which the SDKs of this environment can call."""
    major = installed("alibabacloud-cams20200606").split(".")[0]
    callers = [
        TeaCaller(f"cams{major}-v3"),
        TeaCaller(f"cams{major}-v3-get", method="GET", typed=False),
        TeaCaller(f"cams{major}-v3-async", asynchronous=True),
        TeaCaller(f"cams{major}-v3-sm3", signature_algorithm="ACS3-HMAC-SM3"),
        TeaCaller(f"cams{major}-v1", signature_algorithm="v2"),
        TeaCaller(f"cams{major}-v1-get", method="GET", typed=False, signature_algorithm="v2"),
    ]
    if installed("aliyun-python-sdk-core"):
        callers += [
            CoreCaller("core-typed-post", "POST", True),
            CoreCaller("core-typed-get", "GET", True),
            CoreCaller("core-common-post", "POST", False),
            CoreCaller("core-common-get", "GET", False),
        ]
    return callers
