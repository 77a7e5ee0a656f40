"""Worker processes die, hang and leak; the items beside the one in hand must not notice."""

import contextlib
import functools
import os
import resource
import signal
import threading
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.errors import ItemError, Reason, UnavailableError


def double(context, number):
    return 2 * number


def refuse(context, number):
    raise ItemError(Reason.EMPTY, f"number {number}")


def die_of_13(context, number):
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_once(context, marker):
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def sleep(context, seconds):
    time.sleep(seconds)
    return seconds


def process_id(context, _):
    return os.getpid()


def fail_to_start():
    raise RuntimeError("no")


def started():
    os.environ["WORKER_WAS_PREPARED"] = "yes"


def prepared(context, _):
    return os.environ.get("WORKER_WAS_PREPARED"), os.environ.get("OMP_NUM_THREADS")


def test_every_item_gets_its_own_answer():
    with LocalExecutor(WorkerOptions(count=2), None) as executor:
        futures = [executor.submit(double, number) for number in range(30)]
        assert [future.result() for future in futures] == [2 * number for number in range(30)]


@pytest.fixture(scope="module")
def one_worker():
    """A worker that tests share which leave it as it was."""
    with LocalExecutor(WorkerOptions(count=1), None) as executor:
        yield executor


def test_what_a_task_raises_comes_back_with_reason_and_detail(one_worker):
    with pytest.raises(ItemError) as caught:
        one_worker.submit(refuse, 7).result()
    assert (caught.value.reason, caught.value.detail) == (Reason.EMPTY, "number 7")


def test_an_item_that_kills_its_process_is_named_and_no_other_item_is_lost():
    with LocalExecutor(WorkerOptions(count=2), None) as executor:
        futures = {number: executor.submit(die_of_13, number) for number in range(30)}
        with pytest.raises(ItemError) as caught:
            futures.pop(13).result()
        assert {number: future.result() for number, future in futures.items()} == {
            number: number for number in range(30) if number != 13
        }
    assert caught.value.reason is Reason.WORKER_DIED


def test_an_item_whose_process_was_killed_from_outside_is_tried_again(tmp_path):
    with LocalExecutor(WorkerOptions(count=1), None) as executor:
        assert executor.submit(die_once, str(tmp_path / "died")).result() != os.getpid()


def test_a_hanging_item_times_out_and_the_next_one_runs():
    with LocalExecutor(WorkerOptions(count=1, timeout=3), None) as executor:
        hanging, next_one = executor.submit(sleep, 60), executor.submit(sleep, 0)
        with pytest.raises(ItemError) as caught:
            hanging.result()
        assert next_one.result() == 0
    assert caught.value.reason is Reason.TIMEOUT


def test_processes_are_replaced_after_their_share_of_items():
    with LocalExecutor(WorkerOptions(count=1, items_per_process=3), None) as executor:
        pids = [executor.submit(process_id, number).result() for number in range(7)]
    assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3, 3, 6]


def test_urgent_tasks_go_first(one_worker):
    order = []
    one_worker.submit(sleep, 0.3)
    slow = [one_worker.submit(double, 1) for _ in range(3)]
    urgent = one_worker.submit(double, 2, urgent=True)
    for name, future in [("urgent", urgent), *(("plain", future) for future in slow)]:
        future.add_done_callback(lambda _, name=name: order.append(name))
    wait([urgent, *slow])
    assert order == ["urgent", "plain", "plain", "plain"]


def test_leaving_finishes_what_is_in_hand_and_drops_what_waits():
    with LocalExecutor(WorkerOptions(count=1), None) as executor:
        in_hand = executor.submit(sleep, 0.5)
        while not in_hand.running():
            time.sleep(0.01)
        waiting = executor.submit(sleep, 0)
    assert in_hand.result() == 0.5
    assert waiting.cancelled()


def held_up():
    """Yields once a worker has begun what takes a minute."""
    with LocalExecutor(WorkerOptions(count=2), None) as executor:
        executor.submit(double, 1).result()
        in_hand = executor.submit(sleep, 60)
        while not in_hand.running():
            time.sleep(0.01)
        yield in_hand


def test_an_abort_kills_what_is_in_hand():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), contextlib.closing(held_up()) as running:
        in_hand = next(running)
        running.throw(KeyboardInterrupt)
    assert time.monotonic() - began < 30
    assert isinstance(in_hand.exception(), ItemError)


def test_an_abort_of_a_generators_consumer_kills_too():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), contextlib.closing(held_up()) as running:
        in_hand = next(running)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30
    assert isinstance(in_hand.exception(), ItemError)


def note_start(folder):
    (folder / str(os.getpid())).touch()


