"""Whoever asks a run to end is heard while a film is read for something else than its colour."""

import pytest
from synthetic_films import film_from, scene, write_film
from test_side_data import captions, with_messages

from archivecolor.archive.correction import ShotCorrection
from archivecolor.colour.guidance import Hint
from archivecolor.errors import ExitCode, StoppedError
from archivecolor.film.reuse import take_out_segments
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.shot_guidance import guide_of
from archivecolor.film.side_data import side_data_to_carry, still_lost


class Signal:
    """Comes after so many looks at a film."""

    def __init__(self, looks):
        self.left = looks

    def __call__(self):
        if self.left == 0:
            raise StoppedError(ExitCode.INTERRUPTED)
        self.left -= 1


@pytest.fixture
def film(tmp_path):
    return film_from(write_film(tmp_path / "film.mkv", scene(1, 12)))


# While the shot is read, and while places are followed through it.
@pytest.mark.parametrize("looks", [3, 12 + 3])
def test_as_hints_are_made_ready(film, network, looks):
    decided = (ShotCorrection(0.2, (Hint(0.5, 0.5, (200, 40, 40)),)),)
    with pytest.raises(StoppedError):
        guide_of(film, network, film.shots[0], decided, Signal(looks))


def test_as_pieces_are_taken_out_of_an_earlier_film(film, tmp_path):
    segments = plan_segments(film, 4)
    with pytest.raises(StoppedError):
        take_out_segments(film.facts.path, segments, frozenset((0, 1, 2)), WorkFolder(tmp_path), Signal(1))
    assert (tmp_path / "segment-00000.mkv").exists()


def test_as_captions_are_read_and_compared(tmp_path):
    film = film_from(with_messages(tmp_path / "film.mp4", captions))
    with pytest.raises(StoppedError):
        side_data_to_carry(film, Signal(3))
    carried = side_data_to_carry(film, Signal(-1))
    with pytest.raises(StoppedError):
        still_lost(film, carried, film.facts.path, Signal(3))
