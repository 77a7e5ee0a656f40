"""`archivecolor models`: networks and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import json_text, printable
from archivecolor.settings import ModelsSettings


@command_for(ModelsSettings, "models")
def command(settings: ModelsSettings) -> ExitCode:
    """Show what CHECKPOINTS say of themselves, or the built-in weights and the networks there are."""
    from archivecolor.jobs.models import describe, networks

    for card in describe(settings.checkpoints):
        if settings.json:
            click.echo(json_text(card.as_dict()))
            continue
        click.echo(printable(f"{card.title}  {card.path}"))
        click.echo(f"  network {card.network}, {card.nbytes / 1e6:.1f} MB, sha256 {card.digest}")
        for name, value in card.facts.items():
            click.echo(printable(f"  {name}: {_words(value)}"))
    if not settings.checkpoints and not settings.json:
        click.echo(f"networks: {', '.join(networks())}")
    return ExitCode.OK


def _words(value: object) -> str:
    """A value on one line, as people write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
