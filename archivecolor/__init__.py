"""Puts colour into grey photographs and black-and-white films, and never touches their grey.

The public functions are those of `archivecolor.api`; they are looked up late, so that importing the
package is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archivecolor.api import (
        ArchivecolorError,
        Chroma,
        DirSettings,
        Ending,
        ExitCode,
        ItemError,
        NetworkOptions,
        News,
        Progress,
        Reason,
        colour_array,
        colour_file,
        colour_folder,
        load_predictor,
    )

__all__ = [
    "ArchivecolorError",
    "Chroma",
    "DirSettings",
    "Ending",
    "ExitCode",
    "ItemError",
    "NetworkOptions",
    "News",
    "Progress",
    "Reason",
    "colour_array",
    "colour_file",
    "colour_folder",
    "load_predictor",
]


def __getattr__(name: str) -> Any:
    """A public name of `archivecolor.api`, imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from archivecolor import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """The public names, for people who explore."""
    return sorted(__all__)
