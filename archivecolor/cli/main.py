"""The `archivecolor` command: its subcommands, loaded late, and the one place that sets exit codes."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import signal
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from archivecolor.cli.commands import COMMANDS
from archivecolor.cli.streams import patient_streams
from archivecolor.engine.programs import leave_out_current_folder
from archivecolor.engine.stopping import EXIT_CODES
from archivecolor.errors import ArchivecolorError, ExitCode, OutputError, UsageError
from archivecolor.printable import printable_lines, quoted
from archivecolor.settings import nearest
from archivecolor.version import program_version

logger = logging.getLogger(__name__)
# Errors are shown by `_print_error`; without a log nothing else should speak of them.
logging.getLogger("archivecolor").addHandler(logging.NullHandler())


# Characters of a long message, from its start and from its end: a value in it may be a page of text.
_SHOWN_ENDS = (1000, 500)


class LazyGroup(click.Group):
    """Subcommands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name == "help":
            return help_command
        command: click.Command = importlib.import_module(f"archivecolor.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with; a file's own is found, a mistyped one is told the nearest."""
        job = None if args[0] in COMMANDS else _job_of_path(Path(args[0]))
        if job is not None:
            args = [job, *args]
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if close and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {quoted(args[0])}; did you mean {quoted(close[0])}?")
        return super().resolve_command(ctx, args)


def _job_of_path(path: Path) -> str | None:
    """The command that colours the file `path`; None where there is none.

    Raises:
        UsageError: it is a folder, of which nobody says where its colour goes; or it could be anything.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; for its photographs: archivecolor dir {path} OUT")
    if not path.is_file():
        return None
    job = _job_of_name(path.name)
    if job is None:
        raise UsageError(
            f"{path} is not called like a photograph or film; if it is one: archivecolor photo {path},"
            f" or archivecolor video {path}"
        )
    return job


def _job_of_name(name: str) -> str | None:
    """The command that colours files of such a name."""
    from archivecolor.archive.walk import FILMS, PICTURES, extension_of

    kind = extension_of(os.fsencode(name))
    if kind in FILMS:
        return "video"
    return "photo" if kind in PICTURES else None


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the version and end, if wanted."""
    if wanted:
        click.echo(f"archivecolor {program_version()}")
        context.exit()


def _show_help(context: click.Context, words: tuple[str, ...]) -> None:
    """Print what there is to know of a command, or one within it, or a topic."""
    from archivecolor.cli.topics import TOPICS

    above = context.parent or context
    topic, *inner = " ".join(words).split() or [""]
    if not topic:
        click.echo(group.get_help(above))
        click.echo(f"\nTopics: {', '.join(TOPICS)} (archivecolor help TOPIC)")
    elif topic in TOPICS and not inner:
        click.echo(TOPICS[topic]())
    elif (command := group.get_command(above, topic)) is not None:
        _show_help_of(click.Context(command, info_name=topic, parent=above), inner)
    else:
        near = nearest(topic, (*TOPICS, *COMMANDS))
        raise UsageError(f"there is no help on {quoted(topic)}{near}; archivecolor help lists what there is")


def _show_help_of(context: click.Context, inner: Sequence[str]) -> None:
    """Print the help of a command, or of the one within it that `inner` names."""
    command = context.command
    if not inner:
        click.echo(command.get_help(context))
        return
    below = command.get_command(context, inner[0]) if isinstance(command, click.Group) else None
    if below is None:
        raise UsageError(f"there is no command {quoted(inner[0])} in {context.command_path}")
    _show_help_of(click.Context(below, info_name=inner[0], parent=context), inner[1:])


def _complete_topic(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Topics and commands, when somebody asks a shell for them."""
    from archivecolor.cli.completion import completion_of_topics
    from archivecolor.cli.topics import TOPICS

    return completion_of_topics((*TOPICS, *COMMANDS))(context, parameter, typed)


help_command = click.Command(
    "help",
    callback=click.pass_context(_show_help),
    params=[click.Argument(["words"], nargs=-1, metavar="[TOPIC]", shell_complete=_complete_topic)],
    help="Tell of a command, or of exit-codes, formats, recipes or variables.",
)
group = LazyGroup(
    "archivecolor",
    params=[
        click.Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        )
    ],
    help="Put colour into grey photographs and black-and-white films, and never touch their grey.",
    epilog="`archivecolor COMMAND -h` shows what matters most, --help all. Every option may also stand in"
    " a recipe (`archivecolor run`) or in a variable such as ARCHIVECOLOR_WORKING_SIZE.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    Everything that goes wrong ends here as one line on standard error.
    """
    with patient_streams() as standard_output:
        code = _run_command(arguments)
        try:
            standard_output.finish()
        except OutputError as error:
            return max(code, exit_code_for(error))
        return code


def _run_command(arguments: Sequence[str] | None) -> int:
    """Run one command; returns the exit code."""
    words = None if arguments is None else list(arguments)
    # Before torch and numpy are there: their threads would spin while they wait, on cores that have work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2 to the power of so many cycles
    leave_out_current_folder()
    try:
        result = group.main(words, prog_name="archivecolor", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort) as error:
        _print_error("archivecolor: stopped at once; the same command goes on where it left off")
        return _exit_code_of_stop(error)
    except Exception as error:  # noqa: BLE001 - the process edge
        return exit_code_for(error)
    finally:
        if arguments is None:
            _ignore_signals()
    return int(result) if isinstance(result, int) else ExitCode.OK


def _exit_code_of_stop(error: BaseException) -> int:
    """The code that the second signal brought with it (see `Stop.request`); that of Ctrl-C without one."""
    # click puts its Abort in place of what it caught.
    interrupt = error.__cause__ or error
    asked = isinstance(interrupt, KeyboardInterrupt) and interrupt.args
    return int(asked[0]) if asked else ExitCode.INTERRUPTED


def _ignore_signals() -> None:
    """Take no more signals: the process ends, and one that came late would spoil only that."""
    for number in EXIT_CODES:
        signal.signal(number, signal.SIG_IGN)


def exit_code_for(error: Exception) -> int:
    """Tell people of `error` in one line, and give the exit code it means."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):  # its message is the whole help
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    if isinstance(error, click.ClickException):
        _print_error(f"archivecolor: error: {_usage_trouble(error)}")
        return ExitCode.USAGE
    if (unreadable := _unreadable_record(error)) is not None:
        error = unreadable
    if isinstance(error, ArchivecolorError):
        _print_error(f"archivecolor: error: {error}")
        # An error of our own says it all, but for what it was made from.
        logger.error("ended by an error: %s", error, exc_info=error.__cause__, extra={"shown": True})
        return error.exit_code
    _report_fault(error)
    return ExitCode.FAULT


def _unreadable_record(error: Exception) -> OutputError | None:
    """What is to be said of a record of an output (the manifest, decisions) that another user made."""
    from archivecolor.archive.layout import STATE_FOLDER

    if not isinstance(error, PermissionError) or not isinstance(error.filename, (str, bytes, os.PathLike)):
        return None
    path = Path(os.fsdecode(error.filename))
    if STATE_FOLDER not in path.parts:
        return None
    told = OutputError(
        f"{path} may not be read by this user; work as the user who made it, or have it made readable"
    )
    told.__cause__ = error
    return told


def _usage_trouble(error: click.ClickException) -> str:
    """What is wrong with a command line, said of the option as it was typed."""
    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    text = text[:1].lower() + text[1:]
    if isinstance(error, click.MissingParameter):
        text += _file_for_folder(context)
    elif isinstance(error, click.NoSuchOption):
        name = _file_like(error.option_name)
        near = nearest(error.option_name, error.possibilities or ())
        hint = f"; the file is given as {quoted(f'./{name}')}" if name else near
        text = f"no such option {quoted(error.option_name)}{hint}"
    elif isinstance(error, click.BadParameter) and error.param is not None and context is not None:
        with context.scope(cleanup=False):
            from archivecolor.cli.options import typed_name

            name = str(error.param.name)
            option = isinstance(error.param, click.Option)
            what = typed_name(str(context.command.name), name) if option else error.param.human_readable_name
            text = f"{what} {error.message}"
    return f"{text} ({context.command_path} -h tells more)" if context is not None else text


def _file_for_folder(context: click.Context | None) -> str:
    """What is to be typed for the file that `dir` was given alone; empty without one."""
    given = context.params.get("input") if context is not None and context.command.name == "dir" else None
    job = _job_of_name(given.name) if isinstance(given, Path) and given.is_file() else None
    return f"; for the file {given}: archivecolor {job} {given}" if job else ""


def _file_like(option: str) -> str:
    """The first file of the current folder whose name begins like `option`; empty without one."""
    return min((name for name in os.listdir() if name.startswith(option)), default="")  # noqa: PTH208


def _report_fault(error: Exception) -> None:
    """One line for people; the traceback goes to the log and to a file that can be sent."""
    logger.error("a fault of the program", exc_info=error, extra={"shown": True})
    lines = "".join(traceback.format_exception(error))
    try:
        handle, path = tempfile.mkstemp(prefix="archivecolor-fault-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(lines)
    except OSError:  # no room, no right to write: people get it here
        _print_error(lines.rstrip().replace("\n", "\n  "))
        path = "the lines above"
    _print_error(
        f"archivecolor: fault of the program: {type(error).__name__}: {error}"
        f" (please report it with {path} and the command you typed)"
    )


def _print_error(text: str) -> None:
    """One line on standard error, or a few; nothing in it steers the terminal, or fills it."""
    if len(text) > sum(_SHOWN_ENDS):
        text = f"{text[: _SHOWN_ENDS[0]]} ... {text[-_SHOWN_ENDS[1] :]}"
    click.echo(printable_lines(text), err=True)
