"""How a cluster is reached: by address, a scheduler's file or a client; or workers of this machine."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import dask
from distributed import Client, LocalCluster
from distributed.comm import parse_address
from distributed.comm.registry import get_backend
from distributed.security import Security

from archivecolor.engine.cluster import Cluster
from archivecolor.engine.process import signals_blocked, start_trackers
from archivecolor.engine.scratch import scratch_folder
from archivecolor.errors import UnavailableError, UsageError

CONNECT_SECONDS = 30
_LOCAL = re.compile(r"local:([1-9]\d{0,3})")
_LOCAL_CONFIGURATION = {
    # Workers start processes of their own, which the daemons that nannies start may not.
    "distributed.worker.daemon": False,
    # Dask always listens for browsers: there is nothing to be seen.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


@contextlib.contextmanager
def connected(place: str | Client, resource: str = "") -> Iterator[Cluster]:
    """The cluster at `place` while the block runs.

    Args:
        place: `tcp://host:8786` or another address that Dask knows, the path of a scheduler's JSON file,
            `local:N` for N workers on this machine, or a client, which stays open.
        resource: as `Cluster` has it.

    Raises:
        UsageError: `place` is none of these.
        UnavailableError: nobody answers there.
    """
    if isinstance(place, Client):
        if place.asynchronous:
            raise UsageError("the executor is an asynchronous Client; give one that was made without that")
        yield Cluster(place, resource)
        return
    with _without_chatter(), _client(place) as client:
        yield Cluster(client, resource)


@contextlib.contextmanager
def _client(place: str) -> Iterator[Client]:
    with contextlib.ExitStack() as opened:
        try:
            where = _where(place, opened)
            if isinstance(where, str):
                # A client that finds out is left half made, with a thread that nobody ends.
                get_backend(parse_address(where)[0])
                _check_tls(where)
            client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise UnavailableError(
                f"no scheduler answers at {place} ({error}); start one, or see if "
                "the address, the network and the TLS settings of Dask are right"
            ) from error
        except ValueError as error:
            raise UsageError(f"{place} is no address of a Dask scheduler: {error}") from error
        try:
            yield client
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                client.close(timeout=5)


def _check_tls(address: str) -> None:
    """See that Dask's configuration has what an address asks for: a client that finds out hangs for a minute.

    Raises:
        UnavailableError: it has not.
        OSError: a certificate of it cannot be read.
    """
    configured = Security().get_connection_args("client")
    is_tls = address.startswith("tls://")
    if is_tls and configured.get("ssl_context") is None:
        raise UnavailableError(
            f"the scheduler {address} speaks TLS, and Dask has no certificates here; set ca-file, "
            "client.cert and client.key of distributed.comm.tls in its configuration"
        )
    if not is_tls and configured["require_encryption"]:
        raise UnavailableError(
            f"the scheduler {address} does not speak TLS, which Dask's configuration asks for here "
            "(distributed.comm.require-encryption)"
        )


def _where(place: str, opened: contextlib.ExitStack) -> str | LocalCluster:
    """What a client connects to; workers of this machine are started for it.

    Raises:
        UsageError: a file that is not there, or no number of workers.
        UnavailableError: workers cannot be started.
    """
    if place.endswith(".json"):
        if not Path(place).is_file():
            raise UsageError(f"the scheduler's file {place} is not there; is the scheduler running?")
        try:
            return str(json.loads(Path(place).read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{place} is no file of a Dask scheduler ({error})") from error
    if not place.startswith("local:"):
        return place
    local = _LOCAL.fullmatch(place)
    if local is None:
        raise UsageError(f"{place} is no cluster; local:N starts N workers on this machine, as local:4")
    try:
        return opened.enter_context(_local_cluster(int(local[1])))
    except RuntimeError as error:
        raise UnavailableError(f"{local[1]} workers cannot be started on this machine: {error}") from error


@contextlib.contextmanager
def _local_cluster(count: int) -> Iterator[LocalCluster]:
    """Workers on this machine, seen by this machine alone, deaf to the terminal's signals."""
    with contextlib.ExitStack() as opened:
        # The scheduler has no other way to be told where its temporary files go.
        scratch = {"temporary-directory": str(opened.enter_context(scratch_folder()))}
        opened.enter_context(dask.config.set({**_LOCAL_CONFIGURATION, **scratch}))
        start_trackers()
        with signals_blocked():  # the workers' mask is that of the thread that starts them
            cluster = opened.enter_context(
                LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                )
            )
        yield cluster


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """What Dask has to say to its developers is left unsaid; what matters is said by errors."""
    chatter = logging.getLogger("distributed")
    before = chatter.level
    chatter.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        chatter.setLevel(before)
