"""Options of `archivecolor credentials new`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import required
from archivecolor.settings.shared import OutputOptions


@dataclass(frozen=True, kw_only=True)
class NewCredentialsSettings(OutputOptions):
    """Options of `archivecolor credentials new`."""

    folder: Path = required("Folder for certificates and keys.", argument=True, kind="folder")
    name: str = required("Who signs, as people will see it.", common=True)
