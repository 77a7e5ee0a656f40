"""What checkpoints say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import plain


@dataclass(frozen=True)
class ModelCard:
    """One checkpoint.

    Attributes:
        path: of the file.
        title: what people call it.
        network: name of its network.
        digest: SHA-256 of the file.
        nbytes: its size.
        facts: of its training, its metrics and its licence, by name.
    """

    path: Path
    title: str
    network: str
    digest: str
    nbytes: int
    facts: Mapping[str, object]

    def as_dict(self) -> dict[str, object]:
        """All of it, as JSON can hold it."""
        return {name: plain(value) for name, value in vars(self).items()}


def describe(checkpoints: Sequence[Path]) -> list[ModelCard]:
    """A card for each of `checkpoints`, for the built-in weights if there are none.

    Raises:
        CheckpointError: one is missing or no checkpoint.
    """
    paths: Sequence[Path | None] = checkpoints or (None,)
    return [_card(checkpoint_path(path)) for path in paths]


def _card(path: Path) -> ModelCard:
    """The card of one checkpoint file."""
    from archivecolor.networks.checkpoint import read_info

    info = read_info(path)
    facts = {**info.options, **info.training, **info.metrics}
    facts |= {"data digest": info.data_digest, "licence": info.licence}
    present = {name: value for name, value in facts.items() if value not in ("", None)}
    title = info.title or path.stem
    return ModelCard(path, title, info.network, sha256_of(path), path.stat().st_size, present)


def networks() -> list[str]:
    """Names of the networks that can be trained and used."""
    from archivecolor.networks.registry import network_names

    return sorted(network_names())
