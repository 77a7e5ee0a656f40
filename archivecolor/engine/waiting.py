"""Waiting for others with a limit that a frozen machine does not use up."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence

# Longest single wait, and most that it may count for.
SLICE_SECONDS = 1.0


def waits(seconds: float) -> Iterator[float]:
    """Short waits that add up to `seconds` of time in which this process ran.

    A process that was stopped (SIGSTOP, a suspended machine) wakes up behind every limit, and what it waited
    for has had no chance: the time in which nobody ran does not count.

    Yields:
        How long to wait now, in seconds.
    """
    left = seconds
    while left > 0:
        began = time.monotonic()
        yield min(SLICE_SECONDS, left)
        left -= min(time.monotonic() - began, 2 * SLICE_SECONDS)


def run_program(arguments: Sequence[str | bytes], seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run a program without input, in a session of its own: Ctrl-C is for us, who then let it finish.

    Args:
        arguments: the program and its arguments.
        seconds: that it may take, in the sense of `waits`.

    Raises:
        subprocess.TimeoutExpired: it took longer; it has been ended.
        OSError: it cannot be started.
    """
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        for wait in waits(seconds):
            try:
                output, errors = process.communicate(timeout=wait)
            except subprocess.TimeoutExpired:
                continue
            except BaseException:
                process.kill()
                raise
            return subprocess.CompletedProcess(arguments, process.returncode, output, errors)
        process.kill()
        raise subprocess.TimeoutExpired(arguments, seconds)
