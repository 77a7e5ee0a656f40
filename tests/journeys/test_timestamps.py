"""Timestamps (RFC 3161) of signatures, by a service that listens on this machine alone."""

import http.server
import io
import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress

import pytest
from small_archive import grey_of

from archivecolor.errors import ExitCode, UnavailableError
from archivecolor.jobs.credentials import new_credentials
from archivecolor.metadata.credentials import making
from archivecolor.metadata.credentials.embedding import BYTES, Asset, CredentialsError, Parent, sign
from archivecolor.metadata.credentials.reading import Standing, read_back
from archivecolor.metadata.credentials.signing import read_credentials
from archivecolor.metadata.credentials.statement import statement_of
from archivecolor.metadata.provenance import Provenance
from archivecolor.settings import NewCredentialsSettings

TIMESTAMP_SERVICE = """
[tsa]
default_tsa = service
[service]
serial = serial
signer_cert = service.pem
signer_key = service-key.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""
SERVICE_EXTENSIONS = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
NEW_KEY = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout"


@pytest.fixture
def timestamps(tmp_path):
    """A timestamp service (RFC 3161): its folder, which has `root.pem`, and its address."""
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "service.cnf").write_text(TIMESTAMP_SERVICE)
    (folder / "extensions").write_text(SERVICE_EXTENSIONS)
    (folder / "serial").write_text("01")
    usage = "-addext keyUsage=critical,keyCertSign,cRLSign"
    issued = "-CA root.pem -CAkey root-key.pem -CAcreateserial -days 2 -extfile extensions"
    for words in (
        f"{NEW_KEY} root-key.pem -x509 -out root.pem -days 2 -subj /O=Times/CN=Root {usage}",
        f"{NEW_KEY} service-key.pem -out service.csr -subj /O=Times/CN=Service",
        f"openssl x509 -req -in service.csr {issued} -out service.pem",
    ):
        subprocess.run(words.split(), cwd=folder, check=True, capture_output=True, timeout=60)

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            words = "openssl ts -reply -config service.cnf -queryfile query"
            answer = subprocess.run(
                words.split(), cwd=folder, check=True, capture_output=True, timeout=60
            ).stdout
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asking(folder, address):
    """Credentials that ask a service for the time."""
    file = new_credentials(NewCredentialsSettings(folder=folder, name="City Archive")).file
    file.write_text(f"{file.read_text()}timestamp = {json.dumps(address)}\n")
    return file


def signed_shortly_before_the_end(folder, address, monkeypatch):
    """A PNG that was signed with a timestamp by what expires within seconds, and when it does."""
    picture = io.BytesIO()
    grey_of("camera", (20, 20)).save(picture, "PNG")
    statement = statement_of(Provenance("1", "a" * 64, "", ""), "exact")
    for seconds in (4, 8, 16, 32, 64):  # however slow the machine is
        monkeypatch.setattr(making, "SIGNING_DAYS", seconds / 86400)
        with suppress(UnavailableError, CredentialsError):
            shutil.rmtree(folder, ignore_errors=True)
            credentials = read_credentials(asking(folder, address))
            parent, signed = Parent("scan.png", BYTES, "a" * 64, io.BytesIO()), io.BytesIO()
            picture.seek(0)
            sign(credentials, statement, parent, Asset("image/png", picture, signed))
            if time.time() < credentials.expires.timestamp():
                return signed.getvalue(), credentials.expires.timestamp()
    raise AssertionError("nothing could be signed in time")


def test_a_timestamp_outlives_the_certificate_for_those_who_trust_its_service(
    timestamps, tmp_path, monkeypatch
):
    service, address = timestamps
    signed, ends = signed_shortly_before_the_end(tmp_path / "keys", address, monkeypatch)
    ours, theirs = (tmp_path / "keys" / "root.pem").read_text(), (service / "root.pem").read_text()
    time.sleep(max(0.0, ends + 1 - time.time()))

    def read(*roots):
        return read_back("image/png", io.BytesIO(signed), roots="".join(roots))

    assert read().standing is Standing.EXPIRED
    found = read(ours)
    assert found.standing is Standing.UNTRUSTED
    assert found.detail == "signed by City Archive; its certificate has expired"
    assert read(ours, theirs).standing is Standing.VALID
    assert read(theirs).standing is Standing.UNTRUSTED


def test_a_service_that_does_not_answer_ends_the_run_before_the_first_picture(here, tmp_path):
    (tmp_path / "in").mkdir()
    grey_of("camera", (60, 80)).save(tmp_path / "in" / "camera.png")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    file = asking(tmp_path / "keys", address)
    done = here("dir", tmp_path / "in", tmp_path / "out", "--credentials", file)
    assert done.returncode == ExitCode.UNAVAILABLE
    assert address in done.stderr
    assert not (tmp_path / "out").exists()
