"""Slices on a cluster: what dies, refuses, hangs on or goes away costs no other slice anything."""

import asyncio
import gc
import logging
import os
import pickle
import signal
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import dask
import pytest
from distributed import Client, get_worker
from distributed.comm import CommClosedError

from archivecolor.engine import cluster as engine
from archivecolor.engine import cluster_address, slices
from archivecolor.engine.cluster import WorkerRefusedError
from archivecolor.engine.cluster_address import connected
from archivecolor.engine.slices import SliceDone, SliceWork, map_slices
from archivecolor.engine.stages import Failed
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, ItemError, OutputError, Reason, UnavailableError, UsageError


def add(shared, items):
    return sum(items)


def die_of_13(shared, items):
    if 13 in items:
        # A worker that dies before its nanny knows of it, twenty times a second, is not started again.
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    return items


def break_at_13(shared, items):
    if 13 in items:
        raise ValueError("unlucky")
    return items


def fill_the_disk(shared, items):
    raise OutputError("the disk is full")


def refuse_as_worker_0(shared, items):
    """Worker 1 dies once of the marker that is shared, and comes back under another address."""
    if get_worker().name == 0:
        raise WorkerRefusedError("its share is not mounted")
    if 3 in items and shared and not Path(shared.decode()).exists():
        Path(shared.decode()).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return get_worker().name


def refuse(shared, items):
    raise WorkerRefusedError("its share is not mounted")


def why_not_this_process(shared):
    return "it has another version" if os.getpid() == int(shared) else ""


def take_a_while(shared, items):
    time.sleep(0.5)
    return os.getpid()


def of_five(count):
    return (tuple(range(number, number + 5)) for number in range(0, 5 * count, 5))


def settled(cluster, function, items, shared=b"", stop=None):
    return list(map_slices(cluster, SliceWork(function, shared), items, stop or Stop()))


@pytest.fixture(scope="module")
def two_workers():
    # Each death costs seconds, and the scheduler's own limit is not what is tested.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        cluster_address._local_cluster(2) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def cluster(two_workers):
    """The workers, of which nobody knows anything yet."""
    two_workers.wait_for_workers(2, timeout=60)
    with connected(two_workers) as connection:
        yield connection


def test_every_slice_has_its_answer_and_nothing_stays_behind(cluster, two_workers):
    answers = settled(cluster, add, of_five(40))
    assert sorted(answer.value for answer in answers) == [sum(items) for items in of_five(40)]
    assert all(isinstance(answer, SliceDone) for answer in answers)
    until = time.monotonic() + 10
    while (two_workers.futures or any(two_workers.has_what().values())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not two_workers.futures
    assert not any(two_workers.has_what().values())


def test_only_a_few_slices_are_under_way(cluster):
    taken, most, done = 0, 0, 0

    def counted():
        nonlocal taken
        for items in of_five(60):
            taken += 1
            yield items

    for _ in map_slices(cluster, SliceWork(add, b""), counted(), Stop()):
        most, done = max(most, taken - done), done + 1
    assert (taken, done) == (60, 60)
    assert most <= 2 * slices.SLICES_PER_WORKER


def test_an_item_that_kills_whatever_takes_it_costs_itself(cluster):
    answers = settled(cluster, die_of_13, of_five(6))
    (failed,) = (answer for answer in answers if isinstance(answer, Failed))
    assert (failed.item, failed.error.reason) == (13, Reason.WORKER_DIED)
    done = [item for answer in answers if isinstance(answer, SliceDone) for item in answer.items]
    assert sorted(done) == [item for item in range(30) if item != 13]


def test_a_fault_costs_its_item_and_an_error_of_ours_ends_the_run(cluster, caplog):
    answers = settled(cluster, break_at_13, of_five(4))
    (failed,) = (answer for answer in answers if isinstance(answer, Failed))
    assert (failed.item, failed.error.reason, failed.error.detail) == (
        13,
        Reason.FAULT,
        "ValueError: unlucky",
    )
    assert "unlucky" in caplog.text
    with pytest.raises(OutputError, match="the disk is full"):
        settled(cluster, fill_the_disk, of_five(4))


def test_a_worker_that_refuses_is_left_out_and_one_that_comes_back_is_found(cluster, caplog, tmp_path):
    shared = os.fsencode(tmp_path / "died")
    with caplog.at_level(logging.WARNING):
        answers = settled(cluster, refuse_as_worker_0, of_five(8), shared)
    assert [answer.value for answer in answers] == [1] * 8
    assert (tmp_path / "died").exists()
    assert caplog.text.count("is left out: its share is not mounted") == 1


def test_where_all_refuse_the_run_ends_in_their_words(cluster, monkeypatch):
    monkeypatch.setattr(engine, "LONELY_SECONDS", 0.2)
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0.1)
    with pytest.raises(UnavailableError, match=r"no worker can do this run.*its share is not mounted"):
        settled(cluster, refuse, of_five(4))


