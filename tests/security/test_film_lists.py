"""Files with the name of a film that would make FFmpeg read something else."""

import shutil
import subprocess

import av
import pytest

from archivecolor.errors import ItemError, Reason
from archivecolor.film.probe import open_film, probe


@pytest.fixture(scope="module")
def real_films(tmp_path_factory):
    """Films that are real ones."""
    folder = tmp_path_factory.mktemp("real")
    for name in ("secret.mp4", "secret.ts"):
        source = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2"]
        subprocess.run(["ffmpeg", "-v", "error", *source, str(folder / name)], check=True, timeout=60)
    return folder


@pytest.fixture
def secret(real_films, tmp_path):
    """Films elsewhere on the disk, and beside the attacker's file, that nobody asked for."""
    for folder in ("elsewhere", "films"):
        shutil.copytree(real_films, tmp_path / folder)
    return tmp_path / "elsewhere"


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
ATTACKS = {
    "playlist of a name": ("film.m3u8", PLAYLIST.format("secret.ts")),
    "playlist of a path": ("film.mp4", PLAYLIST.format("{elsewhere}/secret.ts")),
    "playlist of a URL": ("film.ts", PLAYLIST.format("file://{elsewhere}/secret.ts")),
    "list of names": ("film.mp4", "ffconcat version 1.0\nfile secret.mp4\n"),
    "list of paths": ("film.mkv", "ffconcat version 1.0\nfile '{elsewhere}/secret.mp4'\n"),
    "subfile": ("film.mp4", "ffconcat version 1.0\nfile 'subfile,,start,0,end,0,,:{elsewhere}/secret.mp4'\n"),
    "session": (
        "film.mp4",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_list_of_other_files_is_no_film(secret, attack):
    name, text = ATTACKS[attack]
    path = secret.parent / "films" / name
    path.write_text(text.replace("{elsewhere}", str(secret)))
    with pytest.raises(ItemError) as refused:
        probe(path)
    assert refused.value.reason is Reason.UNREADABLE


def test_the_list_of_names_would_be_a_film_without_our_guard(secret):
    """The attack is a real one."""
    path = secret.parent / "films" / "film.mp4"
    path.write_text(ATTACKS["list of names"][1])
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
        assert container.format.name == "concat"


@pytest.mark.parametrize("name", ["concat:secret.mp4|secret.mp4", "http:films", "pipe:0", "-i secret.mp4"])
def test_a_name_is_a_name_and_no_protocol(secret, name, monkeypatch):
    folder = secret.parent / "films"
    (folder / name).write_text("no film at all, but a name that is more than that to FFmpeg")
    monkeypatch.chdir(folder)
    with pytest.raises(ItemError) as refused:
        probe((folder / name).relative_to(folder))
    assert refused.value.reason is Reason.UNREADABLE


def test_real_films_still_open(secret):
    for name in ("secret.mp4", "secret.ts"):
        with open_film(secret / name) as container:
            assert container.streams.video


def test_the_command_reads_nothing_else(here, checkpoint, secret, tmp_path):
    films = tmp_path / "attack"
    films.mkdir()
    (films / "film.mp4").write_text(f"ffconcat version 1.0\nfile '{secret}/secret.mp4'\n")
    words = ["--checkpoint", checkpoint, "--device", "cpu", "-o", tmp_path / "out"]
    done = here("video", films, *words)
    assert done.returncode == 3
    assert "unreadable 1" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["_archivecolor"]
