"""What the first look at a film finds."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_films import film_from, run_ffmpeg, scene, write_film

from archivecolor.colour.tone import Tone
from archivecolor.film.first_pass import load_first_pass, save_first_pass
from archivecolor.film.shots import Shot, shots_from_starts


def test_a_short_grey_shot_between_coloured_ones_is_not_passed_over(tmp_path):
    path = tmp_path / "film.mkv"
    colour = "testsrc2=s=96x64:r=25,trim=end_frame={frames},format=yuv420p"
    grey = "mandelbrot=s=96x64:r=25,trim=end_frame=6,format=gray,format=yuv420p"
    graph = f"{colour.format(frames=25)}[a];{grey}[b];{colour.format(frames=20)}[c];[a][b][c]concat=n=3"
    run_ffmpeg("-filter_complex", graph, "-c:v", "ffv1", path)
    film = film_from(path)
    film = replace(film, shots=shots_from_starts({25: "cut", 31: "cut"}, len(film.first_pass)))
    assert [film.is_passthrough(shot) for shot in film.shots] == [True, False, True]


@pytest.mark.parametrize(
    ("tones", "tone"),
    [
        ("grey colour grey colour grey grey", "colour"),
        ("grey tinted grey colour grey tinted", "tinted"),
        ("grey toned toned grey toned colour", "toned"),
        ("grey grey grey grey grey grey", "grey"),
    ],
)
def test_a_pale_shot_in_colour_is_not_taken_for_grey(tmp_path, tones, tone):
    film = film_from(write_film(tmp_path / "film.mkv", scene(1, 24)))
    found = replace(film.first_pass, tones=tuple(tones.split()))
    assert found.tone(Shot(0, 23, "start")) is Tone(tone)


@pytest.mark.parametrize(("pix_fmt", "codec"), [("yuva444p", "ffv1"), ("rgba", "png"), ("ya8", "png")])
def test_a_film_with_alpha_is_told_of_where_it_hides_anything(tmp_path, pix_fmt, codec):
    gone = ("the transparency (alpha) of 10 frames",)
    for name, level, lost in (("half", 128, gone), ("opaque", 255, ())):
        path = tmp_path / f"{name}.mkv"
        picture = f"testsrc2=s=64x48:r=25:d=0.4,hue=s=0,format=rgba,colorchannelmixer=aa={level / 255}"
        run_ffmpeg(
            "-f", "lavfi", "-i", f"{picture},format={pix_fmt}", "-pix_fmt", pix_fmt, "-c:v", codec, path
        )
        assert film_from(path).first_pass.lost == lost


def test_tinted_shots_are_coloured_or_kept_as_is_asked(tmp_path):
    path = tmp_path / "amber.mkv"
    tint = "format=gbrp,colorlevels=romax=1:gomax=0.75:bomax=0.4"
    amber = f"mandelbrot=s=96x64:r=25,trim=end_frame=8,hue=s=0,{tint}"
    run_ffmpeg("-f", "lavfi", "-i", amber, "-pix_fmt", "yuv444p", "-c:v", "ffv1", path)
    for toned, kept in (("colour", False), ("keep", True), ("skip", True)):
        film = film_from(path, toned=toned)
        assert film.is_toned
        assert [film.is_passthrough(shot) for shot in film.shots] == [kept]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(200), "half"])
def test_a_survey_that_a_bad_disk_damaged_is_none(tmp_path, content):
    found = film_from(write_film(tmp_path / "film.mkv", scene(1, 8))).first_pass
    kept = tmp_path / "survey.npz"
    save_first_pass(kept, found)
    assert load_first_pass(kept) is not None
    kept.write_bytes(kept.read_bytes()[:600] if content == "half" else content)
    assert load_first_pass(kept) is None


def test_a_survey_that_cannot_be_one_is_none(tmp_path):
    """It may lie beside a plan that somebody else wrote."""
    found = film_from(write_film(tmp_path / "film.mkv", scene(1, 8))).first_pass
    kept, other = tmp_path / "survey.npz", tmp_path / "other.npz"
    save_first_pass(kept, found)
    with np.load(kept) as parts:
        arrays = dict(parts)
    for changed in (
        {"pts": arrays["pts"][:-1]},
        {"condition": arrays["condition"][:, 1:]},
        {"digests": np.zeros(1 << 27, np.uint32)},
    ):
        np.savez_compressed(other, **arrays | changed)
        assert load_first_pass(other) is None
    np.savez_compressed(other, **arrays)
    assert load_first_pass(other) is not None
