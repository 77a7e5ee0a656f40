"""Colour pictures from asyncio, a few at a time, beside other things: python many_at_once.py *.jpg."""

import asyncio
import sys

import archivecolor

AT_ONCE = 4


async def colour(colourise: archivecolor.Colouriser, path: str, free: asyncio.Semaphore) -> str:
    async with free:
        # In a thread: the network works outside of Python's lock, and one object serves all threads.
        coloured = await asyncio.to_thread(colourise, path)
    return f"{path}: confidence {coloured.confidence:.2f}"


async def main(paths: list[str]) -> None:
    colourise = archivecolor.Colouriser()
    free = asyncio.Semaphore(AT_ONCE)
    for line in await asyncio.gather(*(colour(colourise, path, free) for path in paths)):
        print(line)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
