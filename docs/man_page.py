"""Writes the man page and the shell completions, beside this file, from the commands' own definitions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from archivecolor.cli.main import group

HERE = Path(__file__).parent
PAGE = HERE / "archivecolor.1"
PROJECT = HERE.parent / "pyproject.toml"
ENVIRONMENT = """Every option may also stand in the environment, ARCHIVECOLOR_WORKING_SIZE for \
--working-size of all commands, ARCHIVECOLOR_DIR_WORKING_SIZE for that of dir alone. The command line \
wins over the environment, the environment over a recipe (archivecolor run), the recipe over the default. \
Several values are separated by spaces, several paths by colons."""
FILES = {
    "OUT/_archivecolor/manifest.jsonl": "One JSON line per item and attempt; the newest one counts.",
    "OUT/_archivecolor/manifest-sha256.txt": "SHA-256 of every output, as sha256sum reads it.",
    "OUT/_archivecolor/decisions.jsonl": "What people decided; the newest line that names an item counts.",
    "OUT/_archivecolor/previews/": "Parts of films, made by video --from, --to and --only-shots to look at.",
    "OUT/_archivecolor/run.json": "The last run: command, options, versions, counts, times, exit code.",
    "OUT/_archivecolor/lock": "Who holds OUT, while a run does.",
    "OUT/_archivecolor/premis/": "A PREMIS file for every output, with --premis.",
    "OUT/data/": "With --bag the tree and its _archivecolor lie here, and OUT is a BagIt bag.",
}


def page() -> str:
    """The man page in roff."""
    return "\n".join(lines()) + "\n"


def lines() -> Iterator[str]:
    """The man page, line by line."""
    version = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    yield f'.TH ARCHIVECOLOR 1 "" "archivecolor {version}" "User Commands"'
    yield from (".SH NAME", roff("archivecolor - colour for grey photographs and black-and-white films"))
    yield from (".SH SYNOPSIS", ".B archivecolor", roff("COMMAND [OPTIONS] ..."))
    yield from (".SH DESCRIPTION", *paragraphs(group.help or ""), ".SH COMMANDS")
    for name in group.list_commands(click.Context(group)):
        yield from command_lines(group.get_command(click.Context(group), name), f"archivecolor {name}")
    yield from (".SH ENVIRONMENT", roff(ENVIRONMENT), ".SH FILES")
    for path, meaning in FILES.items():
        yield from (".TP", f".I {roff(path)}", roff(meaning))
    yield ".SH EXIT STATUS"
    for code, meaning in exit_codes():
        yield from (".TP", f".B {code}", roff(meaning))


def command_lines(command: click.Command | None, words: str) -> Iterator[str]:
    """One command with its options; those of its own commands where it has some."""
    assert command is not None
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from command_lines(inner, f"{words} {name}")
        return
    context = click.Context(command, info_name=words)
    yield from (f'.SS "{roff(" ".join([words, *command.collect_usage_pieces(context)]))}"',)
    yield from paragraphs(command.help or "")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield from (".TP", f".B {roff(record[0])}", roff(record[1]))


def paragraphs(text: str) -> Iterator[str]:
    """Help as click takes it: paragraphs are filled, but for those under its mark."""
    for block in text.split("\n\n"):
        mark, _, rest = block.partition("\n")
        if mark.strip() == "\b":
            yield from (".PP", ".nf", *(roff(line) for line in rest.splitlines()), ".fi")
        else:
            yield from (".PP", roff(" ".join(block.split())))


def exit_codes() -> list[tuple[str, str]]:
    """Every exit code with its meaning, from the operators' page."""
    text = (HERE / "operators.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    return [(code, meaning.replace("`", "")) for code, meaning in rows]


def roff(text: str) -> str:
    """`text` as one line of roff that shows it as it is."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def completions() -> dict[Path, str]:
    """The completion script of every shell by its file, which a wheel carries to where shells look."""
    scripts = {}
    for shell, name in {"bash": "archivecolor", "zsh": "_archivecolor", "fish": "archivecolor.fish"}.items():
        completion = get_completion_class(shell)
        assert completion is not None
        written = completion(group, {}, "archivecolor", "_ARCHIVECOLOR_COMPLETE")
        # Not its own `source`, which asks the bash of this machine for its version.
        scripts[HERE / "completions" / shell / name] = completion.source_template % written.source_vars()
    return scripts


if __name__ == "__main__":
    for path, text in {PAGE: page(), **completions()}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
