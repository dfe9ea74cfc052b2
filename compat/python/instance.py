"""A real chatmetric process: its directory document, its life, its webhooks.

Nothing is mocked: the program is started as a user would start it, events come
in as signed webhooks over HTTP, and it can be killed and started again.
"""

import hashlib
import hmac
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

SCHEMES = ("http", "https")

START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 20


def program():
    """The binary under test."""
    path = os.environ.get("CHATMETRIC_BIN")
    if path is None:
        root = pathlib.Path(__file__).resolve().parents[2]
        path = str(root / "target" / "debug" / "chatmetric")
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"no program at `{path}`; build it or set CHATMETRIC_BIN")
    return path


def make_certificates(place):
    """A private CA and the server's certificate; the program that makes them is
    built beside the one under test."""
    maker = pathlib.Path(program()).parent / "examples" / "test_ca"
    subprocess.run([maker, place], check=True, timeout=60)


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    """One data directory and the process that serves it."""

    def __init__(self, directory, document, scheme="http"):
        self.directory = pathlib.Path(directory)
        self.scheme = scheme
        self.ca_file = None
        self.data_dir = self.directory / "data"
        self.log_path = self.directory / "serve.log"
        self.port = free_port()
        self.process = None
        self.environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CHATMETRIC_", "ALIBABA_CLOUD_"))
        }
        if scheme == "https":
            make_certificates(self.directory)
            self.ca_file = str(self.directory / "ca.pem")
            self.environment["CHATMETRIC_SERVER_TLS_CERT_FILE"] = str(self.directory / "server.pem")
            self.environment["CHATMETRIC_SERVER_TLS_KEY_FILE"] = str(self.directory / "server.key")
        self.apply(document)

    def command(self, *arguments, stdin=None, check=True):
        """Runs a command of the program on this data directory."""
        done = subprocess.run(
            [program(), *arguments, "--data-dir", str(self.data_dir)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
        return done

    def apply(self, document):
        """Brings the directory to what the document says."""
        path = self.directory / "directory.toml"
        path.write_text(document, encoding="utf-8")
        return self.command("apply", "-f", str(path))

    def start(self):
        """Starts the server and waits until it takes events."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [program(), "serve", "--data-dir", str(self.data_dir), "--listen", f"127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment,
        )
        log.close()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log()}")
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"not ready after {START_TIMEOUT_S} s:\n{self.log()}")

    def kill(self):
        """kill -9: no handler runs, nothing is flushed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self):
        """A graceful stop; the server must end by itself with 0."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not stop in {STOP_TIMEOUT_S} s:\n{self.log()}") from None
        assert code == 0, f"serve ended with {code}:\n{self.log()}"

    def log(self):
        """All that the server wrote so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def connection(self, timeout):
        """A new connection, over TLS when the server speaks it."""
        if self.scheme == "http":
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        trust = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=trust)

    def request(self, method, path, body=None, headers=None, timeout=30):
        """A plain HTTP request: status, headers, body."""
        connection = self.connection(timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def webhook(self, webhook_id, secret, body):
        """Posts a signed WhatsApp webhook and gives the HTTP status."""
        raw = json.dumps(body).encode()
        digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        status, _, _ = self.request(
            "POST",
            f"/webhooks/whatsapp/{webhook_id}",
            raw,
            {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"},
        )
        return status


def whatsapp_body(events):
    """Meta's envelope for (number, message id, status, time in s) events."""
    changes = {}
    for number, message, status, at_s in events:
        changes.setdefault(number, []).append(
            {"id": message, "status": status, "timestamp": str(at_s), "recipient_id": "16505550000"}
        )
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "102290129340398",
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": number, "phone_number_id": "1"},
                            "statuses": statuses,
                        },
                    }
                ],
            }
            for number, statuses in changes.items()
        ],
    }
