"""Whether torch is there. Imports no torch: plain installs have none."""

from __future__ import annotations

from importlib.util import find_spec

from archivecolor.errors import UnavailableError


def has_torch() -> bool:
    """Whether torch is installed."""
    return find_spec("torch") is not None


def require_torch(what: str, *besides: str, extra: str = "torch") -> None:
    """Raise `UnavailableError` with the line to type if torch is not installed.

    Args:
        what: cannot be done without, as the message begins.
        besides: other packages that it needs.
        extra: of this package, that has them.
    """
    missing = [] if has_torch() else ["torch"]
    missing += [name for name in besides if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"{what} needs {missing[0]}, which is not installed: pip install 'archivecolor[{extra}]'"
        )
