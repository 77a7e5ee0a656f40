"""Films with credentials: in MP4 and MOV, in a file beside Matroska; frames and times as without."""

import io
import json
import subprocess

import av
import numpy as np
import pytest

from archivecolor.api import colour_film
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode, UnavailableError
from archivecolor.metadata.credentials.reading import Standing, read_back


@pytest.fixture
def films(tmp_path, monkeypatch):
    """A folder to type in, with a short grey film and credentials."""
    words = (
        "-v error -f lavfi -i testsrc2=s=64x48:r=12:d=0.5,format=gray,format=yuv420p -f lavfi -i sine=d=0.5"
    )
    words = ["ffmpeg", *words.split(), "-c:v", "libx264", "-c:a", "aac", tmp_path / "film.mp4"]
    subprocess.run(words, check=True, timeout=60)
    monkeypatch.chdir(tmp_path)
    assert main(["credentials", "new", "keys", "--name", "Film Archive", "-q"]) == 0
    return tmp_path


@pytest.fixture
def quick(checkpoint):
    return ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), "--threads", "1"]


def decoded(path):
    """Every frame and packet of sound, with its time."""
    with av.open(str(path)) as film:
        frames = [(frame.pts, frame.to_ndarray()) for frame in film.decode(video=0)]
    with av.open(str(path)) as film:
        sound = [(packet.pts, bytes(packet)) for packet in film.demux(audio=0) if packet.size]
    return frames, sound


def read(path, roots=""):
    beside = path.with_name(path.name + ".c2pa")
    manifest = beside.read_bytes() if beside.exists() else None
    media_type = (
        "application/octet-stream"
        if manifest
        else {".mp4": "video/mp4", ".mov": "video/quicktime"}[path.suffix]
    )
    return read_back(media_type, io.BytesIO(path.read_bytes()), manifest, roots)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_film_is_signed_and_as_it_was(films, quick, suffix, capsys):
    signing = ["--credentials", "keys/credentials.toml"]
    assert main(["video", "film.mp4", "-o", f"plain/film.{suffix}", *quick]) == ExitCode.OK
    assert main(["video", "film.mp4", "-o", f"out/film.{suffix}", *quick, *signing]) == ExitCode.OK
    signed = films / "out" / f"film.{suffix}"
    for before, after in zip(decoded(films / "plain" / signed.name), decoded(signed), strict=True):
        assert [pts for pts, _ in before] == [pts for pts, _ in after]
        assert all(np.array_equal(old, new) for (_, old), (_, new) in zip(before, after, strict=True))
    found = read(signed, (films / "keys" / "root.pem").read_text())
    assert (found.standing, found.detail) == (Standing.VALID, "signed by Film Archive")
    assert found.actions[1]["parameters"]["archivecolor.luma"] == "re-encoded"
    assert (films / "out" / f"film.{suffix}.c2pa").exists() == (suffix == "mkv")
    record = json.loads((films / "out" / "_archivecolor" / "manifest.jsonl").read_text().splitlines()[-1])
    assert len(record["certificate"]) == 64
    assert main(["video", "film.mp4", "-o", f"out/film.{suffix}", *quick, *signing]) == ExitCode.OK
    assert "1 up to date" in capsys.readouterr().err
    assert main(["verify", "out", "--trust", "keys/root.pem"]) == ExitCode.OK
    contents = bytearray(signed.read_bytes())
    contents[len(contents) // 2] ^= 1
    signed.write_bytes(contents)
    assert read(signed).standing is Standing.CHANGED
    assert main(["verify", "out"]) == ExitCode.VERIFY


def test_what_cannot_sign_is_refused_before_the_first_frame(films, checkpoint):
    (films / "keys" / "root-key.pem").rename(next((films / "keys").glob("signing-*key.pem")))
    with pytest.raises(UnavailableError, match="not that of the signing certificate"):
        colour_film(
            "film.mp4", "out/film.mp4", checkpoint=checkpoint, credentials=films / "keys" / "credentials.toml"
        )
    assert not (films / "out").exists()
