"""The settings that a run keeps beside its weights, and goes on with unless others are given."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from archivecolor.errors import UsageError
from archivecolor.printable import printable, quoted
from archivecolor.settings import TrainSettings, dataclass_from
from archivecolor.training.state import RunState

# Any of them given says anew how long the run is to be.
LENGTH = ("epochs", "max_steps", "max_runtime")
_PATHS = ("validation", "average_with")
# What the weights depend on from here on; where and how fast they are made is for each session to say.
KEPT = (
    *("network", "title", "options", "size", "batch_size", "accumulate", "lr", "augment", "source_weights"),
    *("seed", "ema", "clip", "patience", "validate_every"),
    *LENGTH,
    *_PATHS,
)

logger = logging.getLogger(__name__)


def settings_to_keep(settings: TrainSettings) -> dict[str, object]:
    """The settings that a run goes on with, as a state holds them: plain values by name."""
    values = {name: getattr(settings, name) for name in KEPT}
    return values | {name: tuple(str(path.absolute()) for path in values[name]) for name in _PATHS}


def settings_of_run(settings: TrainSettings, given: Collection[str], state: RunState) -> TrainSettings:
    """The settings that a run goes on with: those given, else its own. What differs from its own is told.

    Args:
        settings: of this session.
        given: names of those that somebody gave.
        state: of the run.

    Raises:
        UsageError: another network is given.
    """
    own: Mapping[str, object] = state.settings or {"network": state.network}
    if "network" in given and settings.network != state.network:
        raise UsageError(
            f"{printable(settings.output)} is a run of network {quoted(state.network)},"
            f" not {quoted(settings.network)}"
        )
    now = settings_to_keep(settings)
    changed = [name for name in own if name in given and now[name] != own[name]]
    for name in changed:
        logger.warning(
            "the run was made with %s; it goes on with %s", _words(name, own[name]), _words(name, now[name])
        )
    renewed = {*given, *LENGTH} if any(name in given for name in LENGTH) else given
    taken = {name: _value(name, value) for name, value in own.items() if name not in renewed}
    return dataclass_from(TrainSettings, vars(settings) | taken)


def _value(name: str, value: object) -> object:
    return tuple(map(Path, value)) if name in _PATHS and isinstance(value, tuple) else value


def _words(name: str, value: object) -> str:
    option = f"--{name.replace('_', '-')}"
    if value is None or value in ((), ""):
        return f"no {option}"
    return f"{option} {printable(' '.join(map(str, value)) if isinstance(value, tuple) else str(value))}"
