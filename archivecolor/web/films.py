"""Shots of films in review: each is looked at, accepted, mended and played by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from archivecolor.archive.decision import State
from archivecolor.archive.item_filter import IndexedItem
from archivecolor.errors import UsageError
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.jobs.review import Review
from archivecolor.jobs.shot_decisions import DecidedShot, ShotWish
from archivecolor.web.pictures import PictureAnswers, hint_values, json_of
from archivecolor.web.requests import Wish, query_of, wish_of

_MAX_CLIP_SECONDS = 20.0
# Moments of a shot that its page offers to look at.
_MOMENTS = 7


class PageMaker(Protocol):
    """Makes a page of a template."""

    def __call__(self, template: str, **values: object) -> Response:
        """The page."""


class FilmPages:
    """The pages of films' shots, by a moment of each in milliseconds.

    Args:
        review: of an output folder.
        base: path below which pages are served.
        find: the item that a request names; raises where there is none.
        page: makes a page.
        other: as for `PictureAnswers`.
    """

    def __init__(
        self,
        review: Review,
        base: str,
        find: Callable[[Request], IndexedItem],
        page: PageMaker,
        other: Callable[[Request, int, float | None], Shown],
    ) -> None:
        self._other = other
        self._review = review
        self._base = base
        self._item = find
        self._page = page

    def routes(self, path: str) -> list[Route]:
        """Where they are, below the path of an item."""
        moment = f"{path}/at/{{moment:number}}"
        return [
            Route(moment, self.shot, methods=["GET"]),
            Route(f"{moment}/clip", self.clip, methods=["GET"]),
            Route(f"{moment}/decide", self.decide, methods=["POST"]),
            *PictureAnswers(self._shown, self._other).routes(moment),
        ]

    def _shown(self, request: Request) -> tuple[Gallery, Shown]:
        return self._review.gallery, self._review.shown_at(self._item(request), _seconds(request))

    def shot(self, request: Request) -> Response:
        """A shot, seen at a moment of it."""
        item, seconds, review = self._item(request), _seconds(request), self._review
        shot, query = review.shot_at(item, seconds), query_of(request.query_params)
        review.gallery.prepare()
        shots, tail = review.shots(item), f"?{query}" if query else ""
        number, film = shot.span.number, f"/item/{item.number}"

        def address(other: DecidedShot) -> str:
            return f"{self._base}{film}/at/{round(other.moment * 1000)}{tail}"

        decision, saturation = review.desk.of(item.path), shot.saturation
        own = decision.correction.settings.saturation if saturation is None else saturation
        return self._page(
            "item",
            card=item,
            path=f"{film}/at/{round(seconds * 1000)}",
            film=film,
            title=item.path,
            shots=(),
            shot=shot,
            count=len(shots),
            seconds=seconds,
            moments=_moments_of(shot),
            query=tail,
            state="accepted" if shot.accepted else "none",
            detail="",
            note=decision.correction.note if shot.corrections else "",
            page=1,
            pages=1,
            hints=json.dumps([hint_values(hint) for hint in shot.hints_at(seconds)]),
            saturation=1.0 if own is None else own,
            own_saturation=saturation is not None,
            record="",
            back=f"{self._base}{film}{tail}",
            previous=address(shots[number - 2]) if number > 1 else "",
            next=address(shots[number]) if number < len(shots) else "",
        )

    def clip(self, request: Request) -> Response:
        """A shot as a film, from its start."""
        item, seconds = self._item(request), _seconds(request)
        gallery, shown = self._shown(request)
        span = self._review.shot_at(item, seconds).span
        end = min(span.end, span.start + _MAX_CLIP_SECONDS)
        return Response(gallery.clip(shown, span.start, end), media_type="video/mp4")

    async def decide(self, request: Request) -> Response:
        """A decision about a shot; it is on disk when the answer goes out."""
        wish = wish_of(await json_of(request))
        await anyio.to_thread.run_sync(lambda: self._decide(request, wish))
        return JSONResponse({"ok": True})

    def _decide(self, request: Request, wish: Wish) -> None:
        item, seconds, review = self._item(request), _seconds(request), self._review
        if wish.redo:
            review.forget_shot(item, seconds, wish.note)
        elif wish.colour:
            review.correct_shot(
                item, ShotWish(seconds, wish.hints, wish.saturation, wish.reference), wish.note
            )
        elif wish.state in (State.ACCEPTED, State.NONE):
            review.accept_shot(item, seconds, wish.note, accepted=wish.state is State.ACCEPTED)
        else:
            raise UsageError("a shot is accepted or mended; a film is rejected as a whole")


def _moments_of(shot: DecidedShot) -> list[float]:
    """Moments over a shot to look at, those with hints among them, seconds."""
    span = shot.span
    step = (span.end - span.start) / _MOMENTS
    even = [round(span.start + (place + 0.5) * step, 3) for place in range(_MOMENTS)]
    hinted = [one.seconds for one in shot.corrections if one.hints]
    return sorted({*even, *hinted})


def _seconds(request: Request) -> float:
    return int(request.path_params["moment"]) / 1000
