"""A server of buckets on this machine, whose answers can be made to go wrong."""

import functools
import logging
import threading
import uuid
from collections import Counter
from contextlib import contextmanager

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

SECRET = "a-key-that-nobody-may-see"
ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>no</Message></Error>"


def environment(url, folder):
    """The variables by which botocore finds the server, and nothing of whoever runs the tests."""
    empty = folder / "no-file"
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(empty),
        "AWS_SHARED_CREDENTIALS_FILE": str(empty),
        "AWS_MAX_ATTEMPTS": "3",
    }


class Faults:
    """What goes wrong, in front of the server's application.

    Attributes:
        answers: by key, errors that come before anything else, each with a status and S3's code.
        cut: by key, how many more bodies end early.
        asked: how often each key was asked for; "" are lists.
    """

    def __init__(self, application):
        self._application = application
        self.answers, self.cut, self.asked = {}, Counter(), Counter()

    def reset(self):
        """Nothing goes wrong any more, and nothing was asked."""
        for each in (self.answers, self.cut, self.asked):
            each.clear()

    def __call__(self, request, start_response):
        # WSGI has bytes as text in Latin-1: /BUCKET/KEY.
        _, _, key = request["PATH_INFO"].encode("latin-1").decode().lstrip("/").partition("/")
        if request["REQUEST_METHOD"] != "GET":
            return self._application(request, start_response)
        self.asked[key] += 1
        if self.answers.get(key):
            status, code = self.answers[key].pop(0)
            start_response(f"{status} Error", [("Content-Type", "application/xml")])
            return [ERROR.format(code).encode()]
        answer = self._application(request, start_response)
        if self.cut[key]:
            self.cut[key] -= 1
            body = b"".join(answer)
            return [body[: len(body) // 2]]
        return answer


class BucketServer:
    """A server with one bucket, and what is in it."""

    def __init__(self, url, faults):
        self.url, self.faults = url, faults
        faults.reset()
        self.bucket = f"scans-{uuid.uuid4().hex[:12]}"
        self._client = _client(url)
        self._client.create_bucket(Bucket=self.bucket)

    def put(self, key, data):
        self._client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def put_tree(self, folder, prefix="in/"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(prefix + path.relative_to(folder).as_posix(), path.read_bytes())

    def delete(self, key):
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def address(self, prefix="in"):
        return f"s3://{self.bucket}/{prefix}".rstrip("/")


@functools.cache
def _client(url):
    """A client of the server at `url`, where `environment` is set: each reads all that there is about S3."""
    import botocore.session

    return botocore.session.Session().create_client("s3", endpoint_url=url)


@contextmanager
def running():
    """The server's address and its faults, as long as the block lasts."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        thread.join()
