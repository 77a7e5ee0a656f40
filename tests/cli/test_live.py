"""The bar at any width: bar, count and time left are always there, a name is cut in its middle."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from archivecolor.cli.live import run_line, shortened
from archivecolor.engine.progress import NO_WORK, InHand, Progress, Work

PROGRESS = Progress(
    total=5678,
    done=1200,
    skipped=30,
    failed=4,
    unit="MP",
    work={"MP": Work(900.0, 600.0)},
    seconds=600.0,
    reasons={},
)
PATH = "boxes/1931/\u516c\u6587\u66f8\u9928/portrait of the \u5bb6\u65cf family, third from the left.tif"


FILM = replace(
    PROGRESS,
    total=5,
    done=1,
    skipped=0,
    failed=0,
    unit="frames",
    work={"frames": NO_WORK},
    in_hand=InHand(done=123456, total=432000, share=0.5, rate=12.34, seconds_left=3725.0),
)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_of_a_film_its_frames_and_their_rate_are_told(width):
    line = run_line(FILM, "reels/1931/a long name of a film.mkv: colouring, shot 2 of 9", width).plain
    assert cell_len(line) <= width
    assert " 123456/432000 1:02:05 left" in line
    assert ("12.3 frames/s 2 of 5" in line) == (width >= 80)
    assert line.endswith("ot 2 of 9") == (width >= 80)


def test_the_bar_counts_the_part_of_the_film_in_hand():
    alone = replace(FILM, total=1, done=0)
    assert run_line(alone, "", 40).plain.startswith("\u2501" * 4 + "\u2500" * 4)


@pytest.mark.parametrize("width", [*range(40, 130), 200])
def test_no_line_is_wider_than_the_terminal(width):
    for progress in (PROGRESS, replace(PROGRESS, total=1, done=0, skipped=0, failed=0, work={"MP": NO_WORK})):
        assert cell_len(run_line(progress, PATH, width).plain) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_bar_count_and_time_left_are_always_there(width):
    line = run_line(PROGRESS, PATH, width).plain
    assert line.startswith("\u2501")
    assert " 1234/5678 0:36:01 left" in line
    if width >= 60:
        assert "4 failed" in line
        assert line.endswith("left.tif")
    assert ("1.5 MP/s" in line) == (width >= 80)


def test_plain_terminals_get_plain_signs():
    assert run_line(PROGRESS, "a.jpg", 40, ascii_only=True).plain.isascii()


@pytest.mark.parametrize("name", [PATH, "plain-name-of-a-scan-0001.jpg"])
def test_a_name_is_cut_in_the_middle(name):
    for width in range(8, 80):
        cut = shortened(name, width)
        assert cell_len(cut) <= width
        if cut != name:
            start, end = cut.split("...")
            assert name.startswith(start)
            assert name.endswith(end)
            assert end
