"""Trees are walked in a stable order, and nothing is left aside uncounted."""

import json
import os
import sys
import time

import pytest
from deep_trees import nest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivecolor.archive.passed_over import passed_over_list
from archivecolor.archive.walk import FILMS, MISSING, PICTURES, SkippedFiles, SkipReason, walk
from archivecolor.errors import UsageError
from archivecolor.settings import SelectionOptions


def plant(root, *names):
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def paths(root, **options):
    skipped_files = SkippedFiles()
    found = [file.path for file in walk(root, SelectionOptions(**options), skipped_files)]
    return found, skipped_files.counts


def test_order_is_bytewise_by_whole_relative_path(tmp_path):
    names = ["a/b.jpg", "a.jpg", "a-1/x.png", "a0.tif", "B.JPG", "ä.jpg", "a/a/a.webp"]
    plant(tmp_path, *names)
    found, _ = paths(tmp_path)
    assert found == sorted(names, key=os.fsencode)


part = st.binary(min_size=1, max_size=4).filter(lambda b: not set(b) & {0, 47} and b[0] != 46)


@given(st.sets(st.lists(part, min_size=1, max_size=3).map(b"/".join), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_names_come_back_as_their_raw_bytes_in_order(tmp_path_factory, stems):
    root = tmp_path_factory.mktemp("tree")
    names = {stem + b".jpg" for stem in stems}
    plant(root, *names)
    found, counts = paths(root)
    assert [os.fsencode(path) for path in found] == sorted(names)
    assert not counts


def test_sizes_and_times_come_along(tmp_path):
    plant(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(5, 123_456_789_012))
    (file,) = walk(tmp_path, SelectionOptions(), SkippedFiles())
    assert (file.nbytes, file.mtime_ns) == (1, 123_456_789_012)


def test_what_is_not_a_picture_is_counted(tmp_path):
    plant(
        tmp_path, "a.jpg", "._a.jpg", ".hidden/b.jpg", "Thumbs.db", "d/desktop.ini", ".DS_Store", "notes.txt",
        "film.mp4", "__MACOSX/c.jpg", "noextension", "_archivecolor/d.jpg",
    )  # fmt: skip
    os.mkfifo(tmp_path / "pipe.jpg")
    found, counts = paths(tmp_path)
    assert found == ["a.jpg"]
    assert counts == {
        SkipReason.HIDDEN: 3,
        SkipReason.SYSTEM: 4,
        SkipReason.OTHER: 2,
        SkipReason.FILM: 1,
        SkipReason.SPECIAL: 1,
    }


def test_links_are_followed_to_files_of_the_tree_alone(tmp_path):
    root = tmp_path / "in"
    plant(root, "a.jpg", "deep/b.jpg")
    plant(tmp_path, "outside.jpg", "in-not/x.jpg")
    (root / "loop").symlink_to(root)
    (root / "deep" / "up").symlink_to("..")
    (root / "inside.jpg").symlink_to("deep/b.jpg")
    (root / "outside.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "sibling.jpg").symlink_to("../in-not/x.jpg")
    (root / "dangling.jpg").symlink_to("nowhere.jpg")
    (root / "itself.jpg").symlink_to("itself.jpg")
    found, counts = paths(root)
    assert found == ["a.jpg", "deep/b.jpg", "inside.jpg"]
    assert counts == {SkipReason.LINK: 6}


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    plant(tmp_path, "a.jpg", "shut/b.jpg")
    skipped_files = SkippedFiles()
    found = walk(tmp_path, SelectionOptions(), skipped_files)
    assert next(found).path == "a.jpg"
    # Gone between the listing of its parent and its own: root ignores permissions.
    (tmp_path / "shut" / "b.jpg").unlink()
    (tmp_path / "shut").rmdir()
    assert list(found) == []
    assert skipped_files.unreadable == ["shut"]
    assert skipped_files.counts == {SkipReason.UNREADABLE: 1}
    assert skipped_files.pictures_may_be_missing


def test_a_tree_may_be_deeper_than_python_recurses(deep_root):
    depth = sys.getrecursionlimit() + 100
    nest(deep_root, "d", depth)
    plant(deep_root, "a.jpg", "e.jpg")
    found, counts = paths(deep_root)
    assert found == ["a.jpg", *("d/" * level + "z.jpg" for level in range(depth, 0, -1)), "e.jpg"]
    assert not counts


def test_a_folder_too_deep_for_the_system_is_named_and_the_rest_is_found(deep_root):
    name = "d" * 200
    nest(deep_root, name, 30)
    plant(deep_root, "a.jpg", "e.jpg")
    skipped_files = SkippedFiles()
    found = [file.path for file in walk(deep_root, SelectionOptions(), skipped_files)]
    assert (found[0], found[-1]) == ("a.jpg", "e.jpg")
    (too_deep,) = skipped_files.unreadable
    assert too_deep == "/".join([name] * (len(found) - 1))
    assert len(found) > 15
    assert skipped_files.pictures_may_be_missing


def test_include_and_exclude(tmp_path):
    plant(tmp_path, "1920/a.jpg", "1920/a.tif", "1930/deep/b.jpg", "1930/c.jpg", "1930/drafts/d.jpg")
    assert paths(tmp_path, include=("*.tif",))[0] == ["1920/a.tif"]
    assert paths(tmp_path, include=("1920",))[0] == ["1920/a.jpg", "1920/a.tif"]
    assert paths(tmp_path, include=("1930/deep/",))[0] == ["1930/deep/b.jpg"]
    assert paths(tmp_path, include=("1930/*",), exclude=("drafts", "c.*"))[0] == ["1930/deep/b.jpg"]
    found, counts = paths(tmp_path, exclude=("1930",))
    assert found == ["1920/a.jpg", "1920/a.tif"]
    assert counts == {SkipReason.EXCLUDED: 1}


def test_files_from_takes_what_it_names(tmp_path):
    root = tmp_path / "in"
    plant(root, "a.jpg", "deep/b.jpg", "scan.raw", b"\xe9.jpg")
    names = tmp_path / "names.txt"
    names.write_bytes(b"deep//b.jpg\r\n\n./a.jpg\na.jpg\nscan.raw\nmissing.jpg\n\xe9.jpg\n")
    found = list(walk(root, SelectionOptions(files_from=names), SkippedFiles()))
    assert [os.fsencode(file.path) for file in found] == [
        b"a.jpg", b"deep/b.jpg", b"missing.jpg", b"scan.raw", b"\xe9.jpg",
    ]  # fmt: skip
    assert [file.path for file in found if file.nbytes == MISSING] == ["missing.jpg"]


@pytest.mark.parametrize("line", ["../x.jpg", "/etc/passwd", "a/../../x.jpg", "."])
def test_files_from_cannot_leave_the_tree(tmp_path, line):
    names = tmp_path / "names.txt"
    names.write_text(f"a.jpg\n{line}\n")
    with pytest.raises(UsageError, match="line 2"):
        walk(tmp_path, SelectionOptions(files_from=names), SkippedFiles())


def test_files_from_cannot_leave_the_tree_by_a_link(tmp_path):
    root = tmp_path / "in"
    plant(root, "a.jpg")
    plant(tmp_path, "out/x.jpg")
    (root / "deep").symlink_to(tmp_path / "out")
    names = tmp_path / "names.txt"
    names.write_text("deep/x.jpg\na.jpg\n")
    found, counts = paths(root, files_from=names)
    assert found == ["a.jpg"]
    assert counts == {SkipReason.LINK: 1}


def test_young_files_wait_and_wrong_clocks_do_not(tmp_path):
    plant(tmp_path, "old.jpg", "young.jpg", "future.jpg")
    now = time.time()
    os.utime(tmp_path / "old.jpg", (now - 1000, now - 1000))
    os.utime(tmp_path / "future.jpg", (now + 9000, now + 9000))
    found, counts = paths(tmp_path, min_age=60)
    assert found == ["future.jpg", "old.jpg"]
    assert counts == {SkipReason.RECENT: 1}


def test_a_missing_root_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a folder"):
        walk(tmp_path / "nowhere", SelectionOptions(), SkippedFiles())


def test_everything_passed_over_is_named_with_its_reason(tmp_path):
    root, listed = tmp_path / "in", tmp_path / "out" / "passed-over.jsonl"
    plant(
        root, "a.jpg", "deep/.hidden.jpg", "deep/b.tif", "film.mkv", "leaflet.pdf", "notes.TXT", "notes.doc",
        "raw/c.NEF", "thumbs.db", "drafts/d.jpg", b"caf\xe9", "e.jpg.xmp",
    )  # fmt: skip
    (root / "away.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    with passed_over_list(listed) as skipped_files:
        found = [file.path for file in walk(root, SelectionOptions(exclude=("drafts",)), skipped_files)]
    assert found == ["a.jpg", "deep/b.tif"]
    lines = [json.loads(line) for line in listed.read_bytes().splitlines()]
    assert {line["path"]: line["reason"] for line in lines} == {
        "away.jpg": "link",
        r"caf\xe9": "other",
        "deep/.hidden.jpg": "hidden",
        "drafts": "excluded",
        "e.jpg.xmp": "sidecar",
        "film.mkv": "film",
        "leaflet.pdf": "pdf",
        "notes.TXT": "other",
        "notes.doc": "other",
        "raw/c.NEF": "camera-raw",
        "thumbs.db": "system",
    }
    assert [line["path_raw"] for line in lines if "path_raw" in line] == ["caf%E9"]
    words = list(skipped_files.summary())
    assert "camera raw files passed over" in words
    assert any(word.startswith("not pictures passed over (") and ".txt 1" in word for word in words)


def test_the_old_list_stays_where_a_plan_is_refused(tmp_path):
    listed = tmp_path / "passed-over.jsonl"
    listed.write_text("as before")
    with pytest.raises(UsageError), passed_over_list(listed) as skipped_files:
        list(walk(tmp_path / "nowhere", SelectionOptions(), skipped_files))
    assert [path.name for path in tmp_path.iterdir()] == ["passed-over.jsonl"]
    assert listed.read_text() == "as before"


def sidecars(root, **options):
    skipped_files = SkippedFiles()
    found = walk(root, SelectionOptions(**options), skipped_files)
    return {file.path: file.sidecars for file in found}, skipped_files.counts


def test_sidecars_go_with_the_picture_they_are_about(tmp_path):
    plant(
        tmp_path,
        "b/1.jpg",
        "b/1.jpg.xmp",
        "b/1.xmp",
        "b/2.png",
        "b/2.XMP",
        "b/3.tif",
        "b/3.tif.xmp.xmp",
        "b/4.xmp",
    )
    plant(
        tmp_path, "b/.1.jpg.xmp", "2.png.xmp", "twins/5.jpg", "twins/5.tif", "twins/5.xmp", "twins/5.tif.xmp"
    )
    found, counts = sidecars(tmp_path)
    assert found == {
        "b/1.jpg": ("b/1.jpg.xmp", "b/1.xmp"),
        "b/2.png": ("b/2.XMP",),
        "b/3.tif": (),
        "twins/5.jpg": ("twins/5.xmp",),
        "twins/5.tif": ("twins/5.tif.xmp",),
    }
    assert counts == {SkipReason.HIDDEN: 1, SkipReason.SIDECAR: 3}


def test_a_sidecar_shares_the_lot_of_its_picture(tmp_path):
    plant(tmp_path, "1.jpg", "1.jpg.xmp", "2.jpg", "2.xmp")
    assert sidecars(tmp_path, exclude=("2.jpg",)) == (
        {"1.jpg": ("1.jpg.xmp",)},
        {SkipReason.EXCLUDED: 1, SkipReason.SIDECAR: 1},
    )
    assert sidecars(tmp_path, exclude=("*.xmp",))[0] == {"1.jpg": (), "2.jpg": ()}
    assert sidecars(tmp_path, include=("1.jpg",))[0] == {"1.jpg": ("1.jpg.xmp",)}
    assert sidecars(tmp_path, min_age=60) == ({}, {SkipReason.RECENT: 4})
    names = tmp_path / "names.txt"
    names.write_text("1.jpg\n1.jpg.xmp\n3.xmp\n")
    plant(tmp_path, "3.xmp")
    assert sidecars(tmp_path, files_from=names) == ({"1.jpg": ("1.jpg.xmp",)}, {SkipReason.SIDECAR: 1})


def test_films_and_photographs_may_be_walked_at_once_or_apart(tmp_path):
    plant(tmp_path, "a.jpg", "b.FLV", "c.3gp")
    skipped_files = SkippedFiles()
    assert [file.path for file in walk(tmp_path, SelectionOptions(), skipped_files, FILMS)] == [
        "b.FLV",
        "c.3gp",
    ]
    assert skipped_files.counts == {SkipReason.PICTURE: 1}
    assert len(list(walk(tmp_path, SelectionOptions(), SkippedFiles(), FILMS | PICTURES))) == 3
