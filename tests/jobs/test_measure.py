"""The time of a plan, measured on a few of its pictures."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from small_archive import grey_of

from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.colour.chroma import Chroma
from archivecolor.engine.timing import NO_TIME, Duration
from archivecolor.errors import OutOfMemoryError
from archivecolor.jobs.measure import measure
from archivecolor.jobs.photograph import inspect_photograph
from archivecolor.settings import DirSettings


def network(seconds):
    """A network that takes its time; as many calls at once as there are cores."""

    def predict(lumas, guidance=(), *, with_doubt=False):
        time.sleep(seconds)
        return [Chroma(np.zeros((8, 8, 2), np.float32), np.ones((8, 8), np.float32), 1.0) for _ in lumas]

    return SimpleNamespace(
        predict=predict, working_size=64, parallel_calls=2, digest="0" * 64, name="slow", runtime_name="none"
    )


def items_of(folder, count, suffix=".png"):
    for number in range(count):
        grey_of("camera", (64, 64)).save(folder / f"{number}{suffix}")
    return [
        Item(
            "photo",
            folder,
            f"{number}{suffix}",
            "",
            (folder / f"{number}{suffix}").stat().st_size,
            0,
            PlanAction.DO,
            0,
            "",
        )
        for number in range(count)
    ]


def test_the_network_s_share_goes_by_the_number_of_pictures(tmp_path):
    settings = DirSettings(input=tmp_path, output=tmp_path / "out", jobs=2, working_size=64)
    few = measure(items_of(tmp_path, 20), settings, lambda: network(0.8), Duration(1.0, 1.0))
    # Twenty pictures of 0.8 seconds over two cores, and the start: loading and one picture.
    assert 9.8 < few.seconds < 18.0
    assert 2 <= few.pictures <= 5
    # That network sleeps: of processors only the loading counts, by two workers and the parent.
    assert 3.0 < few.processor_seconds < few.seconds - 5
    assert not (tmp_path / "out").exists()


def test_a_kind_that_there_is_no_time_for_is_taken_to_be_as_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("archivecolor.jobs.measure.BUDGET_SECONDS", 0.1)
    items = [*items_of(tmp_path, 10), *items_of(tmp_path, 10, ".bmp")]
    settings = DirSettings(input=tmp_path, output=tmp_path / "out", jobs=1, working_size=64)
    measured = measure(items, settings, lambda: network(0.3), NO_TIME)
    assert measured.pictures == 1
    assert measured.seconds > 20 * 0.3


def test_what_cannot_be_read_costs_its_look(tmp_path):
    items = items_of(tmp_path, 3)
    for item in items:
        item.source.write_bytes(b"no picture")
    settings = DirSettings(input=tmp_path, output=tmp_path / "out", jobs=1)
    assert measure(items, settings, lambda: network(5.0), NO_TIME).seconds < 2.0


@pytest.mark.parametrize("error", [OutOfMemoryError("no room"), MemoryError()])
def test_what_there_is_no_memory_for_does_not_end_the_measuring(tmp_path, error):
    def predict(lumas, guidance=(), *, with_doubt=False):
        raise error

    full = SimpleNamespace(**vars(network(0)) | {"predict": predict})
    settings = DirSettings(input=tmp_path, output=tmp_path / "out", jobs=1, working_size=64)
    assert measure(items_of(tmp_path, 3), settings, lambda: full, NO_TIME).pictures == 3


def test_what_is_too_large_is_reckoned_by_its_pixels_and_not_tried(tmp_path, monkeypatch):
    items = items_of(tmp_path, 8)
    monkeypatch.setattr("archivecolor.jobs.measure.MOST_PIXELS", 64 * 64)
    settings = DirSettings(input=tmp_path, output=tmp_path / "out", jobs=1, working_size=64)
    small = measure(items, settings, lambda: network(0.01), NO_TIME)
    for number in (6, 7):  # few bytes, many pixels
        Image.new("L", (6400, 640)).save(tmp_path / f"{number}.png")
    items = [replace(item, nbytes=item.source.stat().st_size) for item in items]
    looked = []
    monkeypatch.setattr(
        "archivecolor.jobs.measure.inspect_photograph",
        lambda source, *given: (looked.append(source.name), inspect_photograph(source, *given))[1],
    )
    measured = measure(items, settings, lambda: network(0.01), NO_TIME)
    assert looked
    assert not {"6.png", "7.png"} & set(looked)
    assert measured.seconds > 5 * small.seconds
    assert measure(items[6:], settings, lambda: network(0.01), NO_TIME) is None
