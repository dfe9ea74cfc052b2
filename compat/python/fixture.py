"""One running instance for a suite of another language, as a process.

    python3 fixture.py http|https

prints one line of JSON as soon as the server has taken every event in:

    scheme, endpoint   where it listens, `127.0.0.1:PORT`
    ca_file            the CA that clients over TLS must trust; null over http
    keys               name -> [id, secret] or [id, secret, security token]
    cases              those of `cases.py`

and stops the server when standard input ends, so that a suite that dies leaves
nothing behind. It ends with 0 only when the server stopped by itself and nothing
in it panicked. Only Python's standard library is needed.
"""

import contextlib
import json
import sys
import tempfile
import time

import directory
from cases import KEYS, Cases, session_keys
from instance import SCHEMES, Instance, whatsapp_body
from session import assume


@contextlib.contextmanager
def running(scheme):
    """The description of an instance that runs until the block ends."""
    with tempfile.TemporaryDirectory(prefix="chatmetric-compat-") as place:
        instance = Instance(place, directory.DOCUMENT, scheme).start()
        try:
            yield describe(instance)
        finally:
            instance.stop()
            assert "panicked" not in instance.log(), instance.log()


def describe(instance):
    """Takes the events in; what a suite has to know."""
    cases = Cases(int(time.time()))
    for batch in cases.batches:
        status = instance.webhook("acme-all", directory.APP_SECRET, whatsapp_body(batch))
        assert status == 200, f"the webhook was answered with {status}"
    sessions = [assume(instance, directory.ASSUMER, directory.REPORTER) for _ in range(2)]
    return {
        "scheme": instance.scheme,
        "endpoint": f"127.0.0.1:{instance.port}",
        "ca_file": instance.ca_file,
        "keys": {**KEYS, **session_keys(*sessions)},
        "cases": cases.all(instance.scheme),
    }


def main(arguments):
    """Serves until standard input ends."""
    if len(arguments) != 1 or arguments[0] not in SCHEMES:
        sys.exit(f"usage: fixture.py {'|'.join(SCHEMES)}")
    with running(arguments[0]) as description:
        print(json.dumps(description), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
