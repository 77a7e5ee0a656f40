"""The way back from a copy to the scan."""

import io
import json
import shutil

import av
import numpy as np
import pytest
from PIL import Image
from skimage import data

from archivecolor.archive import fingerprint_index
from archivecolor.archive.fingerprint_index import FingerprintIndex
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.record import Output, Record, Source, Status
from archivecolor.cli.main import main
from archivecolor.colour.fingerprint import fingerprint
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import Reason

PICTURES = {"people/astronaut.jpg": data.astronaut, "cat.png": data.chelsea, "rocket.tif": data.rocket}


def of(rgb):
    return fingerprint(luma_codes(rgb).astype(np.float32) / 255)


def record_of(path, *fingerprints, at="2026-01-02T03:04:05.000Z"):
    return Record(
        path=path,
        status=Status.DONE,
        reason=Reason.COLOURED,
        source=Source(1, 2, sha256="a" * 64),
        output=Output(path, 3, "b" * 64),
        correction={"note": "dress was blue"} if path == "cat.png" else None,
        fingerprints=fingerprints,
        at=at,
    )


def append(root, *records):
    (root / "_archivecolor").mkdir(parents=True, exist_ok=True)
    with ManifestWriter(root / "_archivecolor" / "manifest.jsonl") as manifest:
        for record in records:
            manifest.append(record)


@pytest.fixture
def archive(tmp_path):
    """An output folder whose manifest knows three pictures."""
    root = tmp_path / "out"
    append(root, *(record_of(path, of(load())) for path, load in PICTURES.items()))
    return root


