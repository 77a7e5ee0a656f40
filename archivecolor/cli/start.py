"""Where the `archivecolor` program begins: with little loaded, so that Ctrl-C is quiet at once."""

import signal


def main() -> int:
    """Load the commands and run one; returns the exit code.

    Loading them takes tenths of a second. Nothing has begun until then, so Ctrl-C may end the process as the
    system does it, where Python would show in which module it was.
    """
    is_python = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_python:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from archivecolor.cli.main import main as run_command

    if is_python:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run_command()
