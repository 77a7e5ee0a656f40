"""Some frames of a film by their numbers, without decoding all that lies between."""

import numpy as np
import pytest
from synthetic_films import film_from, scene, write_film

from archivecolor.errors import ItemError
from archivecolor.film import film as film_module
from archivecolor.film.film import frames_at
from archivecolor.film.frames import FrameReader

FRAMES = 200
NUMBERS = (5, 20, 100, 190)


@pytest.mark.parametrize(
    ("codec", "options", "most"),
    [
        ("ffv1", {}, 60),  # every frame stands for itself
        ("libx264", {"gop_size": 30}, 150),
        ("libx264", {"gop_size": 250}, FRAMES),  # the seek leads back to where reading is already
    ],
)
def test_they_are_those_of_a_whole_reading(tmp_path, monkeypatch, codec, options, most):
    path = write_film(tmp_path / "film.mkv", scene(1, FRAMES), codec=codec, **options)
    film = film_from(path)
    wanted = [frame.luma for number, frame in enumerate(FrameReader(film.facts)) if number in NUMBERS]
    compared, digest = [], film_module.luma_digest
    monkeypatch.setattr(film_module, "luma_digest", lambda frame: compared.append(1) or digest(frame))
    found = list(frames_at(film.facts, film.first_pass, NUMBERS))
    assert [item.number for item in found] == [*NUMBERS]
    assert all(np.array_equal(item.frame.luma, luma) for item, luma in zip(found, wanted, strict=True))
    assert len(compared) < most


def test_a_film_that_is_no_longer_what_it_was_is_told(tmp_path):
    film = film_from(write_film(tmp_path / "film.mkv", scene(1, FRAMES)))
    write_film(tmp_path / "film.mkv", scene(2, FRAMES))
    with pytest.raises(ItemError, match="changed while it was read"):
        list(frames_at(film.facts, film.first_pass, NUMBERS))
