"""The network of a run, opened once when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from archivecolor.errors import CheckpointError
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import NetworkOptions

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor


def network_opener(settings: NetworkOptions, weights: str) -> Callable[[], Predictor]:
    """Opens the network once, when the first item needs it.

    What it gives raises `CheckpointError` where the file is no longer the one that the run was planned with.
    """

    @cache
    def open_network() -> Predictor:
        from archivecolor.inference.predictor import open_predictor

        predictor = open_predictor(settings.checkpoint, settings)
        if predictor.digest != weights:
            raise CheckpointError(
                f"{checkpoint_path(settings.checkpoint)} was replaced after the run began; start it again"
            )
        return predictor

    return open_network
