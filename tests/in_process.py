"""The program run in the process of its tests: its exit code and words, no start of Python for each."""

import io
import os
import pickle
import subprocess
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import fields
from pathlib import Path

from archivecolor.cli.main import main
from archivecolor.engine.process import _run_request
from archivecolor.inference.open_runtime import open_runtime
from archivecolor.settings import InferenceOptions


def run_here(*words, cwd=None):
    """What `archivecolor WORDS` ends with; not for what a signal, a limit or the environment is to end."""
    words = [os.fspath(word) if isinstance(word, Path) else str(word) for word in words]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogateescape") for _ in "oe")
    with _folder(cwd), redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    said = (stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err))
    return subprocess.CompletedProcess(words, code, *said)


class WorkerHere:
    """In the place of a worker process: a thread of this process, of which one works at a time.

    What it is asked and answers is pickled as ever, so only what a process of its own is for is not
    tried: crashes, limits, kills.
    """

    _at_work = threading.Lock()

    def __init__(self, timeout, setup):
        self.items, self.timed_out = 0, False
        self._context = pickle.loads(pickle.dumps(setup.context))

    def call(self, task, item):
        self.items += 1
        request = pickle.dumps((task, item))
        with self._at_work:
            answer = _run_request(request, self._context)
        return pickle.loads(answer).unwrap()

    def kill(self):
        """There is nothing to kill."""

    close = kill


class OpenNetworks:
    """In the place of `open_runtime`: a file's network is made ready once for all runs of this process.

    What answers keeps nothing of what it was asked, and is asked by many pictures and runs in life too.
    """

    def __init__(self, most=8):
        self._most, self._kept = most, {}

    def __call__(self, checkpoint, options):
        try:
            about = checkpoint.stat()
        except OSError:
            return open_runtime(checkpoint, options)
        wishes = [getattr(options, field.name) for field in fields(InferenceOptions)]
        key = (str(checkpoint), about.st_ino, about.st_size, about.st_mtime_ns, *wishes)
        if key not in self._kept:
            self._kept[key] = open_runtime(checkpoint, options)
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return self._kept[key]


@contextmanager
def _folder(path):
    before = Path.cwd()
    if path is not None:
        os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)
