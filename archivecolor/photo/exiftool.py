"""exiftool, held open: one process that takes command after command.

The protocol is exiftool's own `-stay_open`. PyExifTool speaks it too, but it knows no time limit, and
where exiftool dies it reads the closed pipe for ever.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from archivecolor.engine.programs import find_program
from archivecolor.engine.waiting import waits

if sys.platform == "linux":
    import resource

logger = logging.getLogger(__name__)

# It grows, and has been seen to stall after thousands of files.
_FILES_PER_PROCESS = 500
_MIN_VERSION = (12, 10)
# Older ones run code that a crafted file holds (CVE-2021-22204).
_SAFE_VERSION = (12, 24)
# It unpacks whatever compressed text a file holds; a thousandfold is a few bytes' work for an attacker.
_MAX_MEMORY = 1 << 30
_START_SECONDS = 30.0
# A configuration file is Perl code, and without a home it is looked for in the current folder.
NO_CONFIGURATION = ("-config", "")
_END_SECONDS = 5.0


class ExiftoolError(Exception):
    """exiftool died, or took too long; the next command starts another."""


class ExiftoolDiedError(ExiftoolError):
    """exiftool ended by itself; another may well do the work."""


@dataclass(frozen=True)
class ExiftoolResult:
    """What a command gave.

    Attributes:
        output: its standard output.
        complaints: its warnings and errors, a line each.
    """

    output: bytes
    complaints: tuple[str, ...]

    @property
    def errors(self) -> tuple[str, ...]:
        """The complaints that made it fail."""
        return tuple(line for line in self.complaints if line.startswith("Error"))


class ExiftoolProcess:
    """One exiftool process, started at the first command and anew every few hundred.

    Args:
        program: path of exiftool.
    """

    def __init__(self, program: str) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.lines: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.numbers = itertools.count(1)
        self.commands = 0

    def run(self, arguments: list[str], seconds: float) -> ExiftoolResult:
        """Run one command.

        Args:
            arguments: one each, none with a line end in it; names must be given as absolute paths,
                which cannot be taken for options.
            seconds: give up after this long.

        Raises:
            ExiftoolError: it died or gave no answer in time; it has been ended.
        """
        if any("\n" in argument or "\r" in argument for argument in arguments):
            raise ValueError("an argument of exiftool with a line end")
        if self.commands >= _FILES_PER_PROCESS:
            self.close()
        process = self.process or self.start()
        self.commands += 1
        number = next(self.numbers)
        lines = [*arguments, "-echo4", f"{{answered{number}}}", f"-execute{number}"]
        try:
            stream = _stdin_of(process)
            stream.write(os.fsencode("\n".join(lines) + "\n"))
            stream.flush()
            return self.read_answer(number, waits(seconds))
        except OSError as error:
            self.kill()
            raise ExiftoolDiedError(f"exiftool takes no more commands: {error}") from error
        except ExiftoolError:
            self.kill()
            raise

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process; no configuration file of a user or folder can make it run code."""
        command = [*_parent_death_prefix(), self.program, *NO_CONFIGURATION, "-stay_open", "True", "-@", "-"]
        common = ["-common_args", "-charset", "filename=UTF8", "-api", "LargeFileSupport=1"]
        self.lines = queue.SimpleQueue()
        self.commands = 0
        try:
            self.process = subprocess.Popen(
                command + common, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise ExiftoolError(f"exiftool does not start: {error}") from error
        _limit_memory(self.process.pid)
        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr)):
            # A thread each: Windows cannot wait for two pipes, nor for one with a time limit.
            threading.Thread(target=_forward_lines, args=(name, stream, self.lines), daemon=True).start()
        return self.process

    def read_answer(self, number: int, patience: Iterator[float]) -> ExiftoolResult:
        """Everything up to both end marks of command `number`."""
        marks = {"out": f"{{ready{number}}}".encode(), "err": f"{{answered{number}}}".encode()}
        found: dict[str, list[bytes]] = {"out": [], "err": []}
        while marks:
            wait = next(patience, None)
            if wait is None:
                raise ExiftoolError("exiftool gave no answer in time")
            try:
                name, line = self.lines.get(timeout=wait)
            except queue.Empty:
                continue
            if not line:
                raise ExiftoolDiedError("exiftool ended in mid-work")
            # Output without a line end of its own has the mark on its last line.
            if name in marks and line.rstrip(b"\r\n").endswith(marks[name]):
                line = line.rstrip(b"\r\n").removesuffix(marks.pop(name))
            found[name].append(line)
        complaints = b"".join(found["err"]).decode("utf-8", "backslashreplace").splitlines()
        return ExiftoolResult(
            b"".join(found["out"]), tuple(line.strip() for line in complaints if line.strip())
        )

    def close(self) -> None:
        """Let it end by itself, which its input's end alone does not make it do."""
        process, self.process = self.process, None
        if process is None:
            return
        try:
            # Its other pipes are read by their threads.
            with _stdin_of(process) as stream:
                stream.write(b"-stay_open\nFalse\n")
            process.wait(_END_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            _kill(process)

    def kill(self) -> None:
        """End it at once."""
        process, self.process = self.process, None
        if process is not None:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    with contextlib.suppress(OSError):  # of what it did not take
        _stdin_of(process).close()


def _parent_death_prefix() -> list[str]:
    """What to start a program with so that the system ends it with us, also where we are killed.

    Without it (util-linux has it, so every Linux) a killed worker leaves its exiftool waiting.
    """
    setpriv = find_program("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _limit_memory(pid: int) -> None:
    """Let a process die of its own hunger, where the system can: it must not take the machine with it."""
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))