@pytest.fixture
def copy(tmp_path):
    """Writes a copy that went a long way: smaller, compressed, in other colours."""

    def write(name, load):
        rgb = load()
        image = Image.fromarray(rgb[..., ::-1] if name == "turned.jpg" else rgb)
        path = tmp_path / name
        image.resize((image.width // 2, image.height // 2)).save(path, quality=60)
        return path

    return write


def identify(archive, *words):
    return main(["identify", *map(str, words), "--archive", str(archive)])


def test_copies_are_found_and_strangers_are_not(archive, copy, capsys):
    copies = copy("a.jpg", data.chelsea), copy("b.jpg", data.astronaut), copy("c.jpg", data.coffee)
    assert identify(archive, *copies) == 0
    cat, astronaut, coffee = capsys.readouterr().out.splitlines()
    assert "a.jpg: cat.png; coloured 2026-01-02 as cat.png; note: dress was blue" in cat
    assert "b.jpg: people/astronaut.jpg" in astronaut
    assert coffee.endswith("c.jpg: not of this archive")


def test_programs_get_a_line_of_json_each(archive, copy, tmp_path, capsys):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    assert identify(archive, copy("a.jpg", data.rocket), broken, "--json") == 3
    found, trouble = map(json.loads, capsys.readouterr().out.splitlines())
    assert found["found"] is True
    assert found["matches"][0]["path"] == "rocket.tif"
    assert found["matches"][0]["source_sha256"] == "a" * 64
    assert found["matches"][0]["distance"] <= 20
    assert trouble["found"] is False
    assert trouble["trouble"]


def test_the_table_takes_in_what_is_new_and_is_made_anew_where_it_is_wrong(archive, copy, monkeypatch):
    def found(load):
        index = FingerprintIndex(archive / "_archivecolor", archive)
        return [match.record.at for match in index.nearest(of(load()), 1) if match.distance < 10]

    assert not found(data.coffee)
    append(archive, record_of("coffee.jpg", "0" * 63 + "1", of(data.coffee()), at="2026-02-01"))
    lines = []
    whole = fingerprint_index.read_lines
    monkeypatch.setattr(
        fingerprint_index, "read_lines", lambda *words: (lines.append(line) or line for line in whole(*words))
    )
    assert found(data.coffee) == ["2026-02-01"]
    assert len(lines) == 2  # the last one of before, and the new one
    append(archive, record_of("coffee.jpg", of(data.coffee()), at="2026-03-01"))
    assert found(data.coffee) == ["2026-03-01"]
    for damage in (b"", b"\0" * 80, b"{"):
        for name in (fingerprint_index.TABLE_NAME, fingerprint_index.STATE_NAME):
            (archive / "_archivecolor" / name).write_bytes(damage)
            assert found(data.coffee) == ["2026-03-01"]
    shutil.rmtree(archive / "_archivecolor")
    append(archive, record_of("other.jpg", of(data.rocket())))
    assert found(data.rocket) == ["2026-01-02T03:04:05.000Z"]
    assert not found(data.coffee)


def test_the_page_of_a_volume_is_named(archive, copy, capsys):
    append(archive, record_of("album.tif", of(data.page()[..., None].repeat(3, 2)), of(data.coffee())))
    assert identify(archive, copy("c.jpg", data.coffee)) == 0
    assert "c.jpg: album.tif, page 2" in capsys.readouterr().out


def test_what_a_run_colours_is_found(tmp_path, checkpoint, capsys):
    scans, output = tmp_path / "in", tmp_path / "out"
    scans.mkdir()
    for name in ("camera", "coins"):
        Image.fromarray(getattr(data, name)()).save(scans / f"{name}.png")
    options = ["--working-size", "64", "--jobs", "1", "--device", "cpu", "--checkpoint", str(checkpoint)]
    assert main(["dir", str(scans), str(output), *options]) == 0
    record = Manifest(output / "_archivecolor" / "manifest.jsonl").record("coins.png")
    assert [len(one) for one in record.fingerprints] == [64]
    stream = io.BytesIO()
    Image.open(output / "coins.png").convert("RGB").save(stream, "JPEG", quality=50)
    (tmp_path / "found.jpg").write_bytes(stream.getvalue())
    capsys.readouterr()
    assert identify(output, tmp_path / "found.jpg") == 0
    assert "coins.png; coloured 20" in capsys.readouterr().out
    assert main(["verify", str(output)]) == 0


def test_where_there_is_no_archive_it_is_said(tmp_path, capsys):
    assert identify(tmp_path, tmp_path / "a.jpg") == 2
    assert "manifest.jsonl is not there" in capsys.readouterr().err


def test_the_newest_of_many_attempts_counts_and_hides_no_other(archive):
    wanted = of(data.chelsea())
    for day in range(1, 14):
        append(archive, record_of("cat.png", wanted, at=f"2026-05-{day:02}T00:00:00.000Z"))
    append(archive, record_of("twin.png", wanted))
    for count in (1, 2):
        found = FingerprintIndex(archive / "_archivecolor", archive).nearest(wanted, count)
        assert len(found) == count
        assert all(
            match.record.at.startswith("2026-05-13") for match in found if match.record.path == "cat.png"
        )
    assert {match.record.path for match in found} == {"cat.png", "twin.png"}


def test_a_scan_that_was_replaced_is_no_longer_known_by_its_old_picture(archive):
    append(archive, record_of("cat.png", of(data.coffee())))
    index = FingerprintIndex(archive / "_archivecolor", archive)
    assert [match.record.path for match in index.nearest(of(data.coffee()), 1)] == ["cat.png"]
    assert all(match.distance > 60 for match in index.nearest(of(data.chelsea()), 3))


def test_scans_that_look_alike_are_all_named(archive, copy, capsys):
    append(archive, record_of("a second cat.png", of(data.chelsea())))
    found = copy("a.jpg", data.chelsea)
    assert identify(archive, found) == 0
    assert "a second cat.png; coloured" in (said := capsys.readouterr().out)
    assert "; or cat.png, which look alike" in said
    assert identify(archive, found, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [match["path"] for match in answer["matches"]] == ["a second cat.png", "cat.png"]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi", "film.mpg", "film.ts"])
def test_a_film_is_told_to_be_one(archive, tmp_path, capsys, name):
    film = tmp_path / name
    kinds = {".mpg": "mpeg", ".ts": "mpegts", ".mkv": "matroska"}
    with av.open(film, "w", format=kinds.get(film.suffix, film.suffix[1:])) as container:
        stream = container.add_stream("mpeg4" if film.suffix != ".mpg" else "mpeg1video", 25)
        stream.width = stream.height = 64
        frames = [av.VideoFrame.from_ndarray(np.zeros((64, 64), np.uint8), "gray") for _ in range(3)]
        for frame in [*(frame.reformat(format="yuv420p") for frame in frames), None]:
            container.mux(stream.encode(frame))
    assert identify(archive, film) == 3
    assert "cannot be read: it is a film, and no photograph" in capsys.readouterr().out
