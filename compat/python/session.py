"""Temporary credentials, asked for by hand: the fixture that all languages share
must not need any SDK. RPC 1.0, by GET.
"""

import base64
import datetime
import hashlib
import hmac
import json
import urllib.parse
import uuid


def assume(instance, key, role_arn):
    """Key id, secret and security token of a new session of a role."""
    parameters = {
        "Action": "AssumeRole",
        "Version": "2015-04-01",
        "Format": "JSON",
        "RoleArn": role_arn,
        "RoleSessionName": "fixture",
        "AccessKeyId": key[0],
        "Timestamp": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SignatureNonce": uuid.uuid4().hex,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
    }
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(parameters.items()))
    digest = hmac.new(f"{key[1]}&".encode(), f"GET&%2F&{encode(query)}".encode(), hashlib.sha1).digest()
    signature = encode(base64.b64encode(digest).decode())
    status, _, body = instance.request("GET", f"/?{query}&Signature={signature}")
    assert status == 200, f"AssumeRole was answered with {status}: {body}"
    given = json.loads(body)["Credentials"]
    return given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"]


def encode(text):
    """RFC 3986."""
    return urllib.parse.quote(text, safe="~")
