"""How an option is declared, checked and read: the base of all jobs' settings.

A field declares its default, its help, its unit, its choices and its bounds. The command line,
the recipe keys, the `ARCHIVECOLOR_*` variables, `--help` and the man page are made from it.
Long names are the field's name with dashes.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import inspect
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from archivecolor.errors import OptionError, UsageError
from archivecolor.printable import quoted, shortened

T = TypeVar("T")
BUCKET_SCHEME = "s3://"
# Any: of a field of whatever type.
SettingField: TypeAlias = dataclasses.Field[Any]


class FolderPath(type(Path())):  # type: ignore[misc]
    """A path that was typed with a slash at its end: of a folder, whatever it is called."""


class BucketPath(type(Path())):  # type: ignore[misc]
    """An address in a bucket, `s3://BUCKET/PREFIX`: no path of this machine, but names are put behind it."""

    def __str__(self) -> str:
        return f"{BUCKET_SCHEME}{'/'.join(self.parts[1:])}"

    def absolute(self) -> BucketPath:
        """Itself: it does not depend on the working folder."""
        return self

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return str(self.parts[1])

    @property
    def key(self) -> str:
        """What stands behind the bucket, without a slash at its end; empty for the whole of it."""
        return "/".join(self.parts[2:])


def typed_path(text: str | Path) -> Path:
    """A path as it was typed: a slash at its end says that it is a folder's, and s3:// a bucket's.

    Raises:
        UsageError: it is the address of a bucket that names none, or nothing that can lie in one.
    """
    if isinstance(text, str) and text.startswith(BUCKET_SCHEME):
        return _bucket_path(text)
    is_folder = isinstance(text, str) and text.endswith(("/", os.sep))
    return FolderPath(text) if is_folder else Path(text)


# More seconds than a lifetime has, more items than a disk holds; what is larger the system refuses later.
LARGEST = (1 << 31) - 1
# Characters of a note or a name that a decision is kept with.
MAX_TEXT = 10_000


def _bucket_path(text: str) -> BucketPath:
    names = text.removeprefix(BUCKET_SCHEME).removesuffix("/").split("/")
    if any(name in ("", ".", "..") for name in names):
        raise UsageError(
            f"{quoted(text)} is no address of a bucket; write it {BUCKET_SCHEME}BUCKET or "
            f"{BUCKET_SCHEME}BUCKET/PREFIX, without empty or dotted parts"
        )
    return BucketPath(text)


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is known of an option besides its type and default.

    Attributes:
        help: one sentence, shown by `--help` and the docs.
        unit: unit of a number, as people write it.
        choices: the closed set of words, empty where any value goes.
        low: smallest allowed number, inclusive.
        high: largest allowed number, inclusive.
        multiple_of: the number must be a multiple of this.
        pattern: regular expression that a word, or each of several, must match as a whole.
        max_length: free text, kept as UTF-8, of at most so many characters.
        short: a one-letter flag, for the commonest options only.
        flag: its long flag without dashes, where that is not the field's name.
        argument: a positional argument of the command line rather than an option.
        may_be_bucket: a path may be the address of a bucket.
        kind: what a path leads to, for completion: photographs, films, checkpoint, recipe or folder.
        group: the heading in help, where not that of its class.
        common: one of the few that short help shows.
        shapes_output: the bytes of the output depend on it, so it belongs to the settings digest.
        digests_default: its default belongs there too; not so for an option that came after outputs were
            recorded without it, which are still what that default gives.
        digests_presence: whether it is given belongs there alone, and not what is given.
    """

    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    multiple_of: int | None = None
    pattern: str = ""
    max_length: int | None = None
    short: str = ""
    flag: str = ""
    argument: bool = False
    may_be_bucket: bool = False
    kind: str = ""
    group: str = ""
    common: bool = False
    shapes_output: bool = False
    digests_default: bool = True
    digests_presence: bool = False


# Any, here and below: attributes and values of options, each of a type of its own.
def option(default: T, help: str, **attributes: Any) -> T:
    """Declare one option as a dataclass field. `attributes` are the attributes of `Option`."""
    spec = Option(help=help, **attributes)
    return field(default=default, metadata={"option": spec})


def required(help: str, **attributes: Any) -> Any:
    """Declare one option that has no default."""
    return field(metadata={"option": Option(help=help, **attributes)})


