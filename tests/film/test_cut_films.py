"""Films whose file was cut off: by a copy that broke off, or a disk that was full."""

import json

import av
import pytest
from synthetic_films import run_ffmpeg

from archivecolor.cli.main import main

QUICK = ("--working-size", "64", "--device", "cpu")


@pytest.fixture
def whole(tmp_path):
    """Four seconds with sound, whose index stands before the pictures."""
    path = tmp_path / "whole.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=4,format=gray,format=yuv420p"]
    sound = ["-f", "lavfi", "-i", "sine=d=4", "-c:a", "aac", "-b:a", "32k"]
    run_ffmpeg(*picture, *sound, "-c:v", "mpeg4", "-g", "5", "-bf", "0", "-movflags", "+faststart", path)
    return path


def coloured(film, output, *words):
    code = main(["video", str(film), "-o", f"{output}/", "-q", "--codec", "ffv1", *QUICK, *words])
    return code, json.loads((output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()[-1])


def test_a_film_cut_by_half_a_second_says_so_and_is_not_whole(whole, tmp_path):
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 9 // 10])
    code, record = coloured(cut, tmp_path / "out")
    assert code == 0
    assert "s less than the container promises" in record["detail"]
    assert "packets of sound or other streams lie behind its end: it was cut off" in record["detail"]
    code, record = coloured(cut, tmp_path / "strict", "--strict")
    assert (code, record["reason"]) == (3, "truncated")


def test_one_picture_less_is_told(whole, tmp_path):
    with av.open(str(whole)) as container:
        last = max(entry.pos + entry.size for entry in container.streams.video[0].index_entries)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: last - 1])
    _, record = coloured(cut, tmp_path / "out")
    assert "0.040 s less than the container promises" in record["detail"]


def test_a_whole_film_is_whole_and_so_is_one_in_fragments(whole, tmp_path):
    fragments = tmp_path / "fragments.mp4"
    run_ffmpeg("-i", whole, "-c", "copy", "-movflags", "frag_keyframe+empty_moov", fragments)
    for film in (whole, fragments):
        code, record = coloured(film, tmp_path / f"out-{film.stem}", "--strict")
        assert code == 0
        assert "less than" not in record["detail"] and "cut off" not in record["detail"]
