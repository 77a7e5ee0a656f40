"""Objects of a bucket as items of a run: which keys are taken, and what a server's faults cost."""

import contextlib
import json
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import bucket_server
import pytest
from bucket_server import SECRET

from archivecolor.archive.bucket import Bucket, StoredObject
from archivecolor.archive.passed_over import SkippedFiles, SkipReason
from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.archive.walk import MISSING
from archivecolor.archive.walk_bucket import walk_bucket
from archivecolor.errors import ItemError, Reason, UnavailableError, UsageError
from archivecolor.settings import SelectionOptions, typed_path


class Listing:
    """Keys as a server lists them."""

    def __init__(self, *keys):
        self._keys = sorted(keys, key=str.encode)

    def listed(self):
        for key in self._keys:
            yield StoredObject(key, 0 if key.endswith("/") else 5, 7, f'"{key}"')


def walked(*keys, **options):
    skipped, notes = SkippedFiles(), []
    skipped.note = lambda reason, name, detail: notes.append((reason, name))
    found = list(walk_bucket(Listing(*keys), SelectionOptions(**options), skipped))
    return [file.path for file in found], notes, skipped


def test_keys_are_taken_as_paths_of_a_tree_would_be():
    found, notes, skipped = walked(
        "a.jpg",
        "b/c.TIF",
        "b/.git/x.jpg",
        "b/.git/y.jpg",
        "b/Thumbs.db",
        "b/notes.txt",
        "b/",
        "a.xmp",
        "é\\ß.png",
    )
    assert found == ["a.jpg", "b/c.TIF", "é\\ß.png"]
    assert skipped.counts == Counter(
        {SkipReason.HIDDEN: 1, SkipReason.SYSTEM: 1, SkipReason.OTHER: 1, SkipReason.SIDECAR: 1}
    )
    assert (SkipReason.HIDDEN, "b/.git") in notes
    assert not skipped.pictures_may_be_missing


@pytest.mark.parametrize(
    "key",
    [
        "a//b.jpg",
        "/a.jpg",
        "../a.jpg",
        "a/../../b.jpg",
        "./a.jpg",
        "a/./b.jpg",
        "x" * 252 + ".jpg",
        "a\0.jpg",
    ],
)
def test_a_key_that_no_disk_could_hold_is_named_and_not_taken(key):
    found, notes, skipped = walked(key, "whole.jpg")
    assert found == ["whole.jpg"]
    assert notes == [(SkipReason.NO_NAME, key)]
    assert skipped.pictures_may_be_missing


def test_a_key_below_a_picture_is_not_taken_and_others_of_its_beginning_are():
    found, notes, _ = walked(
        "a.jpg", "a.jpg-1.jpg", "a.jpg.png", "a.jpg/b.jpg", "a.jpg/c/d.jpg", "a.jpg0.jpg"
    )
    assert found == ["a.jpg", "a.jpg-1.jpg", "a.jpg.png", "a.jpg0.jpg"]
    assert [name for _, name in notes] == ["a.jpg/b.jpg", "a.jpg/c/d.jpg"]


def test_a_key_of_no_picture_is_not_missed_whatever_it_is_called():
    found, notes, skipped = walked("a//b.txt", "no//x.jpg", exclude=("no",))
    assert not found
    assert not skipped.pictures_may_be_missing, notes


def test_globs_ages_and_lists_mean_what_they_mean_for_a_folder(tmp_path):
    keys = ("a/1.jpg", "a/2.png", "b/1.jpg", "b/.h.jpg", "c")
    assert walked(*keys, include=("*.jpg",))[0] == ["a/1.jpg", "b/1.jpg"]
    assert walked(*keys, exclude=("b",))[0] == ["a/1.jpg", "a/2.png"]
    assert walked(*keys, min_age=10 * 365 * 86400.0)[0] == ["a/1.jpg", "a/2.png", "b/1.jpg"]
    listed = tmp_path / "list"
    listed.write_text("c\nb/.h.jpg\n./a//2.png\ngone.jpg\naa.jpg\n")
    found = walk_bucket(Listing(*keys), SelectionOptions(files_from=listed), SkippedFiles())
    assert [(file.path, file.nbytes == MISSING) for file in found] == [
        ("a/2.png", False),
        ("aa.jpg", True),
        ("b/.h.jpg", False),
        ("c", False),
        ("gone.jpg", True),
    ]


