"""An application served on this machine alone, until it is stopped."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ExitCode, UnavailableError
from archivecolor.settings import PageOptions
from archivecolor.web.gate import Door, Gate
from archivecolor.web.pages import MISSING, environment

if TYPE_CHECKING:
    from starlette.types import ASGIApp

logger = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 2
_BACKLOG = 1024


def check_installed() -> None:
    """See that what serves pages is there.

    Raises:
        UnavailableError: it is not; the message has the line to type.
    """
    environment()
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise UnavailableError(MISSING.format(name=error.name)) from error


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on this machine's own address.

    Raises:
        UnavailableError: another program has the port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise UnavailableError(f"port {port} cannot be had ({error.strerror}); choose another") from error
        yield listener


def door_of(options: PageOptions, listener: socket.socket, upload_bytes: int = 0) -> Door:
    """What lets a request in to what listens there."""
    root_path = "/" + options.root_path.strip("/") if options.root_path.strip("/") else ""
    return Door(
        listener.getsockname()[1],
        tuple(host.lower() for host in options.allow_host),
        root_path,
        upload_bytes=upload_bytes,
        body_seconds=options.body_timeout,
    )


def _open_browser(address: str) -> None:
    """Open an address in the browser that people have, whose own messages are not ours to show."""
    program = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
    command = [sys.executable, "-I", "-c", program, address]
    null = subprocess.DEVNULL
    if subprocess.run(command, check=False, stdin=null, stdout=null, stderr=null).returncode:
        logger.warning("no browser could be opened here; open the address above")


def serve(
    app: ASGIApp, door: Door, listener: socket.socket, on_ready: Callable[[str], None], *, open: bool
) -> ExitCode:
    """Answer until Ctrl-C or SIGTERM, which the exit code tells of.

    Args:
        app: the application.
        door: what lets a request in.
        listener: where.
        on_ready: told the address that people open.
        open: open it in the browser.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready(door.address)
            if open:
                threading.Thread(target=_open_browser, args=(door.address,), daemon=True).start()

        def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
            return nullcontext()  # ours leave time to put things in order

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or stop.requested

    config = uvicorn.Config(
        Gate(app, door),
        http="h11",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        root_path=door.root_path,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    with stop_on_signals(Stop()) as stop:
        Server(config).run([listener])
        return stop.exit_code or ExitCode.OK