def test_an_abort_starts_no_process(tmp_path):
    start = functools.partial(note_start, tmp_path)
    with (
        pytest.raises(KeyboardInterrupt),
        LocalExecutor(WorkerOptions(count=1, initializer=start), None) as executor,
    ):
        in_hand = executor.submit(sleep, 60)
        while not list(tmp_path.iterdir()) or not in_hand.running():
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert isinstance(in_hand.exception(), ItemError)
    assert len(list(tmp_path.iterdir())) == 1


def test_no_thread_or_process_is_left_behind():
    before = threading.active_count()
    with LocalExecutor(WorkerOptions(count=2), None) as executor:
        pids = {future.result() for future in [executor.submit(process_id, n) for n in range(8)]}
    assert threading.active_count() <= before + 1  # loky keeps one thread for itself
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_processes_that_cannot_start_end_the_run():
    with (
        LocalExecutor(WorkerOptions(count=1, initializer=fail_to_start), None) as executor,
        pytest.raises(UnavailableError),
    ):
        executor.submit(double, 1).result()


def start_at_second_try(marker):
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_killed_while_it_starts_is_started_again(tmp_path):
    start = functools.partial(start_at_second_try, tmp_path / "died")
    with LocalExecutor(WorkerOptions(count=1, initializer=start), None) as executor:
        assert executor.submit(double, 4).result() == 8


def test_each_process_is_prepared_once_and_single_threaded():
    with LocalExecutor(WorkerOptions(count=1, initializer=started), None) as executor:
        assert executor.submit(prepared, None).result() == ("yes", "1")


def test_cores_are_counted():
    assert 1 <= core_count() <= (os.cpu_count() or 1)


def die_while_answering(context, task):
    marker, delay = task
    if Path(marker).exists():
        return b"whole"
    Path(marker).touch()
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(50_000_000)  # far more than a pipe holds


@pytest.mark.parametrize("delay", [0.001, 0.02])
def test_a_process_killed_in_the_middle_of_its_answer_holds_nobody_up(tmp_path, delay):
    with LocalExecutor(WorkerOptions(count=1), None) as executor:
        answer = executor.submit(die_while_answering, (str(tmp_path / "died"), delay)).result(timeout=60)
    assert answer in (b"whole", bytes(50_000_000))


def raise_what_cannot_travel(context, _):
    class LocalError(Exception):
        pass

    raise LocalError("here")


def test_an_error_that_cannot_be_pickled_is_still_told(one_worker):
    with pytest.raises(RuntimeError, match="LocalError"):
        one_worker.submit(raise_what_cannot_travel, 1).result()


class TwoPartError(Exception):
    """Is pickled, and cannot be put together again: its parts are not its arguments."""

    def __init__(self, what, why):
        super().__init__(f"{what}: {why}")


def raise_in_two_parts(context, _):
    raise TwoPartError("this", "that")


def answer_with_a_lock(context, _):
    return threading.Lock()


@pytest.mark.parametrize(
    ("task", "item"),
    [(raise_in_two_parts, 1), (answer_with_a_lock, 1), (double, threading.Lock())],
    ids=["error", "answer", "item"],
)
def test_what_cannot_travel_costs_its_item_and_neither_hangs_nor_ends_the_worker(one_worker, task, item):
    before = one_worker.submit(process_id, None).result(timeout=60)
    future = one_worker.submit(task, item)
    assert future.exception(timeout=60) is not None
    assert one_worker.submit(process_id, None).result(timeout=60) == before


class Counted:
    """A context that tells how often it was sent."""

    sent = 0

    def __getstate__(self):
        Counted.sent += 1
        return {"word": "context"}


def word_of(context, number):
    return context.word, number


def test_the_context_goes_to_each_process_once_whatever_the_number_of_items():
    before = Counted.sent
    with LocalExecutor(WorkerOptions(count=1, items_per_process=10), Counted()) as executor:
        futures = [executor.submit(word_of, number) for number in range(20)]
        assert [future.result() for future in futures] == [("context", number) for number in range(20)]
    assert Counted.sent - before == 2


def burn_beyond_the_limit(context, seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (1, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    while time.process_time() < seconds:
        pass
    return os.getpid()


def test_a_processor_limit_that_a_worker_reaches_is_the_parents_affair():
    """The parent is told of its own; a worker that died of it would cost the picture in hand."""
    with LocalExecutor(WorkerOptions(count=1, attempts=1), None) as executor:
        assert executor.submit(burn_beyond_the_limit, 3.0).result(timeout=120) > 0


def own_command(context, _):
    return Path("/proc/self/cmdline").read_text()


def test_processes_are_those_of_loky_though_joblib_names_a_copy_of_it_alike():
    import joblib  # noqa: F401 - the copy takes the name as it is imported

    with LocalExecutor(WorkerOptions(count=1), None) as executor:
        assert "\0loky.backend." in executor.submit(own_command, None).result(timeout=120)
