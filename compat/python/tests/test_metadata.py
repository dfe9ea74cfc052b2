"""The published metadata against the models of the official SDKs: the same
parameters, the same members of the answer, the same types.
"""

import importlib
import inspect
import json

import pytest

from callers import installed

# Product, version, package.
SDKS = [
    ("cams", "2020-06-06", "alibabacloud_cams20200606"),
    ("Sts", "2015-04-01", "alibabacloud_sts20150401"),
    ("Ram", "2015-05-01", "alibabacloud_ram20150501"),
]
TYPES = {"string": str, "integer": int, "boolean": bool}
KINDS = {"str": str, "int": int, "bool": bool}
# Sent by newer SDKs with every call of CAMS; accepted and ignored.
IGNORED = {"OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"}


def wire_names(model):
    """Wire name → Python type of a model's scalar members: each is given a value
    of its own, alone, and looked for in what the model sends."""
    names = {}
    for attribute, argument in inspect.signature(model.__init__).parameters.items():
        annotation = argument.annotation
        kind = KINDS.get(annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None))
        if kind is None:
            continue
        value = {str: f"<{attribute}>", int: 1_000_003, bool: True}[kind]
        sent = model(**{attribute: value}).to_map()
        (name,) = (name for name, found in sent.items() if found is value)
        names[name] = kind
    return names


def properties(schema):
    """Wire name → Python type of the scalar members of a schema."""
    return {
        name: TYPES[member["type"]]
        for name, member in schema.get("properties", {}).items()
        if member["type"] in TYPES
    }


def nested(models, model, schema):
    """Pairs of a model and a schema, all the way down."""
    yield model, schema
    for name, member in schema.get("properties", {}).items():
        inner = member.get("items", member)
        if inner.get("type") == "object":
            child = getattr(models, model.__name__ + name)
            yield from nested(models, child, inner)


def docs(instance, product, version):
    path = f"/meta/v1/products/{product}/versions/{version}/api-docs.json"
    status, _, body = instance.request("GET", path)
    assert status == 200
    return json.loads(body)["apis"]


@pytest.mark.parametrize("product,version,package", SDKS, ids=[sdk[0] for sdk in SDKS])
def test_metadata_has_the_fields_and_types_of_the_sdk(instance, product, version, package):
    if not installed(package.replace("_", "-")):
        pytest.skip(f"{package} is not part of this environment")
    models = importlib.import_module(f"{package}.models")
    apis = docs(instance, product, version)
    assert apis or product != "cams"
    for action, api in apis.items():
        request = getattr(models, f"{action}Request", None)
        known = wire_names(request) if request else {}
        ours = {p["name"]: TYPES[p["schema"]["type"]] for p in api["parameters"]}
        for name, kind in ours.items():
            if name in known:
                assert known[name] is kind, (action, name)
        assert set(ours) <= set(known) | {"IsvCode", "CustSpaceId"}, action
        if product == "cams":
            assert set(known) - IGNORED <= set(ours), action
        body = getattr(models, f"{action}ResponseBody")
        for model, schema in nested(models, body, api["responses"]["200"]["schema"]):
            members, ours = wire_names(model), properties(schema)
            # Of the other products we leave out what we do not have, and add nothing.
            expected = members if product == "cams" else {n: k for n, k in members.items() if n in ours}
            assert ours == expected, (action, model.__name__)


def test_openapi_lists_the_same_operations(instance):
    status, _, body = instance.request("GET", "/openapi.json")
    assert status == 200
    document = json.loads(body)
    assert document["openapi"].startswith("3.1.")
    served = {path.split("=")[1] for path in document["paths"] if "#Action=" in path}
    described = set()
    for product, version, _ in SDKS:
        described |= set(docs(instance, product, version))
    assert served == described
