"""A killed run must not leave workers behind that still write when its rerun begins."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

RUN = """
import os, sys, time
sys.path.insert(0, os.environ["TESTS"])
from test_local import process_id, sleep
from archivecolor.engine.local import LocalExecutor, WorkerOptions

with LocalExecutor(WorkerOptions(count=2), None) as workers:
    pids = set()
    while len(pids) < 2:
        pids.add(workers.submit(process_id, 0).result())
        workers.submit(sleep, 0.1)
    futures = [workers.submit(sleep, 60) for _ in pids]
    print(*pids, flush=True)
    futures[0].result()
"""


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_leave_with_their_killed_parent():
    environment = {**os.environ, "TESTS": str(Path(__file__).parent)}
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    pids = [int(word) for word in run.stdout.readline().split()]
    assert len(pids) == 2
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in pids)
