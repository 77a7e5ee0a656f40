"""The page for anyone's pictures: dropped, coloured, mended, downloaded, forgotten."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from archivecolor.errors import ExitCode, UsageError
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.jobs.guest_session import DONE, WAITING, WORKING, GuestPicture, GuestSession
from archivecolor.jobs.guests import Guests, open_guests, zip_of_results
from archivecolor.settings import ServeSettings
from archivecolor.web.pages import render, words
from archivecolor.web.pictures import HANDLERS, PictureAnswers, hint_values, json_of, static
from archivecolor.web.requests import page_of, wish_of
from archivecolor.web.serving import door_of, listening, serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp

EVENT_SECONDS = 0.5
_CHUNK = 1 << 18
SHOWN = ("number", "name", "status", "detail", "version")


class ServePages:
    """The pages for visitors.

    Args:
        guests: what they bring.
        settings: the limits.
        home: path below which they are served.
    """

    def __init__(self, guests: Guests, settings: ServeSettings, home: str) -> None:
        self._guests = guests
        self._settings = settings
        self._home = home

    def app(self) -> ASGIApp:
        """The application."""
        session = "/s/{session}"
        item = f"{session}/item/{{number:number}}"
        get = {
            "/": self.index,
            f"{session}/state": self.state,
            f"{session}/all.zip": self.all_results,
            f"{session}/events": self.events,
            item: self.item,
            f"{item}/file": self.file,
            "/static/{name}": static,
        }
        post = {
            "/session": self.begin,
            f"{session}/pictures": self.receive,
            f"{session}/end": self.end,
            f"{item}/decide": self.decide,
        }
        routes = [Route(path, answer, methods=["GET"]) for path, answer in get.items()]
        routes += [Route(path, answer, methods=["POST"]) for path, answer in post.items()]
        routes += PictureAnswers(self._shown, self._other).routes(item)
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    # Sessions

    def index(self, _request: Request) -> Response:
        """Where pictures are dropped."""
        settings = self._settings
        return self._page(
            "serve/index.html",
            base=self._home,
            heading=words()["serve"]["title"],
            most_bytes=int(settings.max_file * 1e6),
            most_files=settings.max_files,
            most_megabytes=f"{settings.max_file:g}",
        )

    def begin(self, _request: Request) -> Response:
        """A session."""
        return JSONResponse({"session": self._guests.begin()})

    def end(self, request: Request) -> Response:
        """Forget a session."""
        self._guests.end(request.path_params["session"])
        return JSONResponse({"ok": True})

    def state(self, request: Request) -> Response:
        """What has become of its pictures."""
        pictures = self._session(request).pictures()
        return JSONResponse({"pictures": [_shown(one) for one in pictures]})

    async def receive(self, request: Request) -> Response:
        """Take a picture in, as it comes; then it is coloured."""
        session = self._session(request)
        with session.receive(request.query_params.get("name", "")[:1000]) as incoming:
            async for chunk in request.stream():
                await anyio.to_thread.run_sync(incoming.write, chunk)
        self._guests.colour(session, incoming.number)
        return JSONResponse({"number": incoming.number})

    def all_results(self, request: Request) -> Response:
        """All results in one archive."""
        content = zip_of_results(self._session(request))
        headers = {"content-disposition": 'attachment; filename="coloured.zip"'}
        return StreamingResponse(content, media_type="application/zip", headers=headers)

    # One picture

    def item(self, request: Request) -> Response:
        """One picture, to be mended."""
        session, picture = self._picture(request)
        page = page_of(request.query_params)
        neighbours = {one.number: one for one in session.pictures()}
        base = f"{self._home}/s/{request.path_params['session']}"
        return self._page(
            "review/item.html",
            base=base,
            heading=picture.name,
            card=_card(picture),
            state="none",
            detail=picture.detail,
            note="",
            page=page,
            pages=picture.result.pages,
            hints=json.dumps([hint_values(hint) for hint in picture.hints if hint.page == page]),
            saturation=1.0 if picture.saturation is None else picture.saturation,
            own_saturation=picture.saturation is not None,
            record=json.dumps(_shown(picture), indent=1),
            back=f"{self._home}/",
            previous=f"{base}/item/{picture.number - 1}" if picture.number - 1 in neighbours else "",
            next=f"{base}/item/{picture.number + 1}" if picture.number + 1 in neighbours else "",
        )

    def file(self, request: Request) -> Response:
        """The result, to be kept: opened before it is answered, so that a newer one takes nothing away."""
        picture, file = self._session(request).open_result(request.path_params["number"])
        headers = {
            "content-length": str(os.fstat(file.fileno()).st_size),
            "content-disposition": f"attachment; filename*=utf-8''{quote(picture.result_name)}",
        }
        return StreamingResponse(_chunks(file), media_type="application/octet-stream", headers=headers)

    async def decide(self, request: Request) -> Response:
        """Make a picture anew with hints, or without any."""
        wish = wish_of(await json_of(request))
        session, picture = self._picture(request)
        if not (wish.colour or wish.redo):
            raise UsageError("nothing is decided")
        hints, saturation = ((), None) if wish.redo else (wish.hints, wish.saturation)
        self._guests.mend(session, picture.number, wish.page, hints, saturation)
        return JSONResponse({"ok": True})

    async def events(self, request: Request) -> Response:
        """What becomes of the pictures: server-sent events."""
        session = self._session(request)
        return StreamingResponse(_news(session), media_type="text/event-stream")

    def _session(self, request: Request) -> GuestSession:
        return self._guests.session(request.path_params["session"])

    def _picture(self, request: Request) -> tuple[GuestSession, GuestPicture]:
        session = self._session(request)
        return session, session.picture(request.path_params["number"])

    def _shown(self, request: Request) -> tuple[Gallery, Shown]:
        return self._guests.gallery, self._guests.shown(*self._picture(request))

    def _other(self, request: Request, number: int, _seconds: float | None) -> Shown:
        session = self._session(request)
        return self._guests.shown(session, session.picture(number))

    def _page(self, template: str, **values: object) -> Response:
        shown = words()
        own = {
            **shown["serve"],
            "grey": shown["common"]["grey"],
            "coloured": shown["common"]["coloured"],
            "split_of": shown["common"]["split"],
            "failed_why": shown["serve"]["failed"],
            "count_done": shown["serve"]["count"],
        }
        script = json.dumps({**own, **shown["review"], **shown["item"]})
        return HTMLResponse(render(template, home=self._home, guest=True, script_words=script, **values))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


async def _news(session: GuestSession) -> AsyncIterator[bytes]:
    last = b""
    while session.folder.exists():
        pictures = session.pictures()
        news = {
            "version": sum(picture.version for picture in pictures),
            "waiting": 0,
            "making": [picture.number for picture in pictures if picture.status in (WAITING, WORKING)],
            "made": {str(picture.number): picture.version for picture in pictures if picture.status == DONE},
            "troubles": {
                str(picture.number): picture.detail
                for picture in pictures
                if picture.detail and picture.status not in (DONE, WAITING, WORKING)
            },
        }
        line = json.dumps(news).encode()
        yield b":\n\n" if line == last else b"data: " + line + b"\n\n"
        last = line
        await anyio.sleep(EVENT_SECONDS)


def _shown(picture: GuestPicture) -> dict[str, object]:
    """What is told of a picture."""
    shown = {name: getattr(picture, name) for name in SHOWN}
    return shown | {"confidence": picture.result.confidence, "doubt": None}


def _card(picture: GuestPicture) -> dict[str, object]:
    """What the page of one picture shows, as that of a review has it."""
    return _shown(picture) | {
        "path": picture.name,
        "kind": "photo",
        "status": picture.status if picture.status in words()["status"] else "done",
        "reason": picture.status,
        "has_output": bool(picture.result.name),
        "has_picture": bool(picture.result.name),
        "place": picture.version,
        "decided": "none",
        "corrected": bool(picture.hints),
        "by": "",
    }


def run_serve(settings: ServeSettings, on_ready: Callable[[str], None]) -> ExitCode:
    """Serve the page for visitors until it is stopped.

    Args:
        settings: of the page.
        on_ready: told the address that people open.

    Raises:
        CheckpointError, UnavailableError: the network cannot be used, or the port cannot be had.
    """
    with listening(settings.port) as listener, open_guests(settings) as guests:
        door = door_of(settings, listener, upload_bytes=int(settings.max_file * 1e6))
        app = ServePages(guests, settings, door.root_path).app()
        return serve(app, door, listener, on_ready, open=settings.open)
