"""What people should know of what they have just decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions
from archivecolor.printable import printable, some_names

_STATES = (State.ACCEPTED, State.REJECTED)


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
    now = Decisions((*before.lines, *made))
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
