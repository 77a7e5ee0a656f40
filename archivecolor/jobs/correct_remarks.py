"""What people should know of what they have just decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.manifest import Manifest
from archivecolor.errors import Reason
from archivecolor.printable import printable, some_names

_STATES = (State.ACCEPTED, State.REJECTED)
# Why a picture gets no colour of ours, and the option that gives it some.
_WAYS = {
    Reason.TONED: "--toned colour",
    Reason.TINTED: "--colour recolour",
    Reason.ALREADY_COLOUR: "--colour recolour",
    Reason.COPIED: "--toned colour` or `--colour recolour",
    Reason.LINKED: "--toned colour` or `--colour recolour",
}


def states_that_went(
    output: Path, names: Iterable[str], before: Decisions, made: Iterable[Decision]
) -> Iterator[str]:
    """A sentence about those that were accepted, and one about those rejected, and are no longer.

    Args:
        output: the folder, as it was typed.
        names: of the sources that are decided about.
        before: what was decided before.
        made: what is decided now.
    """
    now = before.and_then(*made)
    states = [(name, before.of(name), now.of(name)) for name in names]
    for state in _STATES:
        went = [name for name, old, new in states if old.state is state is not new.state]
        if went:
            are = "are" if len(went) > 1 else "is"
            yield (
                f"{len(went)} that {'were' if len(went) > 1 else 'was'} {state.value} {are} so no longer: "
                f"{some_names(went)}; `archivecolor decisions undo {printable(output)} PATH`, for each that "
                "is to stay as it was, takes this back"
            )
    shots = [name for name, old, new in states if set(old.accepted_shots) - set(new.accepted_shots)]
    if shots:
        yield f"shots that were accepted are so no longer, as they get other colour: {some_names(shots)}"


def what_waits(names: Iterable[str], manifest: Manifest, decisions: Decisions) -> Iterator[str]:
    """A sentence about those that are not coloured, whatever was decided about their colour.

    Args:
        names: of the sources that are decided about.
        manifest: of the output, as it is now.
        decisions: what is decided now.
    """
    waiting = defaultdict[Reason, list[str]](list)
    for name in names:
        entry, decision = manifest.entry(name), decisions.of(name)
        own = decision.correction.settings
        is_to_colour = own.toned == "colour" or own.colour == "recolour"
        if entry is None or not decision.correction or decision.state is State.REJECTED or is_to_colour:
            continue
        if entry.reason in _WAYS:
            waiting[Reason(entry.reason)].append(name)
    for reason, found in waiting.items():
        yield (
            f"{some_names(found)}: not coloured ({reason.value}), so that what was decided about colour"
            f" waits; `{_WAYS[reason]}` beside it colours what is {reason.value}"
        )
