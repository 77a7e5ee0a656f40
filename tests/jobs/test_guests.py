"""Anyone's pictures: a fault costs its picture alone, room is given back, and nothing stays."""

import asyncio
import contextlib
import io
import itertools
import logging
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image

from archivecolor.colour.guidance import Hint
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.errors import ItemError, UsageError
from archivecolor.inference.predictor import open_predictor
from archivecolor.jobs.gallery import Gallery
from archivecolor.jobs.guest_session import SOURCE, Result
from archivecolor.jobs.guests import Guests, zip_of_results
from archivecolor.jobs.previews import PreviewContext, init_preview_worker
from archivecolor.settings import ServeSettings
from archivecolor.web.serve import ServePages

RED = Hint(0.5, 0.25, (200, 40, 40))


def scan_of(kind="png"):
    """A small grey picture's file."""
    stream = io.BytesIO()
    grey = np.add.outer(np.arange(80), np.arange(96)).astype(np.uint8)
    Image.fromarray(grey).save(stream, kind)
    return stream.getvalue()


SCAN = scan_of()


@pytest.fixture
def settings(checkpoint):
    return ServeSettings(checkpoint=checkpoint, working_size=64, device="cpu", max_space=1.0)


@pytest.fixture
def predictor(settings):
    return open_predictor(settings.checkpoint, settings)


@contextlib.contextmanager
def open_guests(settings, root, load_network):
    options = WorkerOptions(1, 60, initializer=init_preview_worker)
    with (
        LocalExecutor(options, PreviewContext(root, 500)) as executor,
        Guests(settings, root, Gallery(executor, load_network), executor) as guests,
    ):
        yield guests


@pytest.fixture
def guests(settings, tmp_path, predictor):
    with open_guests(settings, tmp_path, lambda: predictor) as guests:
        yield guests


@pytest.fixture
def session(guests):
    return guests.session(guests.begin())


def replaced_again_and_again(session, number, stop):
    """New results take the place of the last one until `stop` is set."""
    for version in itertools.count():
        if stop.is_set():
            return
        name = f"r{version}.png"
        (session.place(number) / name).write_bytes(SCAN)
        session.keep_result(number, Result(name, len(SCAN)))


def bring(guests, session, content=SCAN):
    with session.receive("scan.png") as incoming:
        incoming.write(content)
    guests.colour(session, incoming.number)
    return incoming.number


