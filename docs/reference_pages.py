"""The pages of the documentation that are made from the program itself: options, exit codes, reasons."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from archivecolor.cli.help import GROUPS, GroupedOption
from archivecolor.cli.main import group
from archivecolor.cli.options import variables

HERE = Path(__file__).parent


def options_page() -> str:
    """Every command with its options, under the headings that help has."""
    return "\n".join(_options_lines()) + "\n"


def _options_lines() -> Iterator[str]:
    yield from ("# Options", "")
    yield (
        "Made from the program's own settings. Every option may also stand in a recipe, under its name with "
        "underscores, and in a variable: `ARCHIVECOLOR_WORKING_SIZE` for all commands, "
        "`ARCHIVECOLOR_DIR_WORKING_SIZE` for one. The command line wins over variables, those over the "
        "recipe, and every switch `--x` has a `--no-x`."
    )
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield from _command_lines(command, f"archivecolor {name}")


def _command_lines(command: click.Command, words: str) -> Iterator[str]:
    """One command; those of its own commands where it has some."""
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command_lines(inner, f"{words} {name}")
        return
    context = click.Context(command, info_name=words)
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    yield from ("", f"## {words}", "", "```", usage, "```", "")
    for block in (command.help or "").split("\n\n"):
        mark, _, rest = block.partition("\n")
        if mark.strip() == "\b":
            yield from ("```", *(line.removeprefix("  ") for line in rest.splitlines()), "```", "")
        else:
            yield from (_plain(" ".join(block.split())), "")
    rows: dict[str, list[str]] = defaultdict(list)
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, GroupedOption) and record is not None:
            name = variables(words.rpartition(" ")[2], str(parameter.name))[-1]
            variable = f"`{name}`" if parameter.envvar else ""
            rows[parameter.group].append(f"| `{record[0]}` | {_plain(record[1])} | {variable} |")
    for heading in GROUPS:
        if rows[heading]:
            yield from (f"### {heading} {{ #{words.replace(' ', '-')}-{heading.lower()} }}", "")
            yield from ("| option | meaning | variable |", "|---|---|---|", *rows[heading], "")


def _plain(text: str) -> str:
    """`text` as Markdown that shows it as it is, options as code."""
    return re.sub(r"(?<![\w-])(--[a-z][\w-]*)", r"`\1`", re.sub(r"([|<>*_\[\]\\])", r"\\\1", text))


def exit_codes_page() -> str:
    """Exit codes and reasons, as the operators' page has them: one place says what each means."""
    text = (HERE / "operators.md").read_text(encoding="utf-8")
    codes, reasons = (_table(text, head) for head in ("| code |", "| reason |"))
    return (
        "# Exit codes and reasons\n\nStable and public: never renamed without a version that says so.\n\n"
        f"{codes}\n\n## Reasons of failed items\n\n{reasons}\n"
    )


def _table(text: str, head: str) -> str:
    """The table of a page that begins so, its links leading back to that page."""
    start = text.index(head)
    table = text[start:].partition("\n\n")[0]
    return table.replace("](#", "](../operators.md#")


def api_page() -> str:
    """The public names, from their docstrings."""
    from archivecolor import api

    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name in api.__all__:
        found = getattr(api, name)
        if getattr(found, "__name__", name) != name:
            continue  # the name that an earlier version had
        error = isinstance(found, type) and issubclass(found, Exception)
        kinds["Errors" if error else "Classes" if isinstance(found, type) else "Functions"].append(name)
    lines = ["# The public functions", "", (api.__doc__ or "").split("\n\n")[-1].replace("\n", " "), ""]
    for kind, names in kinds.items():
        lines += [f"## {kind}", ""]
        for name in names:
            found = getattr(api, name)
            lines += [f"::: {found.__module__}.{name}", ""]
    return "\n".join(lines)
