"""What tells one process from another that has, or had, the same number."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """Linux's id of the present boot; empty elsewhere."""
    return read_text(Path("/proc/sys/kernel/random/boot_id")).strip()


def start_ticks(pid: int) -> int:
    """Start time of a living process in ticks since boot; 0 where it is gone or cannot be known."""
    # Field 22 of proc(5); the command in field 2 may hold spaces and brackets.
    fields = read_text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def pid_namespace() -> str:
    """Linux's name of the namespace of process ids; empty elsewhere."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def read_text(path: Path) -> str:
    """Contents of `path`; empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
