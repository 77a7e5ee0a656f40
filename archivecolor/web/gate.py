"""Who may ask a served page, and how much: the one place where requests are let in.

    Host      must be one that we serve: a page elsewhere cannot make a name of its own lead here (rebinding)
    token     in the address that was printed; it becomes a cookie that no script and no other site sees
    Origin    of what changes something must be ours, and its body JSON: no form elsewhere can send that
    bodies    are counted and timed

What goes out forbids scripts and styles of others, framing, caching and guessing of types.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT = 80
_JSON_BYTES = 1 << 20
# What has come in earns time for what is still to come.
_LEAST_BYTES_PER_SECOND = 50_000
# How long what is refused may go on being sent before the answer goes out.
_DROP_SECONDS = 2.0
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self' data: blob:; media-src 'self'; style-src 'self'; "
        b"script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
# From the address with the token to the page itself: a cookie that is for this site alone is not sent along
# with a redirect that another one began.
ENTER = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>archivecolor</title>'
    '<link rel="icon" href="data:,"><meta http-equiv="refresh" content="0;url={}"></html>'
)


@dataclass(frozen=True)
class Door:
    """What lets a request in.

    Attributes:
        port: that we listen on.
        hosts: names that a proxy passes on, besides those of this machine, with the port where it has one.
        root_path: below which a proxy serves the page, empty or with a slash in front and none behind.
        token: of the address that is printed.
        cookie: what it becomes.
        upload_bytes: most that a body which is no JSON may have; none is taken where that is 0.
        body_seconds: that a body may take, besides what its size takes on a slow line.
    """

    port: int
    hosts: tuple[str, ...] = ()
    root_path: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    upload_bytes: int = 0
    body_seconds: float = 30.0

    @property
    def address(self) -> str:
        """What people open."""
        return f"http://127.0.0.1:{self.port}{self.root_path}/?token={self.token}"

    @property
    def cookie_name(self) -> str:
        """Cookies know no ports: two pages on one machine have two names."""
        return f"archivecolor-{self.port}"

    def is_host(self, host: str) -> bool:
        """Whether it is a name of ours."""
        if self.port == _HTTP_PORT and host in _LOOPBACK:  # browsers leave it out
            return True
        return host in self.hosts or host in {f"{name}:{self.port}" for name in _LOOPBACK}

    def is_origin(self, origin: str) -> bool:
        """Whether a page of ours sends that."""
        scheme, separator, host = origin.partition("://")
        return bool(separator) and scheme in ("http", "https") and self.is_host(host)


class RefusedError(Exception):
    """A request is not answered.

    Args:
        status: of the answer.
        words: what the answer says.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Gate:
    """Lets requests in to an application, or answers them itself; ASGI.

    Args:
        app: the application.
        door: what lets a request in.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return  # no sockets here
        body = _Body(receive, self._door.body_seconds)
        answer = _Answer(send, body.drop if scope["method"] == "POST" else None)
        try:
            headers = _headers_of(scope)
            self._check(scope, headers)
            if self._enters(scope):
                await answer.text(200, ENTER.format(f"{self._door.root_path}/"), self._cookie())
                return
            self._check_cookie(headers)
            body.limit = self._body_limit(scope, headers)
            await self._app(scope, body.receive, answer.send)
        except RefusedError as refusal:
            await answer.text(refusal.status, refusal.words)
        except Exception as error:
            # The edge of the program: uvicorn tells of nothing, for it also tells of what a stop cut short.
            logger.error("a request failed unexpectedly", exc_info=error)
            raise

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        if not self._door.is_host(headers.get("host", "")):
            raise RefusedError(403, "this host name is not served; --allow-host names others")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise RefusedError(405, "only GET and POST")
        site = headers.get("sec-fetch-site", "none")
        if site not in ("none", "same-origin") and headers.get("sec-fetch-mode", "") != "navigate":
            raise RefusedError(403, "another site asks")
        if scope["method"] == "POST" and not self._door.is_origin(headers.get("origin", "")):
            raise RefusedError(403, "another site asks")

    def _enters(self, scope: Scope) -> bool:
        """Whether the address has the token."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if given is None or scope["method"] != "GET":
            return False
        if not hmac.compare_digest(given[0].encode("utf-8", "replace"), self._door.token.encode()):
            raise RefusedError(401, "this address is not the one that archivecolor printed last")
        return True

    def _cookie(self) -> tuple[bytes, bytes]:
        door = self._door
        value = f"{door.cookie_name}={door.cookie}; HttpOnly; SameSite=Strict; Path={door.root_path}/"
        return b"set-cookie", value.encode()

    def _check_cookie(self, headers: Mapping[str, str]) -> None:
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        given = [value for name, _, value in pairs if name == self._door.cookie_name]
        if not any(
            hmac.compare_digest(value.encode("latin-1"), self._door.cookie.encode()) for value in given
        ):
            raise RefusedError(401, "open the address that archivecolor printed: it lets this browser in")

    def _body_limit(self, scope: Scope, headers: Mapping[str, str]) -> int:
        """How long the body may be; what says beforehand that it is longer is not read."""
        if scope["method"] != "POST":
            return 0
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            limit = _JSON_BYTES
        elif kind == "application/octet-stream" and self._door.upload_bytes:
            limit = self._door.upload_bytes
        else:
            raise RefusedError(415, "send JSON")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            raise RefusedError(413, f"no more than {limit} bytes are taken")
        return limit


