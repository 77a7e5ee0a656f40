"""Colour a folder and follow the progress: python folder_with_progress.py scans/ coloured/."""

import sys

import archivecolor


def show(event: archivecolor.ItemEvent, progress: archivecolor.Progress) -> None:
    """One line per picture: what became of it, and how far the run is."""
    print(f"{progress.settled}/{progress.total}  {event.path}: {event.reason}")


if __name__ == "__main__":
    ending = archivecolor.colour_folder(sys.argv[1], sys.argv[2], on_item=show, jobs=2)
    print(f"{ending.progress.done} coloured, {ending.progress.failed} failed")
    sys.exit(ending.exit_code)
