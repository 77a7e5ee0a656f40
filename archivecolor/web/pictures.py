"""Answers that all served pages share: pictures, colours tried out, files of the pages, errors."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import anyio
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from archivecolor.archive.correction import colour_word
from archivecolor.colour.guidance import Hint
from archivecolor.engine.scratch import scratch_folder
from archivecolor.errors import ArchivecolorError, ItemError, UsageError
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.printable import printable
from archivecolor.web.gate import RefusedError
from archivecolor.web.pages import percent, static_text
from archivecolor.web.requests import box_of, other_of, page_of, place_of, wish_of

_STATIC = {
    "archivecolor.css": "text/css",
    "review.css": "text/css",
    "review.js": "text/javascript",
    "serve.js": "text/javascript",
}


class _Number(Convertor[int]):
    """A number in a path, of as many digits as are ever given."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _Number())


class PictureAnswers:
    """What is answered about one picture.

    Args:
        find: the picture that a request names, and the gallery that has it; raises where there is none.
        other: the picture of a number that lies beside it, of a film at a moment in seconds; raises too.
    """

    def __init__(
        self,
        find: Callable[[Request], tuple[Gallery, Shown]],
        other: Callable[[Request, int, float | None], Shown],
    ) -> None:
        self._find = find
        self._other = other

    def routes(self, path: str) -> list[Route]:
        """Where they are, below the path of a picture."""
        get = {
            "small": self.small,
            "view": self.view,
            "part": self.part,
            "size": self.size,
            "certainty": self.certainty,
            "colours": self.colours,
        }
        routes = [Route(f"{path}/{name}", answer, methods=["GET"]) for name, answer in get.items()]
        post = {"preview": self.preview, "like": self.like, "like-file": self.like_file}
        return [*routes, *(Route(f"{path}/{name}", post[name], methods=["POST"]) for name in post)]

    def small(self, request: Request) -> Response:
        """A small picture."""
        gallery, shown = self._find(request)
        return Response(gallery.small(shown).content, media_type="image/webp")

    def view(self, request: Request) -> Response:
        """A picture as large as a screen, or its grey."""
        gallery, shown = self._find(request)
        grey = request.query_params.get("side") == "grey"
        seen = gallery.view(shown, page_of(request.query_params), grey=grey)
        return Response(seen.content, media_type="image/webp")

    def part(self, request: Request) -> Response:
        """A part of a picture, pixel for pixel."""
        gallery, shown = self._find(request)
        query = request.query_params
        return Response(gallery.part(shown, page_of(query), box_of(query)).content, media_type="image/webp")

    def size(self, request: Request) -> Response:
        """How large a page is, pixels."""
        gallery, shown = self._find(request)
        seen = gallery.view(shown, page_of(request.query_params), grey=False)
        return JSONResponse({"width": seen.width, "height": seen.height})

    def certainty(self, request: Request) -> Response:
        """Where the network is unsure."""
        gallery, shown = self._find(request)
        return Response(gallery.certainty(shown, page_of(request.query_params)), media_type="image/png")

    def colours(self, request: Request) -> Response:
        """Colours to choose from at a place."""
        gallery, shown = self._find(request)
        query = request.query_params
        chosen = gallery.palette(shown, page_of(query), place_of(query))
        return JSONResponse({"colours": [colour_word(colour) for colour in chosen]})

    async def preview(self, request: Request) -> Response:
        """A picture with hints, nothing written."""
        wish = wish_of(await json_of(request))

        def tried() -> dict[str, str]:
            gallery, shown = self._find(request)
            made = gallery.tried(shown, wish.page, wish.hints, wish.saturation)
            return {
                "coloured": f"data:image/jpeg;base64,{base64.b64encode(made.coloured).decode()}",
                "change": f"data:image/png;base64,{base64.b64encode(made.change).decode()}",
                "share": percent(made.changed_share),
            }

        return JSONResponse(await anyio.to_thread.run_sync(tried))

    async def like(self, request: Request) -> Response:
        """Hints that give a picture the colours of another one here."""
        number, seconds = other_of(await json_of(request))

        def found() -> dict[str, object]:
            gallery, shown = self._find(request)
            other = self._other(request, number, seconds)
            hints = gallery.alike(shown, page_of(request.query_params), other)
            return _alike(hints) | {"name": printable(PurePosixPath(other.path).name)}

        return JSONResponse(await anyio.to_thread.run_sync(found))

    async def like_file(self, request: Request) -> Response:
        """Hints that give a picture the colours of a file that is sent; nothing is kept of it."""
        with scratch_folder() as folder:
            path = folder / "reference"
            with path.open("wb") as file:
                async for chunk in request.stream():
                    await anyio.to_thread.run_sync(file.write, chunk)

            def found() -> dict[str, object]:
                gallery, shown = self._find(request)
                return _alike(gallery.alike(shown, page_of(request.query_params), path))

            return JSONResponse(await anyio.to_thread.run_sync(found))


def _alike(hints: tuple[Hint, ...]) -> dict[str, object]:
    return {"hints": [hint_values(hint) for hint in hints]}


def static(request: Request) -> Response:
    """A file that travels with the pages."""
    name = request.path_params["name"]
    kind = _STATIC.get(name)
    if kind is None:
        raise HTTPException(404, "there is no such file")
    return PlainTextResponse(static_text(name), media_type=kind)


async def json_of(request: Request) -> object:
    """What the body says. Raises `UsageError` where that is no JSON."""
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise UsageError("that is no JSON") from error


def hint_values(hint: Hint) -> dict[str, object]:
    """A hint as the brush of a page has it."""
    values: dict[str, object] = {"x": hint.x, "y": hint.y, "colour": colour_word(hint.colour)}
    values["reach"] = hint.reach.value
    return values | ({"soft": True} if hint.soft else {})


def _refused(_request: Request, error: Exception) -> Response:
    """The answer to what is refused while it comes in."""
    assert isinstance(error, RefusedError)
    return PlainTextResponse(error.words, error.status, headers={"connection": "close"})


def _failed(_request: Request, error: Exception) -> Response:
    """The answer to what cannot be done, in words."""
    status = 400 if isinstance(error, UsageError) else 422 if isinstance(error, ItemError) else 503
    text = error.detail if isinstance(error, ItemError) else str(error)
    return PlainTextResponse(printable(text), status)


# Any: so starlette has them, by the status or the error.
HANDLERS: dict[Any, Any] = {RefusedError: _refused, ArchivecolorError: _failed}