def _headers_of(scope: Scope) -> dict[str, str]:
    """The headers by name; one that is there twice and must not be is refused."""
    found: dict[str, str] = {}
    for raw_name, value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        if name in found and name in ("host", "origin", "content-length", "content-type"):
            raise RefusedError(400, f"{name} twice")
        found[name] = f"{found[name]};{value.decode('latin-1')}" if name in found else value.decode("latin-1")
    return found


class _Body:
    """A body that is counted and timed while it comes in.

    Attributes:
        limit: most bytes that it may have.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self.limit = 0
        self._receive = receive
        self._seconds = seconds
        self._count = 0
        self._began: float | None = None
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:  # what comes after the body is that the other side went
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        left = self._began + self._seconds + self._count / _LEAST_BYTES_PER_SECOND - loop.time()
        try:
            message = await asyncio.wait_for(self._receive(), left)
        except TimeoutError:
            raise RefusedError(408, "the body comes too slowly") from None
        self._count += len(message.get("body", b""))
        if self._count > self.limit:
            raise RefusedError(413, f"no more than {self.limit} bytes are taken")
        self._is_whole = _is_last(message)
        return message

    async def drop(self) -> None:
        """Let the rest go by for a moment: who is still sending hears of a refusal only afterwards."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DROP_SECONDS):
                while not self._is_whole:
                    self._is_whole = _is_last(await self._receive())


def _is_last(message: Message) -> bool:
    """Whether nothing of a body comes after it."""
    return message["type"] != "http.request" or not message.get("more_body", False)


class _Answer:
    """What goes out, with the headers that all answers have."""

    def __init__(self, send: Send, drop_body: Callable[[], Awaitable[None]] | None) -> None:
        self._send = send
        self._drop_body = drop_body
        self._began = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._began = True
            if message["status"] >= 400 and self._drop_body is not None:
                await self._drop_body()
            ours = {name for name, _ in _HEADERS}
            others = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
            message = {**message, "headers": [*others, *_HEADERS]}
        await self._send(message)

    async def text(self, status: int, words: str, *headers: tuple[bytes, bytes]) -> None:
        """A short answer of our own; nothing where another has begun."""
        if self._began:
            return
        kind = b"text/html; charset=utf-8" if words.startswith("<") else b"text/plain; charset=utf-8"
        body = words.encode()
        more = (*headers, (b"connection", b"close")) if status >= 400 else headers
        start = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
        await self.send({"type": "http.response.start", "status": status, "headers": start})
        await self.send({"type": "http.response.body", "body": body})