def test_addresses():
    assert str(typed_path("s3://b")) == "s3://b"
    address = typed_path("s3://bucket/a/b/")
    assert (str(address), address.bucket, address.key) == ("s3://bucket/a/b", "bucket", "a/b")
    assert str(address / "c d.jpg") == "s3://bucket/a/b/c d.jpg"
    assert address.absolute() == address
    for wrong in ("s3://", "s3:///a", "s3://b//a", "s3://b/../a", "s3://b/./a"):
        with pytest.raises(UsageError, match="no address of a bucket"):
            typed_path(wrong)


def item_of(bucket, path):
    (found,) = (one for one in Bucket(typed_path(bucket.address())).listed() if one.path == path)
    return Item(
        kind="photo",
        root=Path(),
        path=path,
        output=path,
        nbytes=found.nbytes,
        mtime_ns=found.mtime_ns,
        action=PlanAction.DO,
        pixels=0,
        digest="",
        etag=found.etag,
    )


def fetch(bucket, item, target):
    Bucket(typed_path(bucket.address())).fetch(item, target, lambda: True)


def test_an_object_comes_whole_with_its_time(bucket, tmp_path):
    key = "in/a b+ü%41.jpg"
    bucket.put(key, b"x" * 3_000_000)
    item = item_of(bucket, "a b+ü%41.jpg")
    target = tmp_path / "here"
    fetch(bucket, item, target)
    assert target.read_bytes() == b"x" * 3_000_000
    assert target.stat().st_mtime_ns == item.mtime_ns


def test_a_busy_server_is_asked_again_and_a_cut_body_fetched_again(bucket, tmp_path):
    bucket.put("in/a.jpg", b"abc" * 100_000)
    item, target = item_of(bucket, "a.jpg"), tmp_path / "here"
    bucket.faults.answers["in/a.jpg"] = [(503, "SlowDown"), (500, "InternalError")]
    fetch(bucket, item, target)
    assert target.read_bytes() == b"abc" * 100_000
    bucket.faults.cut["in/a.jpg"] = 2
    fetch(bucket, item, target)
    assert target.read_bytes() == b"abc" * 100_000


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((503, "SlowDown"), Reason.READ_ERROR, "SlowDown"),
        ((403, "AccessDenied"), Reason.PERMISSION, "credentials"),
        ((403, "InvalidObjectState"), Reason.UNREADABLE, "restore it"),
        ((403, "ExpiredToken"), None, "AWS_ACCESS_KEY_ID"),
    ],
)
def test_what_a_server_refuses_costs_the_object_or_the_run(bucket, tmp_path, answer, error, words):
    bucket.put("in/a.jpg", b"abc")
    item = item_of(bucket, "a.jpg")
    bucket.faults.answers["in/a.jpg"] = [answer] * 20
    with pytest.raises((ItemError, UnavailableError), match=words) as raised:
        fetch(bucket, item, tmp_path / "here")
    assert getattr(raised.value, "reason", None) == error
    assert SECRET not in str(raised.value)
    assert bucket.url not in str(raised.value)
    assert bucket.faults.asked["in/a.jpg"] < 20
    bucket.faults.answers.clear()