def settled(session):
    until = time.monotonic() + 60
    while any(picture.status in ("waiting", "working") for picture in session.pictures()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return session.pictures()


def nbytes_of(session):
    return sum(file.stat().st_size for file in session.folder.rglob("*") if file.is_file())


def test_a_fault_costs_its_picture_alone(settings, tmp_path, predictor, caplog):
    faults = [KeyError("weight"), MemoryError(), OSError(5, "Input/output error")]

    def load_network():
        if faults:
            raise faults.pop(0)
        return predictor

    with open_guests(settings, tmp_path, load_network) as guests, caplog.at_level(logging.ERROR):
        session = guests.session(guests.begin())
        for _ in range(4):
            bring(guests, session)
        pictures = settled(session)
    assert [picture.status for picture in pictures] == ["failed"] * 3 + ["done"]
    assert pictures[0].detail == "KeyError: 'weight'"
    assert "not enough memory" in pictures[1].detail and "Input/output" in pictures[2].detail
    assert [record.exc_info[0] for record in caplog.records] == [KeyError, MemoryError, OSError]


def test_a_picture_is_mended_as_often_as_one_likes(settings, guests, session):
    number = bring(guests, session)
    settled(session)
    for time_ in range(12):
        session.take_room(int(settings.max_space * 1e6) - nbytes_of(session) - 20_000)  # 20 kB are left
        guests.mend(session, number, 1, [RED] * (1 + time_ % 2), None)
        (picture,) = settled(session)
        assert picture.status == "done", picture.detail
        session.give_room(int(settings.max_space * 1e6) - nbytes_of(session) - 20_000)
    assert len(list(session.place(number).iterdir())) == 2


def test_a_result_that_has_no_room_is_not_kept(settings, guests, session):
    session.take_room(int(settings.max_space * 1e6) - len(SCAN) - 100)
    number = bring(guests, session)
    (picture,) = settled(session)
    assert picture.status == "failed" and "no more than 1 MB at once" in picture.detail
    assert [file.name for file in session.place(number).iterdir()] == [SOURCE]


def test_what_does_not_come_whole_takes_no_room(settings, session):
    most = int(settings.max_space * 1e6)
    for _ in range(2):
        with pytest.raises(ConnectionError), session.receive("a.png") as incoming:
            incoming.write(bytes(most // 2 + 1))
            raise ConnectionError
    with pytest.raises(UsageError), session.receive("a.png") as incoming:
        incoming.write(bytes(most // 2 + 1))
        incoming.write(bytes(most // 2 + 1))
    assert not session.pictures() and not nbytes_of(session)
    with session.receive("a.png") as incoming:
        incoming.write(bytes(most))


def test_two_download_all_at_once_while_a_picture_is_mended(guests, session):
    for _ in range(2):
        bring(guests, session)
    settled(session)
    downloads = [zip_of_results(session) for _ in range(2)]
    begun = [next(download) for download in downloads]
    guests.mend(session, 2, 1, [RED], 0.5)
    settled(session)
    for first, download in zip(begun, downloads, strict=True):
        archive = zipfile.ZipFile(io.BytesIO(b"".join((first, *download))))
        assert archive.testzip() is None
        assert archive.namelist() == ["scan-colour.png", "00002-scan-colour.png"]
        assert archive.getinfo("scan-colour.png").date_time[0] >= 2020
        newest = session.place(2) / session.picture(2).result.name
        assert archive.read("00002-scan-colour.png") == newest.read_bytes()
    assert not list(session.folder.glob("*.zip"))


def test_nothing_stays_of_a_session_that_ends_while_its_picture_is_made(guests, predictor, tmp_path):
    name = guests.begin()
    session, predict = guests.session(name), predictor.predict

    def end_and_predict(*words):
        guests.end(name)
        return predict(*words)

    predictor.predict = end_and_predict
    bring(guests, session)
    settled(session)
    other = guests.session(guests.begin())
    predictor.predict = predict
    bring(guests, other)  # what is made after it says that it is done with
    settled(other)
    assert not session.folder.exists()
    assert [folder for folder in tmp_path.iterdir() if folder.is_dir()] == [other.folder]


def test_what_comes_after_the_end_is_not_kept(guests):
    name = guests.begin()
    session = guests.session(name)
    with pytest.raises(ItemError, match="this session is over"), session.receive("a.png") as incoming:
        guests.end(name)
        incoming.write(SCAN)
    assert not session.folder.exists()


def test_hints_for_a_page_that_is_not_there_are_refused(guests, session):
    number = bring(guests, session)
    settled(session)
    with pytest.raises(UsageError, match="it has 1 page, no page 2"):
        guests.mend(session, number, 2, [RED], None)


def test_a_result_that_is_being_replaced_is_given_whole(guests, settings):
    name, stop = guests.begin(), threading.Event()
    session = guests.session(name)
    number = bring(guests, session)
    settled(session)
    page = httpx.ASGITransport(ServePages(guests, settings, "").app())

    async def asked():
        async with httpx.AsyncClient(transport=page, base_url="http://localhost") as client:
            return [await client.get(f"/s/{name}/item/{number}/file") for _ in range(150)]

    with ThreadPoolExecutor(1) as threads:
        replacing = threads.submit(replaced_again_and_again, session, number, stop)
        try:
            answers = asyncio.run(asked())
        finally:
            stop.set()
        replacing.result()
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.content == SCAN for answer in answers[1:])
