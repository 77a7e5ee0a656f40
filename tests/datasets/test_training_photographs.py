"""Which pictures are taken to train on, and on which side of the split they lie."""

import gzip
import io
import tarfile

import numpy as np
import pytest
from colour_photographs import fill, flat, many, photograph
from PIL import Image
from skimage import data

from archivecolor.datasets.photographs import is_clearly_colour, read_photographs, split_by_content
from archivecolor.errors import UsageError


def read(*collections, nbytes=1e9):
    return read_photographs(collections, 40, nbytes, 1)


@pytest.fixture
def mixed(tmp_path):
    """Colour, grey, toned and broken pictures, and what is no picture."""
    folder = fill(tmp_path / "mixed", ("astronaut", "coffee"), side=64)
    Image.fromarray(data.camera()).convert("RGB").resize((64, 64)).save(folder / "grey.png")
    sepia = np.asarray(Image.fromarray(data.moon()).resize((64, 64)), np.float32)[..., None] * [
        1.0,
        0.86,
        0.66,
    ]
    Image.fromarray(sepia.astype(np.uint8)).save(folder / "sepia.png")
    whole = (folder / "coffee-0.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_grey_toned_and_broken_pictures_are_dropped_with_a_count(mixed):
    found = read(mixed)
    names = {photograph.name for photograph in found.items}
    assert not names & {"grey.png", "sepia.png", "broken.png"}
    assert found.dropped["unreadable"] == 1
    assert found.dropped["grey"] >= 1
    assert found.dropped["toned"] >= 1
    assert found.dropped[".txt files"] == 1
    assert len(found.items) + sum(found.dropped.values()) == 12
    assert all(min(photograph.rgb.shape[:2]) == 40 for photograph in found.items)


def test_a_folder_a_list_and_a_shard_give_the_same_pictures(mixed, tmp_path):
    paths = sorted(mixed.glob("*.png"))
    listing = tmp_path / "list.txt"
    # As Notepad writes it.
    lines = [str(path.relative_to(tmp_path)) for path in paths]
    listing.write_text("\r\n".join([*lines, "# the last"]), encoding="utf-8-sig", newline="")
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        for path in paths:
            shard.add(path, path.name)
    digests = [
        [one.digest for one in read(place).items] for place in (mixed, listing, tmp_path / "shard.tar")
    ]
    assert digests[0] == digests[1] == digests[2]


def test_memory_for_pictures_is_kept(mixed):
    found = read(mixed, nbytes=3 * 40 * 40 * 3)
    assert len(found.items) == 3
    assert found.dropped["no memory"] >= 1


@pytest.mark.parametrize("kind", ["empty", "grey"])
def test_nothing_to_learn_from_is_an_error_that_says_why(tmp_path, kind):
    if kind == "grey":
        Image.fromarray(data.camera()).save(tmp_path / "grey.png")
    with pytest.raises(UsageError, match="1 grey" if kind == "grey" else "no pictures"):
        read(tmp_path)


def test_a_shard_that_is_no_shard_and_a_folder_that_is_not_there_are_told(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no tar" * 100)
    with pytest.raises(UsageError, match=r"a\.tar cannot be read as a tar shard"):
        read(tmp_path / "a.tar")
    with pytest.raises(UsageError, match="is not there"):
        read(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"a\.txt cannot be read"):
        read(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"a.jpg\0b.jpg")
    with pytest.raises(UsageError, match="is no text"):
        read(tmp_path / "b.txt")


def test_a_compressed_or_cut_shard_is_told(mixed, tmp_path):
    with tarfile.open(tmp_path / "whole.tar", "w") as shard:
        shard.add(mixed)
    whole = (tmp_path / "whole.tar").read_bytes()
    for name, content in (("zipped", gzip.compress(whole)), ("cut", whole[: len(whole) // 3])):
        (tmp_path / f"{name}.tar").write_bytes(content)
        with pytest.raises(UsageError, match="must be whole, and not compressed"):
            read(tmp_path / f"{name}.tar")


def test_plainly_colour_is_no_grey_and_no_toned_picture():
    for name in ("astronaut", "coffee", "stereo_motorcycle"):
        assert is_clearly_colour(np.asarray(photograph(name)))
    grey = np.asarray(Image.fromarray(data.camera()).convert("RGB"))
    sepia = (grey * np.array([1.0, 0.86, 0.66])).astype(np.uint8)
    noisy = (grey + np.random.default_rng(0).normal(0, 2, grey.shape)).clip(0, 255).astype(np.uint8)
    for one in (grey, sepia, noisy):
        assert not is_clearly_colour(one)


def test_the_split_stands_when_pictures_are_added_renamed_or_reordered():
    photographs = many(300)
    before = split_by_content(photographs[:100], 0.2, 0.2)
    after = split_by_content([*photographs[::-1], flat("new name", photographs[0].digest)], 0.2, 0.2)
    for side in ("train", "validation", "test"):
        digests = {one.digest for one in getattr(after, side)}
        assert {one.digest for one in getattr(before, side)} <= digests
    assert 150 < len(after.train) < 210
    assert 40 < len(after.validation) < 80
    sides = [{one.digest for one in side} for side in (after.train, after.validation, after.test)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_a_jpeg_larger_than_the_cache_is_shrunk_while_it_is_decoded(tmp_path):
    content = io.BytesIO()
    photograph("astronaut").save(content, "jpeg")
    (tmp_path / "a.jpg").write_bytes(content.getvalue())
    assert read(tmp_path).items[0].rgb.shape == (40, 40, 3)


@pytest.mark.parametrize("count", [2, 3, 12, 36])
def test_of_two_pictures_or_more_one_at_least_is_validated_on(count):
    for seed in range(20):
        photographs = many(count, seed=seed)
        split = split_by_content(photographs)
        assert split.train
        assert split.validation
        assert sorted(one.name for one in (*split.train, *split.validation)) == sorted(
            one.name for one in photographs
        )
        again = split_by_content(photographs[::-1])
        assert {one.name for one in again.validation} == {one.name for one in split.validation}
