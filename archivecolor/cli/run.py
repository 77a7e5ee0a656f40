"""`archivecolor run`: a job from a recipe."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from archivecolor.cli.completion import completion_of_files
from archivecolor.errors import ExitCode, UsageError
from archivecolor.recipe import JOBS, Recipe, load_recipe


@click.command(
    "run",
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": ["-h", "--help"],
    },
)
@click.argument(
    "recipe",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    shell_complete=completion_of_files("recipe"),
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF THE JOB]")
def command(recipe: Path, arguments: tuple[str, ...]) -> ExitCode:
    """Run the job that a recipe describes.

    Options of the job may follow and win over the recipe, such as --dry-run, --limit 5 or -q.
    A dry run checks the recipe and says what would be done.
    """
    loaded = load_recipe(recipe)
    job: click.Command = importlib.import_module(f"archivecolor.cli.{loaded.job}").command
    words = list(arguments)
    can_dry_run = any(parameter.name == "dry_run" for parameter in job.params)
    only_check = "--dry-run" in words and not can_dry_run
    if only_check:
        words.remove("--dry-run")
    with _context(job, loaded, words) as context:
        if only_check:
            values = {name: value for name, value in context.params.items() if name != "save_recipe_to"}
            JOBS[loaded.job](**values)
            click.echo(f"{recipe}: a valid recipe for {loaded.job}; nothing was done", err=True)
            return ExitCode.OK
        exit_code: ExitCode = job.invoke(context)
        return exit_code


def _context(job: click.Command, recipe: Recipe, words: list[str]) -> click.Context:
    """The context of a job with the options of its recipe and, before them, those that were typed.

    Raises:
        UsageError: neither has what the job needs.
    """
    try:
        return job.make_context(f"archivecolor run {recipe.path}", words, default_map=dict(recipe.values))
    except click.MissingParameter as error:
        if error.param is None:
            raise
        name = error.param.name
        raise UsageError(
            f"{recipe.path}: [{recipe.job}] has no {name}; write {name} = ... into it"
        ) from error
