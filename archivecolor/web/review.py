"""The page for review: an output folder looked through, judged and mended in a browser."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from archivecolor.archive.decision import colour_word
from archivecolor.archive.record import line_from_record
from archivecolor.archive.record_index import IndexedItem
from archivecolor.errors import ArchivecolorError, ExitCode, ItemError, UsageError
from archivecolor.jobs.review import Review, open_review
from archivecolor.printable import printable
from archivecolor.settings import ReviewSettings
from archivecolor.web.gate import RefusedError
from archivecolor.web.pages import percent, render, static_text, words
from archivecolor.web.requests import Wish, box_of, filter_of, page_of, place_of, wish_of
from archivecolor.web.serving import door_of, listening, serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp

logger = logging.getLogger(__name__)

PAGE = 60
MOST_FOLDERS = 500
EVENT_SECONDS = 1.0
# What list pages offer to choose from.
STATUSES, KINDS = ("done", "skipped", "failed"), ("photo", "film", "grey")
DECIDED = ("none", "accepted", "rejected", "by-hand", "corrected")
STATIC = {"archivecolor.css": "text/css", "review.css": "text/css", "review.js": "text/javascript"}


@dataclass(frozen=True)
class _Card:
    """An item, as a page shows it."""

    number: int
    path: str
    kind: str
    status: str
    reason: str
    confidence: float | None
    has_picture: bool
    place: int
    decided: str
    corrected: bool
    by: str


class ReviewPages:
    """The pages of a review.

    Args:
        review: of an output folder.
        heading: over all pages.
        base: path below which they are served.
    """

    def __init__(self, review: Review, heading: str, base: str) -> None:
        self._review = review
        self._heading = heading
        self._base = base
        self._choices: tuple[int, dict[str, Any]] = (-1, {})

    def app(self) -> ASGIApp:
        """The application."""
        item = "/item/{number:int}"
        get = {
            "/": self.grid,
            item: self.item,
            f"{item}/small": self.small,
            f"{item}/view": self.view,
            f"{item}/part": self.part,
            f"{item}/size": self.size,
            f"{item}/certainty": self.certainty,
            f"{item}/colours": self.colours,
            "/events": self.events,
            "/static/{name}": static,
        }
        post = {f"{item}/preview": self.preview, f"{item}/decide": self.decide}
        routes = [Route(path, answer, methods=["GET"]) for path, answer in get.items()]
        routes += [Route(path, answer, methods=["POST"]) for path, answer in post.items()]
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    # Lists

    def grid(self, request: Request) -> Response:
        """The list, a page of it."""
        wanted = filter_of(request.query_params)
        after, before = (self._named(request, name) for name in ("after", "before"))
        index = self._review.index
        items = index.page(wanted, PAGE + 1, after or before, backwards=before is not None)
        more = len(items) > PAGE
        items = items[:PAGE]
        if before is not None:
            items.reverse()
        has_later = bool(items) and (more if before is None else True)
        has_earlier = bool(items) and (more if before is not None else after is not None)
        query = _query(request.query_params)
        return self._page(
            "grid",
            cards=[self._card(item) for item in items],
            wanted=wanted,
            count=index.count(wanted),
            query=f"?{query}" if query else "",
            here=f"{self._base}/?{query}",
            after=f"{self._base}/?{_joined(query, f'after={items[-1].number}')}" if has_later else "",
            before=f"{self._base}/?{_joined(query, f'before={items[0].number}')}" if has_earlier else "",
            **self._chosen_from(),
        )

    def _chosen_from(self) -> dict[str, Any]:
        """What the filters offer; found out again where something changed."""
        version = self._review.version
        if self._choices[0] != version:
            index, shown = self._review.index, words()
            kinds = {word: shown["review"][word] for word in KINDS}
            self._choices = (
                version,
                {
                    "statuses": [(word, shown["status"][word]) for word in STATUSES],
                    "reasons": [(word, f"{word} ({count})") for word, count in index.words("reason") if word],
                    "decided": [(word, shown["decided"][word]) for word in DECIDED],
                    "kinds": [(word, kinds.get(word, word)) for word, _ in index.words("kind")],
                    "folders": [
                        _text(folder) for folder, _ in index.words("folder")[:MOST_FOLDERS] if folder
                    ],
                },
            )
        return self._choices[1]

    def _card(self, item: IndexedItem) -> _Card:
        decision = self._review.desk.of(item.path)
        return _Card(
            number=item.number,
            path=item.path,
            kind=item.kind,
            status=item.status,
            reason=item.reason,
            confidence=item.confidence,
            has_picture=item.has_output and item.kind != "film",
            place=item.place,
            decided=decision.state.value,
            corrected=bool(decision.correction),
            by=decision.by,
        )

    def _named(self, request: Request, name: str) -> IndexedItem | None:
        """The item whose number an address gives, if it does."""
        number = request.query_params.get(name, "")
        return self._review.index.item(int(number)) if number.isdecimal() and len(number) < 16 else None

    # One item

    def item(self, request: Request) -> Response:
        """One item."""
        item = self._item(request)
        review, query = self._review, _query(request.query_params)
        wanted, page = filter_of(request.query_params), page_of(request.query_params)
        decision = review.desk.of(item.path)
        record = review.record(item)
        neighbours = {
            name: f"{self._base}/item/{found[0].number}?{query}"
            for name, backwards in (("previous", True), ("next", False))
            if (found := review.index.page(wanted, 1, item, backwards=backwards))
        }
        saturation = decision.correction.settings.saturation
        return self._page(
            "item",
            card=self._card(item),
            state=decision.state.value,
            detail=record.detail,
            note=decision.note or decision.correction.note,
            page=page,
            pages=record.source.pages or 1,
            hints=json.dumps([_hint_values(hint) for hint in decision.correction.hints if hint.page == page]),
            saturation=1.0 if saturation is None else saturation,
            own_saturation=saturation is not None,
            record=json.dumps(json.loads(line_from_record(record)), indent=1, ensure_ascii=True),
            back=f"{self._base}/?{query}",
            previous=neighbours.get("previous", ""),
            next=neighbours.get("next", ""),
        )

    def _item(self, request: Request) -> IndexedItem:
        number = request.path_params["number"]
        item = self._review.index.item(number) if number < 1 << 62 else None
        if item is None:
            raise HTTPException(404, "there is no such item")
        return item

    def small(self, request: Request) -> Response:
        """A small picture."""
        return Response(self._review.small(self._item(request)).content, media_type="image/webp")

    def view(self, request: Request) -> Response:
        """A picture as large as a screen, or its grey."""
        grey = request.query_params.get("side") == "grey"
        seen = self._review.view(self._item(request), page_of(request.query_params), grey=grey)
        return Response(seen.content, media_type="image/webp")

    def part(self, request: Request) -> Response:
        """A part of a picture, pixel for pixel."""
        query = request.query_params
        seen = self._review.part(self._item(request), page_of(query), box_of(query))
        return Response(seen.content, media_type="image/webp")

    def size(self, request: Request) -> Response:
        """How large a page is, pixels."""
        seen = self._review.view(self._item(request), page_of(request.query_params), grey=False)
        return JSONResponse({"width": seen.width, "height": seen.height})

    def certainty(self, request: Request) -> Response:
        """Where the network is unsure."""
        image = self._review.certainty(self._item(request), page_of(request.query_params))
        return Response(image, media_type="image/png")

    def colours(self, request: Request) -> Response:
        """Colours to choose from at a place."""
        query = request.query_params
        chosen = self._review.palette(self._item(request), page_of(query), place_of(query))
        return JSONResponse({"colours": [colour_word(colour) for colour in chosen]})

    async def preview(self, request: Request) -> Response:
        """A picture with hints, nothing written."""
        wish = wish_of(await _json(request))
        tried = await anyio.to_thread.run_sync(lambda: self._tried(request, wish))
        return JSONResponse(tried)

    def _tried(self, request: Request, wish: Wish) -> dict[str, str]:
        tried = self._review.tried(self._item(request), wish.page, wish.hints, wish.saturation)
        return {
            "coloured": f"data:image/jpeg;base64,{base64.b64encode(tried.coloured).decode()}",
            "change": f"data:image/png;base64,{base64.b64encode(tried.change).decode()}",
            "share": percent(tried.changed_share),
        }

    async def decide(self, request: Request) -> Response:
        """A decision; it is on disk when the answer goes out."""
        wish = wish_of(await _json(request))
        await anyio.to_thread.run_sync(lambda: self._decide(request, wish))
        return JSONResponse({"ok": True})

    def _decide(self, request: Request, wish: Wish) -> None:
        item, review = self._item(request), self._review
        if wish.redo:
            review.forget(item, wish.note)
        elif wish.colour:
            review.correct(item, wish.page, wish.hints, wish.saturation, wish.note)
        elif wish.state is not None:
            review.decide_state(item, wish.state, wish.note)
        else:
            raise UsageError("nothing is decided")

    # What goes on

    async def events(self, _request: Request) -> Response:
        """What changes, as it does: server-sent events."""
        return StreamingResponse(self._news(), media_type="text/event-stream")

    async def _news(self) -> AsyncIterator[bytes]:
        last = b""
        while True:
            news = await anyio.to_thread.run_sync(self._state)
            if news != last:
                yield b"data: " + news + b"\n\n"
                last = news
            else:
                yield b":\n\n"
            await anyio.sleep(EVENT_SECONDS)

    def _state(self) -> bytes:
        review = self._review
        state = review.desk.state()
        numbers = {
            path: item.number
            for path in (*state.making, *state.troubles)
            if (item := review.index.named(path))
        }
        news = {
            "version": review.version,
            "waiting": state.waiting,
            "making": [numbers[path] for path in state.making if path in numbers],
            "troubles": {str(numbers[path]): why for path, why in state.troubles.items() if path in numbers},
        }
        return json.dumps(news, sort_keys=True).encode()

    def _page(self, template: str, **values: Any) -> Response:
        shown = words()
        script = json.dumps({**shown["review"], **shown["item"]})
        text = render(
            f"review/{template}.html", heading=self._heading, base=self._base, script_words=script, **values
        )
        return HTMLResponse(text)


def static(request: Request) -> Response:
    """A file that travels with the pages."""
    name = request.path_params["name"]
    kind = STATIC.get(name)
    if kind is None:
        raise HTTPException(404, "there is no such file")
    return PlainTextResponse(static_text(name), media_type=kind)


async def _json(request: Request) -> object:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise UsageError("that is no JSON") from error


def _hint_values(hint: Any) -> dict[str, object]:
    return {"x": hint.x, "y": hint.y, "colour": colour_word(hint.colour), "reach": hint.reach.value}


def _query(params: Mapping[str, str]) -> str:
    """The filters of an address, to be carried along."""
    names = ("order", "status", "reason", "folder", "kind", "decided", "day", "text", "most_confidence")
    return urlencode([(name, params[name]) for name in names if params.get(name)], errors="replace")


def _joined(*parts: str) -> str:
    return "&".join(part for part in parts if part)


def _text(path: bytes) -> str:
    return printable(path.decode("utf-8", "surrogateescape"))


def refused(_request: Request, error: Exception) -> Response:
    """The answer to what is refused while it comes in."""
    assert isinstance(error, RefusedError)
    return PlainTextResponse(error.words, error.status, headers={"connection": "close"})


def failed(_request: Request, error: Exception) -> Response:
    """The answer to what cannot be done, in words."""
    status = 400 if isinstance(error, UsageError) else 422 if isinstance(error, ItemError) else 503
    text = error.detail if isinstance(error, ItemError) else str(error)
    return PlainTextResponse(printable(text), status)


HANDLERS: dict[Any, Any] = {RefusedError: refused, ArchivecolorError: failed}


def run_review(
    settings: ReviewSettings, on_ready: Callable[[str], None], say: Callable[[str], None]
) -> ExitCode:
    """Serve the review of an output folder until it is stopped.

    Args:
        settings: of the review.
        on_ready: told the address that people open.
        say: told what takes a while.

    Raises:
        UsageError, OutputError: as `open_review`.
        UnavailableError: the port cannot be had.
    """

    def on_lines(count: int) -> None:
        say(f"{count} lines of the manifest read")

    with listening(settings.port) as listener, open_review(settings, on_lines) as review:
        door = door_of(settings, listener)
        heading = settings.output.absolute().name
        app = ReviewPages(review, heading, door.root_path).app()
        return serve(app, door, listener, on_ready, open=settings.open)
