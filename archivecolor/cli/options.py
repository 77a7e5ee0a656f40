"""Click options made from a settings class, so that an option is declared once.

A value is looked for on the command line, then in the environment (`ARCHIVECOLOR_DIR_WORKING_SIZE`
for one command, else `ARCHIVECOLOR_WORKING_SIZE` for all), then in the recipe, then its default is
taken. In the environment, several values are separated by spaces, several paths by the system's
path separator (`:` or `;`).
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from archivecolor.archive.folders import refuse_scan_as_target
from archivecolor.cli.commands import COMMANDS
from archivecolor.cli.completion import completion_of
from archivecolor.cli.help import GroupedCommand, GroupedOption
from archivecolor.cli.logs import set_up_logging
from archivecolor.errors import ExitCode, OptionError, UsageError
from archivecolor.printable import printable
from archivecolor.recipe import JOBS, option_facts, refuse_foreign_recipe, save_recipe
from archivecolor.settings import (
    Option,
    OutputOptions,
    SchedulingOptions,
    SettingField,
    Settings,
    ValueType,
    fields_of,
    group_of,
    nearest,
    option_of,
    typed_path,
    value_types_of,
)
from archivecolor.settings.units import GIGABYTES, MEGABYTES, SECONDS, parse_number

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=Settings)

_VARIABLE = "ARCHIVECOLOR_"
# Of `manifest` and `decisions`; the others are those of `main`.
_INNER_COMMANDS = ("export", "compact", "list", "import", "undo")
_METAVARS = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


def command_for(settings_type: type[S], name: str) -> Callable[[Callable[[S], ExitCode]], click.Command]:
    """Make a click command of a function that takes `settings_type` and returns the exit code.

    The function's docstring is the command's help. The command also sets up logging and priority,
    and has `--save-recipe` where recipes know the job.
    """

    def decorate(function: Callable[[S], ExitCode]) -> click.Command:
        # Any, here and below: options by name, each of a type of its own.
        def callback(save_recipe_to: Path | None = None, **values: Any) -> ExitCode:
            settings = _settings_of(settings_type, name, values)
            if save_recipe_to is not None:
                refuse_foreign_recipe(save_recipe_to)
                if not values.get("dry_run"):
                    save_recipe(save_recipe_to, name, given_values(values))
            prepare_process(settings)
            _warn_of_unknown_variables()
            return function(settings)

        value_types = value_types_of(settings_type)
        parameters = [
            parameter(name, setting, value_types[setting.name], group_of(settings_type, setting.name))
            for setting in fields_of(settings_type)
        ]
        if name in JOBS:
            parameters.append(_save_recipe_option())
        return GroupedCommand(
            name,
            callback=callback,
            params=parameters,
            help=_help_of(function),
            context_settings={"help_option_names": ["--help"], "max_content_width": 110},
        )

    return decorate


def _settings_of(settings_type: type[S], command: str, values: Mapping[str, Any]) -> S:
    """The settings; what is wrong with one is said of the option as it was typed."""
    try:
        return settings_type(**values)
    except OptionError as error:
        raise UsageError(f"{typed_name(command, error.name)} {error.trouble}") from error


def typed_name(command: str, name: str) -> str:
    """What somebody gave an option by: its flag, its variable, or its key in a recipe."""
    source = click.get_current_context().get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        return next(
            (one for one in variables(command, name) if one in os.environ), variables(command, name)[-1]
        )
    if source is ParameterSource.DEFAULT_MAP:
        return f"{name} in the recipe"
    typed = (one.opts for one in click.get_current_context().command.params if one.name == name)
    flags_of = [flag for flag in next(typed, []) if flag.startswith("--")]
    return flags_of[0] if flags_of else f"--{name.replace('_', '-')}"


def _warn_of_unknown_variables() -> None:
    """Warn of variables that are called like ours and are none: mistyped, most likely."""
    commands = {*COMMANDS, *_INNER_COMMANDS}
    names = {setting.name.upper() for job in _all_settings(Settings) for setting in fields_of(job)}
    for variable in sorted(os.environ):
        if not variable.startswith(_VARIABLE):
            continue
        name = variable.removeprefix(_VARIABLE)
        command, _, of_command = name.partition("_")
        if name not in names and not (command.lower() in commands and of_command in names):
            logger.warning("the variable %s is no option%s", variable, _nearest_variable(name, names))


def _nearest_variable(name: str, names: Iterable[str]) -> str:
    return nearest(f"{_VARIABLE}{name}", [f"{_VARIABLE}{known}" for known in names])


def _all_settings(settings: type[Settings]) -> Iterator[type[Settings]]:
    """The settings of all jobs."""
    for below in settings.__subclasses__():
        yield below
        yield from _all_settings(below)


def _help_of(function: Callable[..., ExitCode]) -> str:
    """A function's docstring as click wants it: its mark above lines that are not to be filled."""
    return inspect.cleandoc(function.__doc__ or "").replace("\\b\n", "\b\n")


def prepare_process(settings: Settings) -> None:
    """What settings ask of the process itself: where it logs, and its priority.

    Raises:
        UsageError: the log file is a picture or film, or the current folder is gone.
        OutputError: it cannot be written.
    """
    try:
        os.getcwd()  # noqa: PTH109 (asked for its error alone)
    except FileNotFoundError as error:
        # Worker processes would not start, nor relative paths lead anywhere.
        raise UsageError("the current folder is gone; change to one that is there and run again") from error
    if isinstance(settings, OutputOptions):
        refuse_scan_as_target(settings.log_file)
        set_up_logging(settings)
    if isinstance(settings, SchedulingOptions) and settings.nice and hasattr(os, "nice"):
        os.nice(settings.nice)


