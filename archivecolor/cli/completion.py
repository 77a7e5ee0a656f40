"""What shells offer for a value that is being typed: words, or files of the right kind."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from archivecolor.settings import Option

Completion = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
_DEVICES = ("auto", "cpu", "cuda", "mps")
# Names that a shell would have to quote are left to its own completion, which does.
_PLAIN_NAME = re.compile(r"[\w./+,:@%~-]*")
_MOST_SHOWN = 500


def completion_of(name: str, spec: Option) -> Completion | None:
    """What is offered for an option or argument; None where click itself knows, or nobody does."""
    if name == "device":
        return _offering(lambda: _DEVICES)
    if name == "network":
        return _offering(_networks)
    return completion_of_files(spec.kind) if spec.kind else None


def completion_of_files(kind: str) -> Completion:
    """Offers files of one kind, and folders on the way to them; the kinds are those of `Option.kind`."""

    def complete(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        if kind == "folder":
            return [CompletionItem(typed, type="dir")]
        found = _files(typed, _endings(kind))
        if len(found) > _MOST_SHOWN or not all(map(_PLAIN_NAME.fullmatch, found)):
            return [CompletionItem(typed, type="file")]
        return [CompletionItem(path) for path in found]

    return complete


def completion_of_topics(topics: Iterable[str]) -> Completion:
    """Offers words."""
    return _offering(lambda: topics)


def _offering(words: Callable[[], Iterable[str]]) -> Completion:
    def complete(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in words() if word.startswith(typed)]

    return complete


def _networks() -> Iterable[str]:
    from archivecolor.networks.registry import NETWORKS

    return NETWORKS


def _endings(kind: str) -> frozenset[str]:
    """The endings of a kind's files, in lower case."""
    from archivecolor.archive.walk import FILMS, PICTURES

    endings: dict[str, Iterable[str]] = {
        "photographs": map(os.fsdecode, PICTURES),
        "films": map(os.fsdecode, FILMS),
        "checkpoint": (".safetensors",),
        "recipe": (".toml",),
    }
    return frozenset(endings[kind])


def _files(typed: str, endings: frozenset[str]) -> list[str]:
    """Paths that begin as typed: files of these endings, and folders, which end in a slash."""
    above = typed[: typed.rfind("/") + 1]
    folder = Path(above or ".").expanduser()
    if not folder.is_dir() or not os.access(folder, os.R_OK):
        return []
    found = []
    for path in sorted(folder.iterdir()):
        name = f"{above}{path.name}"
        if not name.startswith(typed) or (path.name.startswith(".") and typed == above):
            continue
        if path.is_dir():
            found.append(f"{name}/")
        elif path.suffix.lower() in endings:
            found.append(name)
    # Of a single folder what it holds is offered too: a shell ends a word that has no other.
    if len(found) == 1 and found[0].endswith("/") and typed != found[0]:
        found += _files(found[0], endings)
    return found
