"""A web service that colours what is posted to it: uvicorn web_service:app (needs starlette and uvicorn).

curl --data-binary @scan.jpg http://localhost:8000/ -o coloured.jpg
"""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import archivecolor

MAX_BYTES = 50_000_000
MEDIA_TYPES = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"II": "image/tiff", b"MM": "image/tiff"}
predictor = archivecolor.load_predictor()


async def colour(request: Request) -> Response:
    contents = bytearray()
    async for chunk in request.stream():
        contents += chunk
        if len(contents) > MAX_BYTES:
            return PlainTextResponse("the picture is too large", 413)
    try:
        # In a thread of its own: the loop goes on answering.
        coloured = await asyncio.to_thread(archivecolor.colour_bytes, bytes(contents), predictor)
    except archivecolor.ItemError as error:
        return PlainTextResponse(str(error), 422)
    return Response(coloured, media_type=MEDIA_TYPES.get(coloured[:2], "application/octet-stream"))


app = Starlette(routes=[Route("/", colour, methods=["POST"])])