def given_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that somebody gave, by whatever way; a dry run is not kept."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in values.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT and name != "dry_run"
    }


def _save_recipe_option() -> click.Option:
    """`--save-recipe FILE`."""
    return GroupedOption(
        ["--save-recipe", "save_recipe_to"],
        group="Reports",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Also write these options as a recipe for `archivecolor run`; not in a dry run.",
    )


def parameter(command: str, setting: SettingField, value_type: ValueType, group: str) -> click.Parameter:
    """One option or argument of `command`."""
    spec = option_of(setting)
    required = setting.default is dataclasses.MISSING
    common: dict[str, Any] = {
        "type": _click_type(spec, value_type),
        "required": required,
        "envvar": variables(command, setting.name),
        "shell_complete": completion_of(setting.name, spec),
    }
    if not required:
        common["default"] = setting.default
    if spec.argument:
        return click.Argument(
            [setting.name],
            nargs=-1 if value_type.many else 1,
            metavar=_argument_name(setting, value_type),
            help=spec.help,
            **common,
        )
    return GroupedOption(
        flags(setting.name, spec, value_type),
        group=group,
        common=spec.common,
        multiple=value_type.many,
        metavar=_metavar_of(spec, value_type),
        help=_option_help(spec, setting, value_type),
        **common,
    )


def _metavar_of(spec: Option, value_type: ValueType) -> str | None:
    """How help shows an option's value; click itself shows choices, and switches have none."""
    if spec.choices or value_type.base is bool:
        return None
    of_unit = {SECONDS: "TIME", GIGABYTES: "SIZE", MEGABYTES: "SIZE"} if value_type.base is float else {}
    return of_unit.get(spec.unit, _METAVARS[value_type.base])


def _option_help(spec: Option, setting: SettingField, value_type: ValueType) -> str:
    """What help says of an option; click itself says that one is required."""
    if value_type.base is bool or setting.default is dataclasses.MISSING:
        return spec.help
    return f"{spec.help} {option_facts(spec, setting)}".strip()


def _argument_name(setting: SettingField, value_type: ValueType) -> str:
    """How help shows a positional argument, with dots where any number of them is taken."""
    name = {"input": "IN", "output": "OUT"}.get(setting.name, setting.name.upper())
    return f"{name}..." if value_type.many else name


def flags(name: str, spec: Option, value_type: ValueType) -> list[str]:
    """The spellings of an option, and the name of its value."""
    long = f"--{spec.flag or name.replace('_', '-')}"
    if value_type.base is bool:
        long = f"{long}/--no-{name.replace('_', '-')}"
    return [name, long, *([f"-{spec.short}"] if spec.short else [])]


def variables(command: str, name: str) -> list[str]:
    """The environment variables of an option, the narrower one first."""
    return [f"{_VARIABLE}{command}_{name}".upper(), f"{_VARIABLE}{name}".upper()]


def _click_type(spec: Option, value_type: ValueType) -> click.ParamType[Any]:
    """How click reads one value."""
    if spec.choices:
        return ClosedChoice(spec.choices)
    if value_type.base is Path:
        # A photograph that may not be read costs itself alone, as it does in a folder.
        return TypedPath(spec.kind != "photographs")
    if value_type.base is float:
        return HumanNumber(spec.unit)
    types: dict[type, click.ParamType[Any]] = {bool: click.BOOL, int: WholeNumber(), str: click.STRING}
    return types[value_type.base]


class HumanNumber(click.ParamType[float]):
    """A number as people write it.

    Args:
        unit: of a bare one.
    """

    name = "number"

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        if isinstance(value, (int, float)):
            return float(value)
        try:
            return parse_number(str(value), self.unit)
        except ValueError as error:
            return self.fail(f"is {value}; {error}", param, ctx)


class WholeNumber(click.ParamType[int]):
    """A whole number."""

    name = "integer"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            return int(str(value))
        except ValueError:
            return self.fail(f"is {value}; it must be a whole number", param, ctx)


class TypedPath(click.Path):
    """A path; a slash at its end says that it is a folder's.

    Args:
        is_to_be_readable: one that may not be read is refused.
    """

    def __init__(self, is_to_be_readable: bool) -> None:
        super().__init__(path_type=Path, readable=False)
        self._is_to_be_readable = is_to_be_readable

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        path = super().convert(value, param, ctx)
        if self._is_to_be_readable and os.path.exists(path) and not os.access(path, os.R_OK):  # noqa: PTH110
            self.fail(
                f"{printable(os.fsdecode(path))} may not be read by this user; check its permissions",
                param,
                ctx,
            )
        return typed_path(value) if isinstance(value, str) else path


class ClosedChoice(click.Choice):  # type: ignore[type-arg]
    """One of a closed set of words; a mistyped one is told the nearest."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word itself."""
        if value in self.choices:
            return value
        words = [str(word) for word in self.choices]
        return self.fail(
            f"is {value}; choose one of {', '.join(words)}{nearest(str(value), words)}", param, ctx
        )
