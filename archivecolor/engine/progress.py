"""How far a run is: counts, rates and time left as plain data, and who is told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from archivecolor.errors import ExitCode


@dataclass(frozen=True)
class ItemEvent:
    """What became of one item.

    Attributes:
        path: its name, as people should see it.
        status: done, skipped or failed.
        reason: the word from the fixed list.
        detail: one sentence, may be empty.
        amount: how much work it was, in the run's unit.
        record: everything known of it, as JSON can hold it.
    """

    path: str
    status: str
    reason: str
    detail: str
    amount: float
    record: dict[str, object]


@dataclass(frozen=True)
class Work:
    """How much was done of what one unit counts, and how long it took."""

    amount: float
    seconds: float

    @property
    def rate(self) -> float:
        """Units a second, 0 before the first."""
        return self.amount / self.seconds if self.seconds > 0 else 0.0

    def plus(self, other: Work) -> Work:
        """Both together."""
        return Work(self.amount + other.amount, self.seconds + other.seconds)


NO_WORK = Work(0.0, 0.0)


@dataclass(frozen=True)
class InHand:
    """How far the item in hand is, where it takes long enough to be told of.

    Attributes:
        done: steps of it, in the run's unit.
        total: how many it has.
        share: 0..1, how much of all its work that is.
        rate: steps a second of what is being done now, 0 while unknown.
        seconds_left: what the run still takes with it, None while unknown.
    """

    done: int
    total: int
    share: float
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class Progress:
    """How far a run is at one moment.

    Attributes:
        total: items in all.
        done: items done.
        skipped: items skipped for a stated reason.
        failed: items that failed.
        unit: what the work in hand counts in, such as MP or frames.
        work: what was done so far, by unit.
        seconds: time since the run began.
        reasons: skipped and failed items by reason.
        failures: those that failed, by reason.
        in_hand: how far the item in hand is, None where items are short.
    """

    total: int
    done: int
    skipped: int
    failed: int
    unit: str
    work: Mapping[str, Work]
    seconds: float
    reasons: Mapping[str, int]
    failures: Mapping[str, int] = field(default_factory=dict)
    in_hand: InHand | None = None

    @property
    def settled(self) -> int:
        """Items whose end is known."""
        return self.done + self.skipped + self.failed

    @property
    def left(self) -> int:
        """Items not settled yet."""
        return self.total - self.settled

    @property
    def amount(self) -> float:
        """Work of the kind in hand that is done, in its unit."""
        return self.work[self.unit].amount

    @property
    def share(self) -> float:
        """0..1, how much of all items is done, the one in hand by its share."""
        done = self.settled + (self.in_hand.share if self.in_hand is not None else 0.0)
        return min(1.0, done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time the rest will take at the speed so far, None while unknown."""
        if self.in_hand is not None:
            return self.in_hand.seconds_left
        if not self.settled:
            return None
        return self.seconds / self.settled * self.left


class ProgressCounter:
    """Counts items as they are settled.

    Args:
        total: items in all, as far as they are known.
        unit: what amounts count.
    """

    def __init__(self, total: int, unit: str) -> None:
        self._total = total
        self._unit = unit
        self._counts = {"done": 0, "skipped": 0, "failed": 0}
        self._reasons: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._amount = 0.0
        self._began = self._unit_began = time.monotonic()
        self._work: dict[str, Work] = {}

    def expect(self, count: int) -> None:
        """More items are known of."""
        self._total += count

    def count_in(self, unit: str) -> None:
        """From here on amounts count in `unit`; what was counted before stays in `work`."""
        if unit != self._unit:
            self._work = self._work_so_far()
            self._unit, self._amount, self._unit_began = unit, 0.0, time.monotonic()

    def _work_so_far(self) -> dict[str, Work]:
        now = Work(self._amount, time.monotonic() - self._unit_began)
        return self._work | {self._unit: self._work.get(self._unit, NO_WORK).plus(now)}

    def add(self, event: ItemEvent) -> Progress:
        """Count one item in; says how far the run is with it."""
        self._counts[event.status] += 1
        self._amount += event.amount
        if event.status != "done":
            self._reasons[event.reason] += 1
        if event.status == "failed":
            self._failures[event.reason] += 1
        return self.snapshot()

    def add_work(self, amount: float) -> Progress:
        """Count work on an item that is not settled yet; its event should not count it again."""
        self._amount += amount
        return self.snapshot()

    def snapshot(self) -> Progress:
        """How far the run is."""
        return Progress(
            total=self._total,
            done=self._counts["done"],
            skipped=self._counts["skipped"],
            failed=self._counts["failed"],
            unit=self._unit,
            work=self._work_so_far(),
            seconds=time.monotonic() - self._began,
            reasons=dict(self._reasons),
            failures=dict(self._failures),
        )


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        progress: how far it came.
        exit_code: what the process should answer.
        untouched: what the run left aside, counted by the word for it.
        sheets: files that were drawn of its items, for people to look at.
    """

    progress: Progress
    exit_code: ExitCode
    untouched: Mapping[str, int] = field(default_factory=dict)
    sheets: tuple[Path, ...] = ()


class Listener(Protocol):
    """Who is told how a run goes: a terminal, a log, a program's own callback."""

    def began(self, progress: Progress) -> None:
        """The run knows what is to be done."""

    def advanced(self, path: str, progress: Progress) -> None:
        """Work on one item goes on; `progress.amount` has grown."""

    def settled(self, event: ItemEvent, progress: Progress) -> None:
        """One item is done, skipped or failed."""


class NullListener:
    """A listener that says nothing."""

    def began(self, progress: Progress) -> None:
        """Nothing."""

    def advanced(self, path: str, progress: Progress) -> None:
        """Nothing."""

    def settled(self, event: ItemEvent, progress: Progress) -> None:
        """Nothing."""


OnItem = Callable[[ItemEvent, Progress], None]
OnProgress = Callable[[str, Progress], None]


class FunctionListener(NullListener):
    """Calls functions, where there are any.

    Args:
        on_item: called after every item, with what became of it and how far the run is.
        on_progress: called as work goes on, with words on what is done.
    """

    def __init__(self, on_item: OnItem | None = None, on_progress: OnProgress | None = None) -> None:
        self._on_item, self._on_progress = on_item, on_progress

    def settled(self, event: ItemEvent, progress: Progress) -> None:
        """Hand the event on."""
        if self._on_item is not None:
            self._on_item(event, progress)

    def advanced(self, path: str, progress: Progress) -> None:
        """Hand the words on."""
        if self._on_progress is not None:
            self._on_progress(path, progress)
