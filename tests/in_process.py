"""The program run in the process of its tests: its exit code and words, no start of Python for each."""

import io
import os
import subprocess
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from archivecolor.cli.main import main


def run_here(*words, cwd=None):
    """What `archivecolor WORDS` ends with; not for what a signal, a limit or the environment is to end."""
    words = [os.fspath(word) if isinstance(word, Path) else str(word) for word in words]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogateescape") for _ in "oe")
    with _folder(cwd), redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    said = (stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err))
    return subprocess.CompletedProcess(words, code, *said)


@contextmanager
def _folder(path):
    before = Path.cwd()
    if path is not None:
        os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)
