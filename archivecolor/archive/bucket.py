"""A bucket of S3, or of a server that speaks its protocol: objects listed, and fetched one by one.

Credentials, endpoint, region and how often a request is tried are botocore's own: its variables (`AWS_...`)
and files. None of them is asked for here, and none stands in what this module says or raises.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from archivecolor.archive.bucket_errors import bucket_errors, error_code, item_error, run_error
from archivecolor.errors import ItemError, Reason, UnavailableError
from archivecolor.settings import BucketPath

if TYPE_CHECKING:
    from archivecolor.archive.plan import Item

_CHUNK_BYTES = 1 << 20
# Of one object, beside what botocore tries again before a body begins.
_BODY_ATTEMPTS = 3
_CONNECTIONS = 16
_CONNECT_SECONDS, _READ_SECONDS = 20, 60


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing.

    Attributes:
        path: its key behind the prefix.
        nbytes: size.
        mtime_ns: when it was stored, nanoseconds.
        etag: as the server says it; another one means other bytes.
    """

    path: str
    nbytes: int
    mtime_ns: int
    etag: str


class Sources(Protocol):
    """Pictures that are no files of this machine yet."""

    def listed(self) -> Iterator[StoredObject]:
        """All there are, bytewise by path.

        Raises:
            UnavailableError: they cannot be listed.
        """

    def fetch(self, item: Item, target: Path, is_wanted: Callable[[], bool]) -> None:
        """Make the new file `target` of one, as it was when it was listed, with its time.

        Args:
            item: the one.
            target: a name in a folder that is there.
            is_wanted: asked now and then; a fetch that is not is cut short.

        Raises:
            ItemError: this one cannot be had.
            UnavailableError: none can, or there is no room here.
            CancelledError: it is not wanted any more.
        """


class Bucket:
    """What lies at one address; any thread may ask it.

    Args:
        address: of the bucket, with the prefix that paths stand behind.

    Raises:
        UnavailableError: botocore is not installed, or is set up so that it cannot be used.
    """

    def __init__(self, address: BucketPath) -> None:
        self.address = address
        self._prefix = f"{address.key}/" if address.key else ""

    @cached_property
    def _client(self) -> Any:
        # Any: botocore makes its clients' classes as it runs.
        try:
            return _open_client()
        except ModuleNotFoundError as error:
            raise UnavailableError(
                f"a bucket needs botocore, and {error.name} is missing: pip install 'archivecolor[s3]'"
            ) from error
        except bucket_errors() as error:
            raise run_error(error, self.address) from error
        except ValueError as error:  # an endpoint that is none
            raise UnavailableError(
                f"{self.address}: botocore cannot be used as it is set up; see that AWS_ENDPOINT_URL is "
                "http://HOST:PORT or https://HOST"
            ) from error

    def is_empty(self) -> bool:
        """Whether there is no object behind the prefix. Raises as `listed`."""
        # The prefix itself may be an object that stands for a folder.
        page = self._page(MaxKeys=2)
        return all(entry["Key"] == self._prefix for entry in page.get("Contents", ()))

    def listed(self) -> Iterator[StoredObject]:
        """See `Sources`; a thousand are in memory at a time."""
        last = b""
        more: dict[str, str] = {}
        while True:
            page = self._page(**more)
            for entry in page.get("Contents", ()):
                key = entry["Key"].encode("utf-8", "surrogateescape")
                if key < last:
                    raise UnavailableError(
                        f"{self.address}: the server lists its objects in no order, as directory buckets do; "
                        "two runs would not agree: copy them to a general purpose bucket, or here"
                    )
                last = key
                yield _stored(entry, self._prefix)
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def fetch(self, item: Item, target: Path, is_wanted: Callable[[], bool]) -> None:
        """See `Sources`."""
        for attempt in range(1, _BODY_ATTEMPTS + 1):
            try:
                nbytes = self._fetch_once(item, target, is_wanted)
            except bucket_errors() as error:
                target.unlink(missing_ok=True)
                # Of other requests botocore has tried them again itself.
                if error_code(error) or attempt == _BODY_ATTEMPTS:
                    raise item_error(error, self.address) from error
                continue
            except OSError as error:
                raise UnavailableError(
                    f"{target.parent} has no room for {item.nbytes / 1e6:.0f} MB of {self.address} "
                    f"({error.strerror}); set TMPDIR to a larger disk"
                ) from error
            if item.etag and nbytes != item.nbytes:
                raise ItemError(Reason.CHANGED, "the object has another size than when it was listed")
            os.utime(target, ns=(item.mtime_ns, item.mtime_ns))
            return

    def _fetch_once(self, item: Item, target: Path, is_wanted: Callable[[], bool]) -> int:
        """Fetch one object; returns its size."""
        as_listed = {"IfMatch": item.etag} if item.etag else {}
        key = self._prefix + item.path
        answer = self._client.get_object(Bucket=self.address.bucket, Key=key, **as_listed)
        # Used as a context itself, a body gives what it is read from, without its checks.
        with closing(answer["Body"]) as body, target.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                if not is_wanted():
                    raise CancelledError
                file.write(chunk)
            return file.tell()

    def _page(self, **how: Any) -> Any:
        """One answer of the server to a request for its list."""
        try:
            return self._client.list_objects_v2(Bucket=self.address.bucket, Prefix=self._prefix, **how)
        except bucket_errors() as error:
            raise run_error(error, self.address) from error


def _stored(entry: Any, prefix: str) -> StoredObject:
    mtime_ns = round(entry["LastModified"].timestamp() * 1e6) * 1000
    return StoredObject(entry["Key"].removeprefix(prefix), entry["Size"], mtime_ns, entry.get("ETag", ""))


@cache
def _data_loader() -> Any:
    """What reads botocore's files about services, and keeps them: most of the time that a client takes."""
    from botocore.session import Session

    return Session().get_component("data_loader")


def _open_client() -> Any:
    """A client as botocore's own variables and files have it, read anew for each."""
    from botocore.config import Config
    from botocore.session import Session

    session = Session()
    session.register_component("data_loader", _data_loader())
    config = Config(
        connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, max_pool_connections=_CONNECTIONS
    )
    client = session.create_client("s3", config=config)
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    is_amazon = host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    if is_amazon or "addressing_style" in (session.get_scoped_config().get("s3") or {}):
        return client
    # A server of one's own seldom has a name for each bucket.
    return session.create_client("s3", config=config.merge(Config(s3={"addressing_style": "path"})))
