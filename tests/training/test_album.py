"""Crops cut beside the network are the processor's; no step waits for its device before it is given out."""

import numpy as np
import pytest
import torch
from skimage import data
from small_networks import SMALL, fill, quick_settings
from torch.utils._python_dispatch import TorchDispatchMode

from archivecolor.engine.stopping import Stop
from archivecolor.model.generators import network_names
from archivecolor.training import loop
from archivecolor.training.album import Album, has_room_for
from archivecolor.training.data import CropDrawer, Photograph
from archivecolor.training.ranks import ALONE, Ranks
from archivecolor.training.setup import set_up

CPU = torch.device("cpu")
PICTURES = [
    Photograph(name, "", np.ascontiguousarray(getattr(data, name)()[::step, ::step]))
    for name, step in (("astronaut", 5), ("coffee", 4), ("chelsea", 3), ("rocket", 6))
]


@pytest.mark.parametrize("size", [32, 96, 160])
@pytest.mark.parametrize("ranks", [ALONE, Ranks(1, 2)])
def test_crops_are_those_of_the_processor_but_for_rounding(size, ranks):
    drawer = CropDrawer(PICTURES, np.ones(4), size, 16, 3, vertical_flips=True, ranks=ranks)
    cuts = drawer.cuts(1)
    assert cuts.mirrored.any()
    assert cuts.overturned.any()
    crops = Album(PICTURES, CPU).crops(cuts, size).numpy()
    wanted = drawer.batch(1)
    assert crops.shape == wanted.shape
    assert int(np.abs(crops.astype(int) - wanted).max()) <= 1


def test_a_processor_keeps_no_album():
    assert not has_room_for(PICTURES, CPU)


@pytest.mark.parametrize("network", ["default", "unet"])
def test_training_goes_the_same_way_with_an_album(tmp_path, monkeypatch, network):
    folder = fill(tmp_path / "pictures", ["astronaut", "coffee"])
    settings = quick_settings(folder, tmp_path / "run", network, max_steps=3)
    plain = [report.losses for report in set_up(settings, ALONE).trainer.run(Stop())]
    monkeypatch.setattr(loop, "has_room_for", lambda photographs, device: True)
    trainer = set_up(settings, ALONE).trainer
    assert trainer.album is not None
    for before, report in zip(plain, trainer.run(Stop()), strict=True):
        assert report.losses == pytest.approx(before, rel=0.02)


class NoWaiting(TorchDispatchMode):
    """Refuses what makes Python wait for a card: its numbers asked for, masks counted, constants sent."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        masks = [part for part in args[1] if part is not None] if name in ("index", "index_put_") else []
        assert name not in self.WAITING, f"{name} waits for the device"
        # Whole numbers, of what is cut and struck, are sent without waiting.
        assert name != "lift_fresh" or not args[0].is_floating_point(), "constants are sent anew"
        assert all(mask.dtype == torch.int64 for mask in masks), f"{name} counts a mask"
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("network", network_names())
def test_no_step_waits_for_its_device_before_its_work_is_given_out(tmp_path, network):
    folder = fill(tmp_path / "pictures", ["astronaut", "coffee"])
    more = ("vividness=1", "duel=1.0") if network == "default" else ()
    size = 96 if network == "default" else 32
    settings = quick_settings(folder, tmp_path / "run", network, options=more, size=size, augment=1.0)
    trainer = set_up(settings, ALONE).trainer
    judge = trainer.judge.network if trainer.judge else None
    album, moment = Album(trainer.drawer.photographs, CPU), loop.Moment(1, 0.7, 0.9)

    def step(number):
        trainer.step = number
        (batch,) = trainer._batches([album.crops(trainer.drawer.cuts(number), size)])
        losses = trainer.recipe.generator_losses(trainer.generator, judge, batch, moment)
        if judge is not None:
            losses |= trainer.recipe.discriminator_losses(trainer.generator, judge, batch, moment)
        return losses

    step(0)  # constants are sent once
    with NoWaiting():
        losses = step(1)
    assert SMALL[network][1] in losses
