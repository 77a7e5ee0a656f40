"""What `archivecolor help TOPIC` shows."""

from __future__ import annotations

from collections.abc import Callable

from archivecolor.errors import ExitCode

EXIT_CODES = {
    ExitCode.OK: "all done, up to date or skipped for a stated reason; or the time limit reached cleanly",
    ExitCode.FAULT: "a fault of the program; the message names a file to report",
    ExitCode.USAGE: "a wrong command line, recipe or option; nothing was done",
    ExitCode.SOME_FAILED: "finished, some items failed, in this run or before",
    ExitCode.UNAVAILABLE: "the device, the weights or a needed program is missing: archivecolor doctor",
    ExitCode.OUTPUT: "the output cannot be written; what is finished is safe",
    ExitCode.VERIFY: "verify found faults",
    ExitCode.TOO_MANY_FAILURES: "more items failed than --max-failures allows",
    ExitCode.INPUT: "the input has lost all that it held: is its disk mounted?",
    ExitCode.DIVERGED: "a training diverged; what it saved before is safe",
    ExitCode.LOCKED: "another run holds the output",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C; the same command goes on",
    ExitCode.TERMINATED: "stopped by SIGTERM; the same command goes on",
}
FORMATS = """Photographs, read and written: {written}.
Read alone: {read}; they become PNG.
HEIC wants the extra of that name; of TIFF all pages are coloured, of PSD the flat picture.
JPEG: a grey one keeps its luma as it is stored; all others but JPEG keep every luma code, at 8 and 16 bits.

Films: whatever FFmpeg reads. Written: h264, h265 (for looking at), ffv1 (every luma code), prores, dnxhr;
into MP4, Matroska or QuickTime. Sound and all else is copied; what a container cannot hold is told."""
RECIPES = """A recipe is a job's options in a file:

    archivecolor dir scans/ coloured/ -q --save-recipe nightly.toml
    archivecolor run nightly.toml
    archivecolor run nightly.toml --dry-run --limit 20

Paths in it are relative to the file. An option on the command line wins over a variable, a variable over
the recipe, the recipe over the default. --save-recipe writes every option, with its meaning."""
VARIABLES = """Every option may stand in a variable:

    ARCHIVECOLOR_WORKING_SIZE=320         for all commands
    ARCHIVECOLOR_DIR_WORKING_SIZE=320     for one of them, wins over the other

Several values are separated by spaces, several paths as in PATH. A switch takes 1 or 0."""

FIGURES = """What `archivecolor evaluate` prints, a row each. "grey" and "one warm tint" stand in for no
network at all: one that does not leave them behind has learnt nothing.

CIEDE2000                how far colours are from the truth; less is better, and it flatters grey
PSNR, SSIM               likeness to the true picture; more is better, and they flatter grey even more
colourfulness            how much colour there is, not whether it is right
of the truth's           the same, where the true pictures have 1
dE@0.6, @0.8, @1.0       CIEDE2000 at so much of the truth's colourfulness: the fair figure; less is better
skin, of the truth's     how much colour skin has, where true skin has 1
confidence: rank corr.   whether the surest pictures are the best: 1 is perfect, 0 no help
confidence: of regions   the same of regions of pictures
confidence: worst found  how many of the worst tenth are in the tenth with least confidence; 0.10 by chance
doubt: ...               the same of `doubt`, by which lists are sorted
doubt: palest surest     how many of the palest tenth are in the tenth with least doubt; 0 is right
img/s                    pictures a second, on this machine

More, and what each hides: docs/metrics.md."""


def _exit_codes() -> str:
    return "\n".join(f"{code.value:>3}  {meaning}" for code, meaning in EXIT_CODES.items())


def _formats() -> str:
    from archivecolor.photo.containers.registry import FORMATS as CONTAINERS
    from archivecolor.photo.containers.registry import WRITABLE

    written = ", ".join(container.title for container in WRITABLE.values())
    read = ", ".join(container.title for container in CONTAINERS if container.name not in WRITABLE)
    return FORMATS.format(written=written, read=read)


# Made when it is asked for: formats are those of the readers, which take a moment to load.
TOPICS: dict[str, Callable[[], str]] = {
    "exit-codes": _exit_codes,
    "figures": lambda: FIGURES,
    "formats": _formats,
    "recipes": lambda: RECIPES,
    "variables": lambda: VARIABLES,
}
