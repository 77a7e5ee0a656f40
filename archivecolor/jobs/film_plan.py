"""A plan of a film: a TOML file that says of single shots what is done with them.

    film = "harbour.mp4"
    sha256 = "9f86d0..."

    [[shot]]
    at = 13.48
    saturation = 0.8
    hints = ["35%,60%=navy,thing"]

Each table is about the shot that its moment lies in. Keys are those of `settings.film_plan`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.fixity import sha256_of
from archivecolor.errors import InputNotFoundError, UsageError
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot
from archivecolor.printable import printable, quoted
from archivecolor.recipe import checked_values, comment, read_toml, toml
from archivecolor.settings import PlanHead, PlannedShot, fields_of, nearest, option_of

_TABLE = "shot"


@dataclass(frozen=True)
class FilmPlan:
    """What a plan says.

    Attributes:
        path: of its file.
        head: of the film as a whole.
        shots: of single shots, by moments.
    """

    path: Path
    head: PlanHead
    shots: tuple[PlannedShot, ...]

    def digest(self, weights: str) -> str:
        """Of all that it says, the pictures that it names included, 16 hexadecimal digits.

        Args:
            weights: digest of the network that finds what is like a picture.
        """
        said: list[object] = [asdict(self.head)]
        for shot in self.shots:
            picture = "" if shot.reference is None else sha256_of(shot.reference)
            said.append(asdict(replace(shot, reference=None)) | {"picture": picture})
        if any(shot.reference for shot in self.shots):
            said.append(weights)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def read_plan(path: Path) -> FilmPlan:
    """Read and check a plan.

    Raises:
        UsageError: it is missing or no plan, or a key or value in it is wrong; names file and key.
    """
    document = read_toml(path, "plan")
    tables = document.pop(_TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{path}: shots are tables, each written [[{_TABLE}]]")
    known = [setting.name for setting in fields_of(PlanHead)]
    for key, value in document.items():
        if isinstance(value, (dict, list)) and key not in known:
            raise UsageError(f"{path}: unknown table {quoted(key)}{nearest(key, [_TABLE])}")
    head = PlanHead(**checked_values(path, "a plan", PlanHead, document))
    shots = tuple(_shot(path, number, table) for number, table in enumerate(tables, start=1))
    for before, shot in pairwise(shots):
        if shot.at <= before.at:
            raise UsageError(f"{path}: at = {shot.at} comes after at = {before.at}; give moments in order")
    return FilmPlan(path, head, shots)


def _shot(path: Path, number: int, table: dict[str, object]) -> PlannedShot:
    heading = f"[[{_TABLE}]] {number}"
    values = checked_values(path, heading, PlannedShot, table)
    if "at" not in values:
        raise UsageError(f"{path}: {heading} has no moment; give it one, as at = 13.48")
    shot = PlannedShot(**values)
    if shot.reference is not None and not shot.reference.is_file():
        shown = printable(shot.reference)
        raise InputNotFoundError(f"{path}: {heading}: there is no picture {shown}", shot.reference)
    return replace(shot, at=round(shot.at, 3))


def write_plan(path: Path, plan: Iterable[str]) -> None:
    """Write the lines of a plan."""
    with atomic_write(path) as part:
        part.write_text("\n".join(plan) + "\n", encoding="utf-8")


def plan_lines(
    facts: FilmFacts,
    found: FirstPass,
    shots: Sequence[Shot],
    confidences: Sequence[float | None],
    sha256: str,
) -> Iterator[str]:
    """A plan that says nothing yet, with a table for each shot and the keys that it may have.

    Args:
        facts: of the film.
        found: what it holds.
        shots: all of them.
        confidences: of the colour of each, None where it keeps its own.
        sha256: of the film.
    """
    name = printable(facts.path.name)
    yield f"# What is done with the shots of {name}: archivecolor video {name} --plan THIS_FILE"
    yield "#"
    yield "# A table is about the shot that its moment lies in, `at`; those that say nothing may go."
    yield "# Of a shot can be said, each on a line below its [[shot]]:"
    for setting in fields_of(PlannedShot):
        if setting.name != "at":
            yield "#"
            yield f"#   {setting.name}"
            yield from (f"#     {line[2:]}" for line in comment(option_of(setting), setting))
    yield ""
    yield f"film = {toml(name)}"
    yield f'sha256 = "{sha256}"'
    yield '# note = ""'
    yield '# by = ""'

    def seconds(frame: int) -> float:
        return float((int(found.pts[frame]) - int(found.pts[0])) * facts.time_base)

    for number, (shot, confidence) in enumerate(zip(shots, confidences, strict=True), start=1):
        known = "in its own colour" if confidence is None else f"confidence {confidence:.2f}"
        span = f"{seconds(shot.first):.3f} to {seconds(shot.last):.3f} s"
        yield ""
        yield f"# Shot {number}, {span} ({shot.begins}); {known}"
        yield f"[[{_TABLE}]]"
        yield f"at = {seconds((shot.first + shot.last) // 2):.3f}"
