"""A job's options in a TOML file, for schedulers and for keeping.

    job = "dir"

    [dir]
    input = "scans"          # relative to this file
    output = "coloured"
    working_size = 256

Keys are the options' own names. A recipe holds values alone: it cannot run commands.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import textwrap
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from archivecolor.errors import OutputError, UsageError
from archivecolor.printable import quoted, shortened
from archivecolor.settings import (
    BucketPath,
    DirSettings,
    EvaluateSettings,
    FolderPath,
    GreySettings,
    Option,
    SettingField,
    Settings,
    TrainSettings,
    ValueType,
    VerifySettings,
    VideoSettings,
    check,
    fields_of,
    nearest,
    option_of,
    plain,
    typed_path,
    value_types_of,
)
from archivecolor.settings.units import WRITINGS, parse_number

JOBS: dict[str, type[Settings]] = {
    "dir": DirSettings,
    "video": VideoSettings,
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
    "grey": GreySettings,
    "verify": VerifySettings,
}

MAX_BYTES = 1 << 20
# The last line of a saved recipe, with the SHA-256 of all above it: who has edited it since keeps it.
_SEAL = "# As --save-recipe wrote it; once edited, it is not written over. SHA-256: "
_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


@dataclass(frozen=True)
class Recipe:
    """What a recipe file says.

    Attributes:
        path: the file.
        job: name of the command it is for.
        values: options by name; paths are absolute or relative to the working folder, never to the file.
    """

    path: Path
    job: str
    # Any, here and below: options by name, each of a type of its own.
    values: Mapping[str, Any]


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        UsageError: it is missing or no TOML, or a key or value in it is wrong; names file, line and key.
    """
    text = _read_text(path, "recipe")
    document = _parsed(path, text)
    job = document.get("job")
    if not isinstance(job, str) or job not in JOBS:
        trouble = 'names no job (job = "dir")' if job is None else f"job is {_shown(job)}"
        raise UsageError(f"{path}: {trouble}; choose one of {', '.join(JOBS)}{nearest(str(job), JOBS)}")
    for key in document:
        if key not in ("job", job):
            raise UsageError(f"{path}: unknown key {quoted(key)}{nearest(key, ('job', job))}")
    table = document.get(job, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {quoted(job)} must be a table, written [{job}]")
    heading = f"[{job}]"
    return Recipe(
        path,
        job,
        checked_values(path, heading, JOBS[job], table, lambda key: _place_of(path, text, str(job), key)),
    )


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """The document in a file.

    Args:
        path: of the file.
        kind: what it should be, for messages.

    Raises:
        UsageError: it is missing, too large or no TOML.
    """
    return _parsed(path, _read_text(path, kind))


def _read_text(path: Path, kind: str) -> str:
    """What is in `path`."""
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is no file")
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: is too large for a {kind}")
        return path.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no {kind}, which is text in UTF-8") from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    """The document that `text` of `path` is."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOML or numbers that cannot be
        raise UsageError(f"{path}: not TOML: {shortened(str(error))}") from error


def _place_of(path: Path, text: str, job: str, key: str) -> str:
    """Where a recipe says something: its name, and the line where the key begins one of its table."""
    key_line = re.compile(rf"""\s*(["']?){re.escape(key)}\1\s*=""")
    in_table = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            in_table = line.partition("#")[0].strip().strip("[]").strip(" \"'") == job
        elif in_table and key_line.match(line):
            return f"{path}, line {number}"
    return str(path)


def checked_values(
    path: Path,
    heading: str,
    settings: type[Settings],
    table: Mapping[str, Any],
    place_of: Callable[[str], str] | None = None,
) -> dict[str, Any]:
    """The options of a table, of the right kinds and within their bounds.

    Args:
        path: of the file, which paths in it are relative to.
        heading: of the table, for messages.
        settings: what has the options.
        table: as it was read.
        place_of: where a key stands, for messages; in the file without it.

    Raises:
        UsageError: one of them is wrong, or not known.
    """
    value_types = value_types_of(settings)
    specs = {setting.name: option_of(setting) for setting in fields_of(settings)}
    values = {}
    for key, value in table.items():
        place = str(path) if place_of is None else place_of(key)
        if key not in value_types:
            raise UsageError(f"{place}: {heading} has no option {quoted(key)}{nearest(key, value_types)}")
        try:
            values[key] = _typed_value(key, value, value_types[key], path.parent, specs[key].unit)
            check(key, values[key], specs[key])
        except UsageError as error:
            raise UsageError(f"{place}: {heading} {error}") from error
    return values


def _typed_value(key: str, value: Any, value_type: ValueType, folder: Path, unit: str = "") -> Any:
    """`value` as an option of `value_type` has it; paths are taken from `folder`."""
    if value_type.many:
        if not isinstance(value, list):
            raise UsageError(f"{key} must be a list, written [...]")
        return tuple(
            _typed_value(key, part, ValueType(value_type.base, many=False), folder) for part in value
        )
    if value_type.base is float and isinstance(value, str) and unit in WRITINGS:
        try:
            return parse_number(value, unit)
        except ValueError as error:
            raise UsageError(f"{key} is {_shown(value)}; {error}") from error
    wanted = {Path: str, float: (int, float)}.get(value_type.base, value_type.base)
    if not isinstance(value, wanted) or (isinstance(value, bool) and value_type.base is not bool):  # type: ignore[arg-type]
        raise UsageError(f"{key} must be {_TYPE_NAMES[value_type.base]}, not {_shown(value)}")
    if isinstance(value, str) and "\0" in value:
        raise UsageError(f"{key} has a NUL in it")
    try:
        if value_type.base is Path:
            typed = typed_path(value)
            if isinstance(typed, BucketPath):
                return typed
            path = folder / Path(value).expanduser()
            return FolderPath(path) if isinstance(typed, FolderPath) else path
        return float(value) if value_type.base is float else value
    except (RuntimeError, OverflowError) as error:  # no such user, no such number
        raise UsageError(f"{key} is {_shown(value)}: {error}") from error


def _shown(value: object) -> str:
    """A value of a recipe for a message."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a table"
    return shortened(json.dumps(value, default=str))


def save_recipe(path: Path, job: str, values: Mapping[str, Any]) -> None:
    """Write `values` as a recipe for `job`: every option with its meaning, unset ones commented out.

    Paths are written absolute, so that the recipe may be moved.

    Raises:
        UsageError: what is there is not as this function wrote it.
        OutputError: it cannot be written.
    """
    refuse_foreign_recipe(path)
    absolute = {name: with_absolute_paths(value) for name, value in values.items()}
    text = _sealed(recipe_text(job, absolute))
    part = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        part = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise OutputError(f"cannot write the recipe {path}: {error.strerror}") from error


def refuse_foreign_recipe(path: Path) -> None:
    """Refuse to write a recipe over anything but one that `save_recipe` wrote and nobody has changed.

    Raises:
        UsageError: something else is there.
    """
    if not os.path.lexists(path):
        return
    try:
        ours = path.is_file() and path.stat().st_size <= MAX_BYTES and _is_sealed(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path} is there and cannot be read: {error.strerror}; give another name"
        ) from error
    if not ours:
        raise UsageError(
            f"{path} is there and is no recipe as --save-recipe wrote it; give another name, or take it away"
        )


def _sealed(text: str) -> str:
    """`text` with the line that says it is as it was written."""
    return f"{text}\n{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}\n"


def _is_sealed(content: bytes) -> bool:
    """Whether `content` is what `_sealed` made, to the byte."""
    text, _, _ = content.rpartition(b"\n" + _SEAL.encode())
    try:
        return _sealed(text.decode()).encode() == content
    except UnicodeDecodeError:
        return False


def with_absolute_paths(value: object) -> object:
    """`value` with the working folder before relative paths."""
    if isinstance(value, Path):
        return value.absolute()
    if isinstance(value, tuple):
        return tuple(with_absolute_paths(part) for part in value)
    return value


def recipe_text(job: str, values: Mapping[str, Any]) -> str:
    """A recipe for `job` with every option of it: those in `values` set, the others commented out."""
    lines = [f"# archivecolor run THIS_FILE    ({JOBS[job].__doc__})", "", f'job = "{job}"', "", f"[{job}]"]
    for setting in fields_of(JOBS[job]):
        lines += ["", *comment(option_of(setting), setting)]
        if values.get(setting.name) is not None:
            lines.append(f"{setting.name} = {toml(values[setting.name])}")
        elif setting.default is MISSING or setting.default is None:
            lines.append(f"# {setting.name} =")
        else:
            lines.append(f"# {setting.name} = {toml(setting.default)}")
    return "\n".join(lines) + "\n"


def comment(spec: Option, setting: SettingField) -> list[str]:
    """Meaning, unit and default of an option, as comment lines."""
    choices = f"One of {', '.join(spec.choices)}. " if spec.choices else ""
    text = f"{spec.help} {choices}{option_facts(spec, setting)}".strip()
    return [f"# {line}" for line in textwrap.wrap(text, 98)]


def option_facts(spec: Option, setting: SettingField) -> str:
    """Unit, bounds and default of an option in brackets."""
    facts = [spec.unit, _bounds_of(spec)]
    if setting.default is MISSING:
        facts.append("required")
    elif setting.default not in (None, (), ""):
        facts.append(f"default: {toml(setting.default)}")
    known = [fact for fact in facts if fact]
    return f"[{'; '.join(known)}]" if known else ""


def _bounds_of(spec: Option) -> str:
    """The allowed range of a number in words."""
    words = []
    if spec.low is not None:
        words.append(f"from {spec.low:g}")
    if spec.high is not None:
        words.append(f"to {spec.high:g}")
    if spec.multiple_of is not None:
        words.append(f"in steps of {spec.multiple_of}")
    return " ".join(words)


def toml(value: object) -> str:
    """`value` in TOML.

    Raises:
        UsageError: a name in it is not UTF-8, which TOML cannot hold.
    """
    value = plain(value)
    if isinstance(value, list):
        return f"[{', '.join(toml(part) for part in value)}]"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{quoted(value)} is not UTF-8 and cannot stand in a recipe") from error
        # JSON strings are TOML strings but for the delete character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
