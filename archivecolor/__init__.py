"""Puts colour into grey photographs and black-and-white films, and never touches their grey.

The public names are those that `archivecolor.api` lists; they are looked up late, so that importing the
package is quick. Type checkers see them at once.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from archivecolor.version import program_version

# ONNX Runtime, from 1.29 on, sends reports on its use to its makers. It asks for this variable once, when it
# is first imported, so it is set before anything of ours can do that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from archivecolor.api import *  # noqa: F403 - its `__all__` is the one list of public names

    __version__: str
else:
    # Any: whatever public thing has that name.
    def __getattr__(name: str) -> Any:
        """A public name of `archivecolor.api`, the list of them, or the version, when first asked for."""
        if name == "__version__":
            return program_version()
        api = import_module("archivecolor.api")
        if name == "__all__" or name in api.__all__:
            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """The public names, for people who explore."""
        return sorted(import_module("archivecolor.api").__all__)