def test_bodies_that_are_always_cut_cost_the_object_and_leave_no_half_of_it(bucket, tmp_path):
    bucket.put("in/a.jpg", b"abc" * 100_000)
    item = item_of(bucket, "a.jpg")
    bucket.faults.cut["in/a.jpg"] = 100
    with pytest.raises(ItemError, match="after several tries") as raised:
        fetch(bucket, item, tmp_path / "here")
    assert raised.value.reason is Reason.READ_ERROR
    assert not (tmp_path / "here").exists()
    bucket.faults.cut.clear()


def test_an_object_that_changes_or_goes_after_it_was_listed_is_not_taken_for_the_same(bucket, tmp_path):
    bucket.put("in/a.jpg", b"abc")
    item = item_of(bucket, "a.jpg")
    bucket.put("in/a.jpg", b"xyz")
    with pytest.raises(ItemError) as raised:
        fetch(bucket, item, tmp_path / "here")
    assert raised.value.reason is Reason.CHANGED
    bucket.delete("in/a.jpg")
    with pytest.raises(ItemError) as raised:
        fetch(bucket, item, tmp_path / "here")
    assert raised.value.reason is Reason.VANISHED


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, "InvalidAccessKeyId"), "refuses the credentials"),
        ((403, "AccessDenied"), "s3:ListBucket"),
        ((301, "PermanentRedirect"), "AWS_REGION"),
        ((503, "SlowDown"), "after several tries"),
    ],
)
def test_a_bucket_that_cannot_be_listed_ends_the_run_with_what_to_do(bucket, answer, words):
    bucket.faults.answers[""] = [answer] * 20
    with pytest.raises(UnavailableError, match=words) as raised:
        Bucket(typed_path(bucket.address())).is_empty()
    bucket.faults.answers.clear()
    assert SECRET not in str(raised.value)
    assert bucket.url not in str(raised.value)


class ManyKeys(BaseHTTPRequestHandler):
    """A list of as many keys as the server says, made as it is asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        start = int(query.get("continuation-token", ["0"])[0])
        end = min(start + 1000, self.server.keys)
        contents = "".join(
            f"<Contents><Key>in/box{key // 1000:05d}/{key:08d}.jpg</Key><Size>5</Size>"
            f"<ETag>&quot;{key:032x}&quot;</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in (range(end, start, -1) if self.server.is_unsorted else range(start, end))
        )
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{end}</NextContinuationToken>"
        body = (
            "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
            f"{contents}{more if end < self.server.keys else ''}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def many_keys(keys, is_unsorted=False):
    server = ThreadingHTTPServer(("127.0.0.1", 0), ManyKeys)
    server.keys, server.is_unsorted = keys, is_unsorted
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


COUNTING = """
import json, resource, sys
from archivecolor.archive.bucket import Bucket
from archivecolor.archive.passed_over import SkippedFiles
from archivecolor.archive.walk_bucket import walk_bucket
from archivecolor.settings import SelectionOptions, typed_path
peaks = {}
files = walk_bucket(Bucket(typed_path("s3://many/in")), SelectionOptions(), SkippedFiles())
for count, _ in enumerate(files, start=1):
    if count in (5_000, int(sys.argv[1])):
        peaks[count] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(list(peaks.items())))
"""


def test_memory_does_not_grow_with_the_number_of_keys(tmp_path):
    """Of 20,000 keys, 200 bytes each would be as much as is allowed."""
    with many_keys(25_000) as url:
        variables = bucket_server.environment(url, tmp_path)
        counted = subprocess.run(
            [sys.executable, "-c", COUNTING, "25000"],
            capture_output=True,
            check=True,
            env=variables,
            timeout=300,
        )
    (few, before), (many, after) = json.loads(counted.stdout)
    assert (few, many) == (5_000, 25_000)
    assert after - before < 4_000


def test_a_server_that_lists_in_no_order_is_refused(tmp_path, monkeypatch):
    with many_keys(10, is_unsorted=True) as url:
        for name, value in bucket_server.environment(url, tmp_path).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(UnavailableError, match="in no order"):
            list(Bucket(typed_path("s3://many/in")).listed())
