"""Which pictures are taken, on which side of the split they lie, how often and how they are drawn."""

import gzip
import io
import tarfile
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from PIL import Image
from skimage import data
from small_networks import fill, photograph

from archivecolor.errors import UsageError
from archivecolor.training.data import (
    CropSampler,
    Photograph,
    is_clearly_colour,
    parse_source_weights,
    prefetch_batches,
    read_photographs,
    sampling_weights,
    split_by_content,
)
from archivecolor.training.distributed import DistributedContext


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
    assert len(found.items) + sum(found.dropped.values()) == 11
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


def flat(name, digest, colour=0):
    return Photograph(name, digest, np.full((32, 40, 3), colour, np.uint8))


def many(count, prefix=""):
    rng = np.random.default_rng(5)
    return [flat(f"{prefix}{index}.jpg", rng.bytes(8).hex(), index % 256) for index in range(count)]


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


def test_weights_by_source_take_the_longest_prefix():
    photographs = [flat("cars-1", "0"), flat("cars-old-1", "1"), flat("faces-1", "2")]
    weights = sampling_weights(photographs, parse_source_weights("cars=0.5, cars-old=2"))
    assert weights.tolist() == [0.5, 2.0, 1.0]
    with pytest.raises(UsageError, match="PREFIX=NUMBER"):
        parse_source_weights("cars=many")
    for weight in ("-1", "nan", "inf"):
        with pytest.raises(UsageError, match="0 or more"):
            parse_source_weights(f"cars={weight}")
    with pytest.raises(UsageError, match="no picture to train on"):
        sampling_weights(photographs, {"cars": 0.0, "faces": 0.0})


def test_a_source_that_nothing_comes_from_is_told(caplog):
    sampling_weights([flat("cars-1", "0")], {"cars": 2.0, "car": 3.0, "faces-": 2.0})
    assert [record.getMessage() for record in caplog.records] == [
        "source_weights: no picture's name begins with 'faces-'"
    ]


def sampler(photographs, **more):
    weights = more.pop("weights", np.ones(len(photographs)))
    return CropSampler(photographs, weights, **({"size": 16, "batch_size": 8, "seed": 3} | more))


def test_pictures_are_drawn_as_often_as_they_weigh():
    photographs = many(40)
    weights = np.where(np.arange(40) < 10, 3.0, 1.0)
    drawn = Counter()
    for epoch in range(30):
        drawn.update(sampler(photographs, weights=weights).epoch_order(epoch).tolist())
    heavy, light = (np.mean([drawn[index] for index in part]) for part in (range(10), range(10, 40)))
    assert heavy / light == pytest.approx(3.0, rel=0.05)


def test_an_epoch_without_weights_sees_every_picture_once():
    order = sampler(many(40)).epoch_order(0)
    assert sorted(order.tolist()) == list(range(40))


def test_batches_depend_on_seed_and_step_alone():
    photographs = [
        Photograph("a", "0", data.astronaut()[::8, ::8]),
        Photograph("b", "1", data.coffee()[::8, ::8]),
    ]
    one, again, other = sampler(photographs), sampler(photographs), sampler(photographs, seed=4)
    for step in (7, 0, 7):
        np.testing.assert_array_equal(one.batch(step), again.batch(step))
    assert (one.batch(7) != other.batch(7)).any()
    assert (one.batch(7) != one.batch(8)).any()


def test_batches_come_in_their_order_however_many_threads_draw():
    drawn = sampler(many(40), threads=4)
    from_threads = list(islice(prefetch_batches(drawn, 3), 12))
    assert all(np.array_equal(batch, drawn.batch(step)) for step, batch in enumerate(from_threads, start=3))


def test_processes_share_a_batch_and_nothing_is_seen_twice():
    photographs = many(40)
    whole = sampler(photographs).batch(2)
    shares = [sampler(photographs, distributed=DistributedContext(rank, 2)).batch(2) for rank in (0, 1)]
    np.testing.assert_array_equal(whole[0::2], shares[0])
    np.testing.assert_array_equal(whole[1::2], shares[1])


def test_an_epoch_may_be_shorter_than_the_pictures():
    short = sampler(many(40), epoch_pictures=16)
    assert short.batches_per_epoch == 2
    seen = {index for epoch in range(20) for index in short.epoch_order(epoch).tolist()}
    assert seen == set(range(40))


def test_flips_upside_down_only_where_asked_for():
    slope = np.repeat(np.arange(0, 240, 6, dtype=np.uint8)[:, None, None], 40, 1).repeat(3, 2)
    for vertical in (False, True):
        crops = sampler([Photograph("a", "0", slope)], vertical_flips=vertical, batch_size=32).batch(0)
        upside_down = [crop[0, 0, 0] > crop[-1, 0, 0] for crop in crops]
        assert any(upside_down) == vertical


def test_a_jpeg_larger_than_the_cache_is_shrunk_while_it_is_decoded(tmp_path):
    content = io.BytesIO()
    photograph("astronaut").save(content, "jpeg")
    (tmp_path / "a.jpg").write_bytes(content.getvalue())
    assert read(tmp_path).items[0].rgb.shape == (40, 40, 3)
