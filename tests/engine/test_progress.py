"""Counts, rates and time left."""

import pytest

from archivecolor.engine.progress import ItemEvent, Progress, ProgressCounter, Work


def event(status, amount=1.0):
    return ItemEvent(path="a", status=status, reason="", detail="", amount=amount, record={})


def test_items_are_counted_by_status():
    counter = ProgressCounter(total=5, unit="MP")
    for status in ("done", "failed", "skipped", "done"):
        progress = counter.add(event(status, amount=2.5))
    assert (progress.done, progress.failed, progress.skipped) == (2, 1, 1)
    assert (progress.settled, progress.left) == (4, 1)
    assert progress.amount == 10.0


def test_time_left_follows_the_speed_so_far():
    progress = Progress(
        total=40,
        done=8,
        skipped=1,
        failed=1,
        unit="MP",
        work={"MP": Work(50.0, 20.0)},
        seconds=20.0,
        reasons={},
    )
    assert progress.work["MP"].rate == pytest.approx(2.5)
    assert progress.seconds_left == pytest.approx(60.0)


def test_before_the_first_item_time_left_is_unknown():
    progress = ProgressCounter(total=4, unit="MP").snapshot()
    assert progress.seconds_left is None


def test_an_unknown_status_is_a_fault():
    with pytest.raises(KeyError):
        ProgressCounter(total=1, unit="MP").add(event("lost"))


def test_work_of_each_unit_is_kept_apart():
    counter = ProgressCounter(total=1, unit="MP")
    counter.expect(1)
    counter.add(event("done", amount=2.5))
    counter.count_in("frames")
    progress = counter.add_work(7.0)
    assert (progress.total, progress.unit, progress.amount) == (2, "frames", 7.0)
    assert {unit: work.amount for unit, work in counter.snapshot().work.items()} == {"MP": 2.5, "frames": 7.0}
