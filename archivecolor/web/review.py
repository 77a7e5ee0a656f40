"""The page for review: an output folder looked through, judged and mended in a browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from archivecolor.archive.item_filter import IndexedItem
from archivecolor.archive.plan import FILM
from archivecolor.archive.record import line_from_record
from archivecolor.errors import ExitCode, UsageError
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.jobs.review import Review, open_review
from archivecolor.printable import printable
from archivecolor.settings import ReviewSettings
from archivecolor.web.films import FilmPages
from archivecolor.web.pages import render, words
from archivecolor.web.pictures import HANDLERS, PictureAnswers, hint_values, json_of, static
from archivecolor.web.requests import Wish, filter_of, page_of, query_of, wish_of
from archivecolor.web.serving import door_of, listening, serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PAGE = 60
_MOST_FOLDERS = 500
EVENT_SECONDS = 1.0
# Of a file whose colours a picture gets.
_MOST_REFERENCE_BYTES = 100 << 20
# What list pages offer to choose from.
_STATUSES, KINDS = ("done", "skipped", "failed"), ("photo", "film", "grey")
_DECIDED = ("none", "accepted", "rejected", "by-hand", "corrected")


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
        self._choices: tuple[int, dict[str, object]] = (-1, {})

    def app(self) -> ASGIApp:
        """The application."""
        item = "/item/{number:number}"
        get = {
            "/": self.grid,
            item: self.item,
            "/events": self.events,
            "/static/{name}": static,
        }
        routes = [Route(path, answer, methods=["GET"]) for path, answer in get.items()]
        routes.append(Route(f"{item}/decide", self.decide, methods=["POST"]))
        routes += PictureAnswers(self._shown, self._other).routes(item)
        routes += FilmPages(self._review, self._base, self._item, self._page, self._other).routes(item)
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    def _shown(self, request: Request) -> tuple[Gallery, Shown]:
        return self._review.gallery, self._review.shown(self._item(request))

    def _other(self, _request: Request, number: int, seconds: float | None) -> Shown:
        review, item = self._review, self._review.index.item(number)
        if item is None:
            raise UsageError("there is no such picture in this archive")
        return review.shown(item) if seconds is None else review.shown_at(item, seconds)

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
        query = query_of(request.query_params)
        return self._page(
            "grid",
            cards=[self._as_decided(item) for item in items],
            wanted=wanted,
            count=index.count(wanted),
            query=f"?{query}" if query else "",
            here=f"{self._base}/?{query}",
            after=f"{self._base}/?{_joined(query, f'after={items[-1].number}')}" if has_later else "",
            before=f"{self._base}/?{_joined(query, f'before={items[0].number}')}" if has_earlier else "",
            **self._chosen_from(),
        )

    def _chosen_from(self) -> dict[str, object]:
        """What the filters offer; found out again where something changed."""
        version = self._review.version
        if self._choices[0] != version:
            index, shown = self._review.index, words()
            kinds = {word: shown["review"][word] for word in KINDS}
            self._choices = (
                version,
                {
                    "statuses": [(word, shown["status"][word]) for word in _STATUSES],
                    "reasons": [(word, f"{word} ({count})") for word, count in index.words("reason") if word],
                    "decided": [(word, shown["decided"][word]) for word in _DECIDED],
                    "kinds": [(word, kinds.get(word, word)) for word, _ in index.words("kind")],
                    "folders": [
                        _text(folder) for folder, _ in index.words("folder")[:_MOST_FOLDERS] if folder
                    ],
                },
            )
        return self._choices[1]

    def _as_decided(self, item: IndexedItem) -> IndexedItem:
        """The item with what is decided by now, where the table may not know of it yet."""
        decision = self._review.desk.of(item.path)
        corrected = bool(decision.correction)
        return replace(item, decided=decision.state.value, corrected=corrected, by=decision.by)

    def _named(self, request: Request, name: str) -> IndexedItem | None:
        """The item whose number an address gives, if it does."""
        number = request.query_params.get(name, "")
        return self._review.index.item(int(number)) if number.isdecimal() and len(number) < 16 else None

    # One item

    def item(self, request: Request) -> Response:
        """One item."""
        item = self._item(request)
        review, query = self._review, query_of(request.query_params)
        if item.has_picture:
            review.gallery.prepare()
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
            card=self._as_decided(item),
            path=f"/item/{item.number}",
            title=item.path,
            shots=review.shots(item) if item.kind == FILM and item.has_output else (),
            shot=None,
            query=f"?{query}" if query else "",
            state=decision.state.value,
            detail=record.detail,
            note=decision.note or decision.correction.note,
            page=page,
            pages=record.source.pages or 1,
            hints=json.dumps([hint_values(hint) for hint in decision.correction.hints if hint.page == page]),
            saturation=1.0 if saturation is None else saturation,
            own_saturation=saturation is not None,
            record=json.dumps(json.loads(line_from_record(record)), indent=1, ensure_ascii=True),
            back=f"{self._base}/?{query}",
            previous=neighbours.get("previous", ""),
            next=neighbours.get("next", ""),
        )

    def _item(self, request: Request) -> IndexedItem:
        number = request.path_params["number"]
        item = self._review.index.item(number)
        if item is None:
            raise HTTPException(404, "there is no such item")
        return item

    async def decide(self, request: Request) -> Response:
        """A decision; it is on disk when the answer goes out."""
        wish = wish_of(await json_of(request))
        await anyio.to_thread.run_sync(lambda: self._decide(request, wish))
        return JSONResponse({"ok": True})

    def _decide(self, request: Request, wish: Wish) -> None:
        item, review = self._item(request), self._review
        if wish.redo:
            review.forget(item, wish.note)
        elif wish.colour:
            review.correct(item, wish.page, wish.hints, wish.saturation, wish.note, wish.reference)
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
            for path in (*state.making, *state.made, *state.troubles)
            if (item := review.index.named(path))
        }
        news = {
            "version": review.version,
            "waiting": state.waiting,
            "making": [numbers[path] for path in state.making if path in numbers],
            "made": {str(numbers[path]): times for path, times in state.made.items() if path in numbers},
            "troubles": {str(numbers[path]): why for path, why in state.troubles.items() if path in numbers},
        }
        return json.dumps(news, sort_keys=True).encode()

    def _page(self, template: str, **values: object) -> Response:
        shown = words()
        script = json.dumps({**shown["review"], **shown["item"]})
        text = render(
            f"review/{template}.html",
            heading=self._heading,
            base=self._base,
            home=self._base,
            guest=False,
            script_words=script,
            **values,
        )
        return HTMLResponse(text)


def _joined(*parts: str) -> str:
    return "&".join(part for part in parts if part)


def _text(path: bytes) -> str:
    return printable(path.decode("utf-8", "surrogateescape"))


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
        door = door_of(settings, listener, upload_bytes=_MOST_REFERENCE_BYTES)
        heading = settings.output.absolute().name
        app = ReviewPages(review, heading, door.root_path).app()
        return serve(app, door, listener, on_ready, open=settings.open)