def _stdin_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Its input pipe, which it was started with."""
    if process.stdin is None:
        raise ExiftoolError("exiftool has no input")
    return process.stdin


def _forward_lines(name: str, stream: IO[bytes], lines: queue.SimpleQueue[tuple[str, bytes]]) -> None:
    """Pass on every line of `stream`, and an empty one at its end."""
    with stream:
        for line in stream:
            lines.put((name, line))
    lines.put((name, b""))


@functools.lru_cache(maxsize=1)
def program() -> str | None:
    """Path of a usable exiftool, looked up once; None without one, with one warning in the log."""
    path = find_program("exiftool")
    try:
        found = _version_of(path) if path else None
    except subprocess.TimeoutExpired:
        # What is slow is not missing: outputs must not depend on how busy a machine is.
        logger.warning(
            "exiftool has not told its version in %.0f seconds; it is used all the same", _START_SECONDS
        )
        return path
    if found is None:
        logger.warning("exiftool is not installed: less of the metadata is carried; install it to keep all")
        return None
    if found < _MIN_VERSION:
        logger.warning(
            "exiftool %d.%02d is too old: less of the metadata is carried; 12.10 is enough", *found
        )
        return None
    if found < _SAFE_VERSION:
        logger.warning(
            "exiftool %d.%02d runs code that a crafted picture may hold (CVE-2021-22204); "
            "update it to 12.24 or later",
            *found,
        )
    return path


def _version_of(path: str) -> tuple[int, int] | None:
    """Version of the exiftool at `path`; None where it does not say one.

    Raises:
        subprocess.TimeoutExpired: it takes its time.
    """
    try:
        command = [path, *NO_CONFIGURATION, "-ver"]
        text = subprocess.run(
            command, capture_output=True, timeout=_START_SECONDS, check=True, text=True
        ).stdout
        major, _, minor = text.strip().partition(".")
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


class _SharedExiftool:
    """The exiftool of this process; commands of several threads take turns."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tool: ExiftoolProcess | None = None
        self.pid = os.getpid()

    def run(self, arguments: list[str], seconds: float) -> ExiftoolResult:
        """As `ExiftoolProcess.run`, with a second try where it died; `program()` must have found one."""
        with self.lock:
            # A forked child must not write into its parent's pipe.
            if self.tool is None or self.pid != os.getpid():
                self.tool, self.pid = ExiftoolProcess(program() or "exiftool"), os.getpid()
            try:
                return self.tool.run(arguments, seconds)
            except ExiftoolDiedError:
                return self.tool.run(arguments, seconds)

    def close(self) -> None:
        """End it, where this process started it."""
        with self.lock:
            if self.tool is not None and self.pid == os.getpid():
                self.tool.close()


shared_exiftool = _SharedExiftool()
atexit.register(shared_exiftool.close)
