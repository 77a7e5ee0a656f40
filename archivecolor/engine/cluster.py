"""The workers of a Dask cluster: who is there, who can do the work of a run, and how a slice gets to them.

This module and `slices` over it alone know dask.distributed, and are imported late.
"""

from __future__ import annotations

import logging
import pickle
import random
import time
from collections.abc import Callable
from concurrent.futures import CancelledError

from distributed import Client, Future, get_worker

from archivecolor.errors import UnavailableError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
# Waiting for a queue of SLURM may be meant; saying nothing about it is not.
LONELY_SECONDS = 60.0
# Workers that a slice is kept to, where others were left out: thousands of addresses would travel with each.
_MOST_NAMED = 16


class WorkerRefusedError(Exception):
    """A worker that cannot do the work of this run; another may.

    Args:
        why: a clause for people.
        address: of the worker, filled in by `_run_slice`.
    """

    def __init__(self, why: str, address: str = "") -> None:
        super().__init__(why, address)
        self.why = why
        self.address = address


def _run_slice(payload: bytes) -> object:
    """The one task there is, in a worker: any slice of any run."""
    function, shared, items = pickle.loads(payload)
    try:
        return function(shared, items)
    except WorkerRefusedError as error:
        raise WorkerRefusedError(error.why, get_worker().address) from error


class Cluster:
    """The workers behind a client, and which of them can do the work.

    Args:
        client: connected, and not an asynchronous one.
        resource: name and amount that a worker must offer for a slice, such as `GPU=1`; empty for any worker.

    Raises:
        UnavailableError: the client is closed.
    """

    def __init__(self, client: Client, resource: str = "") -> None:
        name, _, amount = resource.partition("=")
        self._client = client
        self._resources = {name: float(amount)} if name else None
        self._left_out: dict[str, str] = {}
        self._workers: frozenset[str] = frozenset()
        self._looked = 0.0
        self._seen_at = time.monotonic()
        self._has_complained = False
        self.look()

    @property
    def usable(self) -> frozenset[str]:
        """Addresses of the workers that were there at the last look and can do the work."""
        return self._workers - self._left_out.keys()

    def look(self) -> None:
        """See which workers there are, every few seconds at most.

        Raises:
            UnavailableError: the scheduler is lost.
        """
        now = time.monotonic()
        if self._looked and now - self._looked < LOOK_SECONDS:
            return
        try:
            if self._client.status != "running":
                raise lost(self._client)
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, TimeoutError, CancelledError) as error:
            raise lost(self._client) from error
        wanted = self._resources or {}
        self._workers = frozenset(
            address
            for address, facts in workers.items()
            if all(facts["resources"].get(name, 0) >= amount for name, amount in wanted.items())
        )
        self._looked = now
        if self.usable:
            self._seen_at, self._has_complained = now, False
        elif now - self._seen_at >= LONELY_SECONDS:
            self.require_one()  # one that died may have come back by now
            self._complain_of_none(bool(workers))

    def _complain_of_none(self, there_are_others: bool) -> None:
        if not self._has_complained:
            self._has_complained = True
            offer = ", ".join(f"{name}={amount:g}" for name, amount in (self._resources or {}).items())
            what = f"no worker that offers {offer}" if offer and there_are_others else "no worker"
            logger.warning(
                "for %.0f seconds the cluster has had %s for this run; waiting", LONELY_SECONDS, what
            )

    def ask(self, check: Callable[[bytes], str], shared: bytes) -> None:
        """Ask every worker that is there whether it can do the work; who cannot is left out.

        Args:
            check: importable; why a worker cannot, an empty word where it can.
            shared: as `SliceWork` has it.

        Raises:
            UnavailableError: there are workers, and none can; or the scheduler is lost.
        """
        try:
            answers = self._client.run(check, shared, on_error="return") if self._workers else {}
        except (OSError, TimeoutError, CancelledError) as error:
            raise lost(self._client) from error
        for address, answer in answers.items():
            if isinstance(answer, BaseException):
                self.leave_out(address, f"it cannot say whether it can ({answer})")
            elif answer:
                self.leave_out(address, answer)
        self.require_one()

    def leave_out(self, address: str, why: str) -> None:
        """Give a worker no more slices, and say why."""
        if address not in self._left_out:
            logger.warning("the worker %s is left out: %s", address, why)
        self._left_out[address] = why

    def require_one(self) -> None:
        """Raise `UnavailableError` where there are workers, and all of them were left out."""
        if self._workers and not self.usable:
            address = next(iter(sorted(self._workers)))
            raise UnavailableError(f"no worker can do this run; {address}: {self._left_out[address]}")

    def call_everywhere(self, function: Callable[[bytes], None], shared: bytes) -> None:
        """Have every worker do something at the end of a run; what cannot be reached is left alone."""
        if self._client.status != "running":  # it tries to find its scheduler again, for long
            return
        try:
            self._client.run(function, shared, on_error="ignore")
        except (OSError, TimeoutError, CancelledError) as error:
            logger.info("the workers could not be told that the run is over: %s", error)

    def submit(self, key: str, payload: bytes, named: frozenset[str]) -> Future:
        """Hand one slice to the scheduler."""
        return self._client.submit(
            _run_slice,
            payload,
            key=key,
            pure=False,
            workers=sorted(named) or None,
            resources=self._resources,
        )

    @property
    def takes_slices(self) -> bool:
        """Whether there is somebody to send slices to, or may be soon, who was not left out."""
        return bool(self.usable) or not self._workers

    def some_usable(self) -> frozenset[str]:
        """Workers to keep a slice to; none where no worker was left out."""
        if not self._left_out.keys() & self._workers:
            return frozenset()
        usable = sorted(self.usable)
        return frozenset(random.sample(usable, min(_MOST_NAMED, len(usable))))

    def is_stranded(self, named: frozenset[str]) -> bool:
        """Whether all workers that a slice was kept to are gone."""
        return bool(named) and not named & self._workers

    def running_keys(self) -> set[str]:
        """Keys of the tasks that workers are at now."""
        try:
            stacks = self._client.call_stack()
        except (OSError, TimeoutError, CancelledError) as error:
            raise lost(self._client) from error
        return {key for running in stacks.values() for key in running}


def lost(client: Client) -> UnavailableError:
    """The error for a scheduler that is gone."""
    address = client.scheduler.address if client.scheduler is not None else "of the cluster"
    return UnavailableError(
        f"the scheduler {address} is gone; what is finished is safe, and the same command goes on"
    )
