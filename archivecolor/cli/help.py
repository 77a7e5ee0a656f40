"""Help in two lengths: `-h` shows the options that matter most, `--help` all of them in groups."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import click

GROUPS = ("Input", "Output", "Colour", "Film", "Machine", "Reports", "Options")
# Where there are no more than these, short help shows all.
FEW = 14
_CLAUSE_COLUMNS = 37
# A dot within a word, as in index.html, ends nothing; what stands in brackets is for the long help.
_FIRST_CLAUSE = re.compile(r"([^:;.]|\.(?=\w))+")
_BRACKETS = re.compile(r" \([^)]*\)")


class GroupedOption(click.Option):
    """An option that knows where help shows it.

    Args:
        words: as click takes them.
        group: one of `GROUPS`.
        common: short help shows it.
        attributes: as click takes them.
    """

    def __init__(
        self, words: Sequence[str], group: str = "Options", common: bool = False, **attributes: object
    ) -> None:
        super().__init__(words, **attributes)  # type: ignore[arg-type] # handed on
        self.group = group
        self.common = common

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Spelling and meaning; the `--no-` of a switch goes without saying."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        return record[0].partition(" / --no-")[0], record[1]

    def short_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Spelling and the first clause of the meaning, for one line."""
        record = self.get_help_record(ctx)
        if record is None:
            return None
        match = _FIRST_CLAUSE.match(_BRACKETS.sub("", self.help or ""))
        clause = match[0].strip() if match else ""
        return record[0], clause if len(clause) <= _CLAUSE_COLUMNS else clause.partition(",")[0]


class GroupedCommand(click.Command):
    """A command whose options stand in groups, with a short help of its own."""

    def __init__(self, name: str, **attributes: object) -> None:
        super().__init__(name, **attributes)  # type: ignore[arg-type] # handed on
        self.params.append(
            click.Option(
                ["-h", "short_help_wanted"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_short_help,
                help="Show the options that matter most.",
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All options, under their headings."""
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            # click itself tells of arguments.
            if record is not None and isinstance(parameter, click.Option):
                group = parameter.group if isinstance(parameter, GroupedOption) else "Reports"
                groups[group].append(record)
        for group in GROUPS:
            if groups[group]:
                with formatter.section(group):
                    formatter.write_dl(groups[group])
        formatter.write_paragraph()
        formatter.write_text(
            "Every switch --x has a --no-x, which wins over a recipe or a variable. "
            "More: archivecolor help recipes, formats, figures, variables, exit-codes."
        )

    def short_help_text(self, ctx: click.Context) -> str:
        """Usage, one sentence, and the options that matter most, one line each."""
        options = [one for one in self.get_params(ctx) if isinstance(one, GroupedOption)]
        shown = options if len(options) <= FEW else [one for one in options if one.common]
        formatter = ctx.make_formatter()
        self.format_usage(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(next(iter((self.help or "").split("\n\n")), ""))
        formatter.write_paragraph()
        order = sorted(shown, key=lambda one: GROUPS.index(one.group))
        records = [record for one in order if (record := one.short_record(ctx)) is not None]
        formatter.write_dl(records, col_max=40)
        formatter.write_paragraph()
        more = f"shows all {len(options)} options" if len(shown) < len(options) else "tells more of each"
        formatter.write_text(f"--help {more}, with examples.")
        return formatter.getvalue().rstrip("\n")


def _show_short_help(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        assert isinstance(context.command, GroupedCommand)
        click.echo(context.command.short_help_text(context))
        context.exit()
