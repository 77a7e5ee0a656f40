"""How often pictures are drawn, and what is cut from them."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from colour_photographs import flat, many
from skimage import data

from archivecolor.datasets.photographs import Photograph
from archivecolor.errors import UsageError
from archivecolor.training.crops import CropSampler, parse_source_weights, prefetch_batches, sampling_weights
from archivecolor.training.distributed import DistributedContext


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