def option_of(setting: SettingField) -> Option:
    """The `Option` a settings field was declared with."""
    spec: Option = setting.metadata["option"]
    return spec


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all jobs' settings: checks itself when made, knows its own digest."""

    # The heading in help of the options that a class declares.
    GROUP = "Options"

    def __post_init__(self) -> None:
        for setting in dataclasses.fields(self):
            check(setting.name, getattr(self, setting.name), option_of(setting))

    def digest(self) -> str:
        """SHA-256 (first 16 hex digits) over the options the output's bytes depend on."""
        shaping = {
            setting.name: _digested(getattr(self, setting.name), option_of(setting))
            for setting in dataclasses.fields(self)
            if option_of(setting).shapes_output
            and (option_of(setting).digests_default or getattr(self, setting.name) != setting.default)
        }
        text = json.dumps(shaping, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digested(value: object, spec: Option) -> object:
    return value is not None if spec.digests_presence else value


def plain(value: object) -> object:
    """`value` as JSON and TOML can hold it."""
    if isinstance(value, FolderPath):
        return f"{value}/"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value


def check(name: str, value: Any, spec: Option) -> None:
    """Raise `OptionError` where `value` is outside what the option allows."""
    if value is None:
        return
    if spec.choices and value not in spec.choices:
        raise OptionError(
            name,
            f"is {shortened(str(value))}; choose one of {', '.join(spec.choices)}"
            + nearest(str(value), spec.choices),
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise OptionError(name, "is not a number")
    if isinstance(value, (int, float)) and abs(value) > LARGEST:
        raise OptionError(name, f"is larger than any that makes sense ({LARGEST})")
    if spec.low is not None and value < spec.low:
        raise OptionError(name, f"is {value}; it must be at least {spec.low:g}")
    if spec.high is not None and value > spec.high:
        raise OptionError(name, f"is {value}; it must be at most {spec.high:g}")
    for word in value if isinstance(value, tuple) else (value,):
        if isinstance(word, BucketPath) and not spec.may_be_bucket:
            raise OptionError(
                name,
                f"is {shortened(str(word))}; only IN of `archivecolor dir` may be a bucket: give a path of "
                "this machine",
            )
        if spec.pattern and not re.fullmatch(spec.pattern, word):
            raise OptionError(name, f"is {shortened(word)}; {spec.help[0].lower()}{spec.help[1:]}")
    if spec.max_length is not None:
        _check_text(name, value, spec.max_length)
    if spec.multiple_of is not None and value % spec.multiple_of:
        raise OptionError(name, f"is {value}; it must be a multiple of {spec.multiple_of}")


def _check_text(name: str, text: str, max_length: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OptionError(
            name, f"is not UTF-8 ({shortened(text)}); type it where letters are UTF-8"
        ) from None
    if len(text) > max_length:
        raise OptionError(name, f"has {len(text):,} characters; it may have up to {max_length:,}")


def dataclass_from(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make a dataclass, such as settings, of values by name; what it has no field for is left out."""
    names = {spec.name for spec in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in names})


@dataclass(frozen=True)
class ValueType:
    """What an option's values are.

    Attributes:
        base: bool, int, float, str or Path.
        many: it takes any number of them.
    """

    base: type
    many: bool


def value_types_of(settings: type[Settings]) -> dict[str, ValueType]:
    """The kind of every option of a settings class, by name, in the order of `fields_of`."""
    hints = get_type_hints(settings)
    return {setting.name: _value_type_of_hint(hints[setting.name]) for setting in fields_of(settings)}


def fields_of(settings: type[Settings]) -> list[SettingField]:
    """The options of a settings class, those of the class itself before those it shares."""
    settings_by_name = {setting.name: setting for setting in dataclasses.fields(settings)}
    own = [name for base in settings.__mro__ for name in inspect.get_annotations(base)]
    return [settings_by_name[name] for name in dict.fromkeys(own)]


def group_of(settings: type[Settings], name: str) -> str:
    """The heading in help that an option stands under."""
    (spec,) = (option_of(setting) for setting in dataclasses.fields(settings) if setting.name == name)
    declaring = next(base for base in settings.__mro__ if name in inspect.get_annotations(base))
    return spec.group or str(getattr(declaring, "GROUP", Settings.GROUP))


def _value_type_of_hint(hint: Any) -> ValueType:
    """The kind behind a type hint: `T`, `T | None` or `tuple[T, ...]`."""
    parts = [part for part in get_args(hint) if part not in (type(None), Ellipsis)]
    return ValueType(base=parts[0] if parts else hint, many=get_origin(hint) is tuple)


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint for a mistyped word: `; did you mean 'x'?`, empty where nothing is near."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"; did you mean {quoted(close[0])}?" if close else ""