def test_workers_are_asked_before_anything_is_begun(cluster, two_workers, caplog):
    one, _ = two_workers.run(os.getpid).values()
    cluster.ask(why_not_this_process, str(one).encode())
    assert "is left out: it has another version" in caplog.text
    assert len(cluster.usable) == 1
    assert one not in {answer.value for answer in settled(cluster, take_a_while, of_five(4))}


def test_after_a_stop_nothing_new_is_begun(cluster):
    stop, taken = Stop(), []

    def counted():
        for items in of_five(50):
            taken.append(items)
            yield items

    answers = []
    for answer in map_slices(cluster, SliceWork(take_a_while, b""), counted(), stop):
        answers.append(answer)
        stop.request(ExitCode.INTERRUPTED)
    assert 1 <= len(answers) <= 5  # two were running, and two may just have ended
    assert len(taken) <= 2 * slices.SLICES_PER_WORKER + 1


def test_what_takes_too_long_after_a_stop_is_dropped(cluster, monkeypatch):
    monkeypatch.setattr(slices, "GRACE_SECONDS", 0.0)
    stop = Stop()
    stopping = map_slices(cluster, SliceWork(take_a_while, b""), of_five(50), stop)
    next(stopping)
    stop.request(ExitCode.INTERRUPTED)
    began = time.monotonic()
    assert len(list(stopping)) <= 1
    assert time.monotonic() - began < 5


def test_waiting_for_a_worker_that_fits_is_said_once(two_workers, caplog, monkeypatch):
    monkeypatch.setattr(engine, "LONELY_SECONDS", 0.2)
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0.1)
    with connected(two_workers, "GPU=1") as cluster:
        assert settled(cluster, add, of_five(3), stop=Stop(max_runtime=4)) == []
    assert caplog.text.count("no worker that offers GPU=1 for this run; waiting") == 1


def test_a_scheduler_that_goes_away_ends_the_run_in_words(monkeypatch):
    # A client looks for its scheduler for as long as it tried at first.
    monkeypatch.setattr(cluster_address, "CONNECT_SECONDS", 1)
    with (
        # Workers take their leave of their scheduler, and wait for it so long.
        dask.config.set({"distributed.comm.timeouts.connect": 3}),
        cluster_address._local_cluster(1) as local,
        connected(local.scheduler_address) as cluster,
    ):
        running = map_slices(cluster, SliceWork(take_a_while, b""), of_five(20), Stop())
        next(running)
        local.sync(local.scheduler.close)
        with pytest.raises(UnavailableError, match="is gone; what is finished is safe"):
            list(running)


def test_a_local_cluster_is_seen_by_this_machine_alone(cluster, two_workers):
    addresses = [two_workers.scheduler.address, *cluster.usable]
    assert all(address.startswith("tcp://127.0.0.1:") for address in addresses)
    port = two_workers.scheduler_info()["services"]["dashboard"]
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"http://127.0.0.1:{port}/status", timeout=10)


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("tcp://127.0.0.1:9", UnavailableError, "no scheduler answers at tcp://127.0.0.1:9"),
        ("gone.json", UsageError, "gone.json is not there"),
        ("local:0", UsageError, "local:N starts N workers"),
        ("elsewhere/gone.json", UsageError, "is not there"),
        ("carrier-pigeon://coop", UsageError, "no address of a Dask scheduler"),
    ],
)
def test_where_nobody_answers_it_is_said(place, error, words, monkeypatch):
    monkeypatch.setattr(cluster_address, "CONNECT_SECONDS", 1)
    with pytest.raises(error, match=words), connected(place):
        pass
    assert not [client for client in gc.get_objects() if _is_half_made(client)]


def _is_half_made(thing):
    return type(thing) is Client and thing.status == "connecting"


def test_an_asynchronous_client_is_refused():
    async def refused():
        client = Client("tcp://127.0.0.1:9", asynchronous=True, set_as_default=False, timeout=0.1)
        with pytest.raises(UsageError, match="asynchronous"), connected(client):
            pass
        # One that was not awaited cannot be closed: it goes on when its loop is gone.
        with pytest.raises(OSError):
            await client

    asyncio.run(refused())


def test_errors_cross_the_wire_whole(cluster):
    error = ItemError(Reason.EMPTY, "no bytes")
    assert cluster.submit("an-error-of-ours", pickle.dumps((echo, b"", (error,))), frozenset()).result()


def echo(shared, items):
    return items


def test_a_scheduler_that_goes_while_workers_are_asked_is_lost(cluster, two_workers, monkeypatch):
    def closed(*_, **__):
        raise CommClosedError("in <TLS (closed) ConnectionPool.broadcast>: Stream is closed")

    monkeypatch.setattr(two_workers, "run", closed)
    with pytest.raises(UnavailableError, match="is gone; what is finished is safe"):
        cluster.ask(str, b"")
