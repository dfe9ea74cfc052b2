"""What scanners say of the TLS listener of the real program: sslyze, and testssl.sh where
it is installed (CI installs it). The same scans of a listener that is weak on purpose must
find it, or they would find nothing anywhere.
"""

import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from sslyze import Scanner, ServerNetworkLocation, ServerScanRequest, ServerScanStatusEnum
from sslyze import ScanCommandAttemptStatusEnum as Attempt

import instance

DOCUMENT = '[[account]]\nid = "1000000000000001"\n'
TESTSSL = shutil.which("testssl") or shutil.which("testssl.sh")
TESTSSL_TIMEOUT_S = 900
# What is about the certificate, which a test makes itself, and not about the listener:
# nobody else trusts it, nobody revokes it, it is in no log and no DNS.
OF_CERTIFICATES = (
    "cert_",
    "cert ",
    "cert",
    "intermediate_cert",
    "OCSP",
    "DNS_CAArecord",
    "certificate_transparency",
)
# What is not TLS: marks of the whole site, and headers, which have tests of their own.
NOT_TLS = ("overall_grade", "final_score", "grade_cap", "HSTS", "security_headers", "banner_", "HTTP_")
# All suites are good ones, so the client takes what is fast for it, as Mozilla advises too.
ON_PURPOSE = ("cipher_order",)
SEVERE = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The real program, over TLS."""
    served = instance.Instance(tmp_path_factory.mktemp("tls"), DOCUMENT, scheme="https")
    served.start()
    yield served.port
    served.stop()


@pytest.fixture
def weak_port(tmp_path):
    """TLS 1.0 and 1.1 and everything that the library still has."""
    instance.make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(context, connection), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def answer(context, connection):
    """One answer, whatever was asked."""
    connection.settimeout(10)
    try:
        with context.wrap_socket(connection, server_side=True) as stream:
            stream.recv(4096)
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    except OSError:
        connection.close()


def scanned(port):
    """All that sslyze tries, each with its result."""
    scanner = Scanner()
    location = ServerNetworkLocation(hostname="localhost", ip_address="127.0.0.1", port=port)
    scanner.queue_scans([ServerScanRequest(server_location=location)])
    result = next(iter(scanner.get_results()))
    assert result.scan_status == ServerScanStatusEnum.COMPLETED, result.connectivity_error_trace
    return result.scan_result


def result_of(scan, name):
    """The result of one try, which must have come to its end."""
    attempt = getattr(scan, name)
    assert attempt.status == Attempt.COMPLETED, (name, attempt.error_reason, attempt.error_trace)
    return attempt.result


def accepted(scan, protocol):
    """Names of the suites that a protocol is accepted with."""
    suites = result_of(scan, f"{protocol}_cipher_suites").accepted_cipher_suites
    return {suite.cipher_suite.name for suite in suites}


OLD = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1")


def test_sslyze_finds_new_protocols_with_forward_secrecy_and_nothing_else(port):
    scan = scanned(port)
    for protocol in OLD:
        assert accepted(scan, protocol) == set()
    new = accepted(scan, "tls_1_3")
    assert new and all("GCM" in name or "CHACHA20" in name for name in new), new
    middle = accepted(scan, "tls_1_2")
    assert middle and all(
        name.startswith("TLS_ECDHE_") and ("GCM" in name or "CHACHA20" in name) for name in middle
    ), middle


def test_sslyze_finds_no_known_hole(port):
    scan = scanned(port)
    assert not result_of(scan, "heartbleed").is_vulnerable_to_heartbleed
    assert not result_of(scan, "openssl_ccs_injection").is_vulnerable_to_ccs_injection
    assert result_of(scan, "robot").robot_result.name.startswith("NOT_VULNERABLE")
    assert not result_of(scan, "tls_compression").supports_compression
    # What comes early can be sent again by anybody.
    assert not result_of(scan, "tls_1_3_early_data").supports_early_data
    renegotiation = result_of(scan, "session_renegotiation")
    assert not renegotiation.is_vulnerable_to_client_renegotiation_dos
    assert result_of(scan, "tls_extended_master_secret").supports_ems_extension


def test_sslyze_finds_what_is_weak(weak_port):
    scan = scanned(weak_port)
    assert accepted(scan, "tls_1_0") and accepted(scan, "tls_1_1")
    assert any("CBC" in name for name in accepted(scan, "tls_1_2"))


def findings(port, place):
    """What testssl.sh finds worse than it should be, but for certificates."""
    report = place / "testssl.json"
    done = subprocess.run(
        [TESTSSL, "--quiet", "--color", "0", "--warnings", "batch", "--openssl-timeout", "10",
         "--protocols", "--server-defaults", "--fs", "--std", "--server-preference",
         "--vulnerable", "--jsonfile", str(report), f"127.0.0.1:{port}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TESTSSL_TIMEOUT_S,
        check=False,
    )
    assert report.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(report.read_text())
    assert any(one["id"].startswith("TLS1_3") for one in found), "it did not come to an end"
    return {
        one["id"]: (one["severity"], one["finding"])
        for one in found
        if one["severity"] in SEVERE and not one["id"].startswith(
            OF_CERTIFICATES + NOT_TLS + ON_PURPOSE
        )
    }


def need_testssl():
    if TESTSSL is None:
        if os.environ.get("CI"):
            pytest.fail("testssl.sh is not installed")
        pytest.skip("testssl.sh is not installed")


def test_testssl_finds_nothing(port, tmp_path):
    need_testssl()
    assert findings(port, tmp_path) == {}


def test_testssl_finds_what_is_weak(weak_port, tmp_path):
    need_testssl()
    found = findings(weak_port, tmp_path)
    assert "TLS1" in found and "TLS1_1" in found, found
