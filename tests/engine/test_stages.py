"""Chained stages: bounded windows, full batches, nothing lost, nothing begun after a stop."""

import os
import signal
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.stages import (
    BatchPolicy,
    Done,
    Failed,
    Settled,
    StageContext,
    batches,
    map_in_workers,
)
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, ItemError, OutputError, Reason


@pytest.fixture(scope="module")
def workers():
    with LocalExecutor(WorkerOptions(count=2), "the context") as running:
        yield running


def square(context, number):
    return number * number


def awkward(context, number):
    if number == 3:
        raise ItemError(Reason.EMPTY, "three")
    if number == 4:
        raise ValueError("four")
    if number == 5:
        raise MemoryError
    if number == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def full_disk(context, _):
    raise OutputError("no space left")


def full_disk_beside_others(folder, number):
    begun = folder / "begun"
    if number == 0:
        begun.touch()
        time.sleep(0.3)
        return number
    while not begun.exists():
        time.sleep(0.01)
    raise OutputError("no space left")


def slowly(context, number):
    time.sleep(0.1)
    return number


def test_two_chained_stages_answer_every_item(workers):
    pool = StageContext(workers, Stop(), window=4)
    first = map_in_workers(pool, square, range(20))
    second = map_in_workers(pool, square, (answer.value for answer in first), urgent=True)
    assert Counter(answer.value for answer in second) == Counter(number**4 for number in range(20))


def test_trouble_costs_its_item_and_says_why(workers):
    answers = list(map_in_workers(StageContext(workers, Stop(), window=4), awkward, range(10)))
    failed = {answer.item: answer.error.reason for answer in answers if isinstance(answer, Failed)}
    done = {answer.item for answer in answers if isinstance(answer, Done)}
    assert failed == {
        3: Reason.EMPTY,
        4: Reason.FAULT,
        5: Reason.OUT_OF_MEMORY,
        6: Reason.WORKER_DIED,
    }
    assert done == {0, 1, 2, 7, 8, 9}


def test_an_error_that_is_no_items_own_ends_the_run(workers):
    with pytest.raises(OutputError):
        list(map_in_workers(StageContext(workers, Stop(), window=4), full_disk, range(10)))


def test_what_workers_have_in_hand_is_answered_before_an_error_ends_the_run(tmp_path):
    answers = []
    with LocalExecutor(WorkerOptions(count=2), tmp_path) as workers, pytest.raises(OutputError):
        for answer in map_in_workers(
            StageContext(workers, Stop(), window=4), full_disk_beside_others, range(9)
        ):
            answers.append(answer)
    assert answers == [Done(0, 0)]


def test_settled_items_pass_by(workers):
    items = [1, Settled("early"), 2]
    answers = list(map_in_workers(StageContext(workers, Stop(), window=4), square, items))
    assert Settled("early") in answers
    assert len(answers) == 3


def test_no_more_items_are_taken_than_the_window_allows(workers):
    taken = []

    def source():
        for number in range(50):
            taken.append(number)
            yield number

    stage = map_in_workers(StageContext(workers, Stop(), window=5), slowly, source())
    for answered, _ in enumerate(stage, start=1):
        assert len(taken) - answered <= 5


def test_a_stop_finishes_what_is_in_hand_and_begins_nothing(workers):
    stop, taken = Stop(), []

    def source():
        for number in range(1000):
            taken.append(number)
            yield number

    answers = []
    for answer in map_in_workers(StageContext(workers, stop, window=6), slowly, source()):
        answers.append(answer)
        if len(answers) == 3:
            stop.request(ExitCode.INTERRUPTED)
    assert 3 <= len(answers) <= 3 + 6  # at most what the window had under way
    assert len(taken) <= 10


def test_stopping_closes_the_stages_before(workers):
    closed = []

    def source():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    stop = Stop()
    pool = StageContext(workers, stop, window=4)
    stage = map_in_workers(pool, slowly, (a.value for a in map_in_workers(pool, square, source())))
    next(stage)
    stage.close()
    del stage
    assert closed == [True]


def even(number):
    return number % 2


@given(st.lists(st.integers(0, 9)), st.integers(1, 4), st.integers(1, 6))
def test_batches_lose_nothing_and_mix_no_keys(numbers, size, max_waiting):
    gathered = list(batches(BatchPolicy(key=even, size=size, max_waiting=max_waiting), numbers))
    assert Counter(number for batch in gathered for number in batch) == Counter(numbers)
    assert all(len({even(number) for number in batch}) == 1 for batch in gathered)
    assert all(1 <= len(batch) <= size for batch in gathered)


def test_batches_are_full_where_one_key_has_enough():
    gathered = list(batches(BatchPolicy(key=even, size=3, max_waiting=100), range(12)))
    assert gathered == [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11]]


def test_a_rare_key_is_not_held_for_ever():
    taken = []

    def source():
        for number in [1, *[2] * 50]:
            taken.append(number)
            yield number

    stream = batches(BatchPolicy(key=even, size=8, max_waiting=4), source())
    for batch in stream:
        if 1 in batch:
            break
    assert len(taken) < 10


def test_settled_items_pass_a_gathering_at_once():
    stream = batches(BatchPolicy(key=even, size=8, max_waiting=20), [1, Settled("early"), 3])
    assert next(stream) == Settled("early")
    assert next(stream) == [1, 3]
