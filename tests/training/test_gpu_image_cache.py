"""Crops cut beside the network are the processor's; no step waits for its device before it is given out."""

import numpy as np
import pytest
import torch
from colour_photographs import fill
from skimage import data
from small_networks import SMALL, quick_settings
from torch.utils._python_dispatch import TorchDispatchMode

from archivecolor.datasets.photographs import Photograph
from archivecolor.engine.stopping import Stop
from archivecolor.networks.registry import network_names
from archivecolor.training import loop
from archivecolor.training.crops import CropSampler
from archivecolor.training.distributed import SINGLE_PROCESS, DistributedContext
from archivecolor.training.gpu_image_cache import GpuImageCache, has_room_for
from archivecolor.training.objective import TrainingProgress
from archivecolor.training.setup import set_up

CPU = torch.device("cpu")
PICTURES = [
    Photograph(name, "", np.ascontiguousarray(getattr(data, name)()[::step, ::step]))
    for name, step in (("astronaut", 5), ("coffee", 4), ("chelsea", 3), ("rocket", 6))
]


@pytest.mark.parametrize("size", [32, 96, 160])
@pytest.mark.parametrize("distributed", [SINGLE_PROCESS, DistributedContext(1, 2)])
def test_crops_are_those_of_the_processor_but_for_rounding(size, distributed):
    sampler = CropSampler(PICTURES, np.ones(4), size, 16, 3, vertical_flips=True, distributed=distributed)
    crop_boxes = sampler.crop_boxes(1)
    assert crop_boxes.flipped_horizontally.any()
    assert crop_boxes.flipped_vertically.any()
    crops = GpuImageCache(PICTURES, CPU).crops(crop_boxes, size).numpy()
    wanted = sampler.batch(1)
    assert crops.shape == wanted.shape
    assert int(np.abs(crops.astype(int) - wanted).max()) <= 1


def test_a_processor_keeps_no_album():
    assert not has_room_for(PICTURES, CPU)


@pytest.mark.parametrize("network", ["default", "unet"])
def test_training_goes_the_same_way_with_an_album(tmp_path, monkeypatch, network):
    folder = fill(tmp_path / "pictures", ["astronaut", "coffee"])
    settings = quick_settings(folder, tmp_path / "run", network, max_steps=3)
    plain = [report.losses for report in set_up(settings, SINGLE_PROCESS).trainer.run(Stop())]
    monkeypatch.setattr(loop, "has_room_for", lambda photographs, device: True)
    trainer = set_up(settings, SINGLE_PROCESS).trainer
    assert trainer.image_cache is not None
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
def test_no_step_waits_for_its_device_before_its_work_is_given_out(tmp_path, network, monkeypatch):
    folder = fill(tmp_path / "pictures", ["astronaut", "coffee"])
    more = ("vividness=1", "duel=1.0") if network == "default" else ()
    size = 96 if network == "default" else 32
    settings = quick_settings(folder, tmp_path / "run", network, options=more, size=size, augment=1.0)
    trainer = set_up(settings, SINGLE_PROCESS).trainer
    image_cache = GpuImageCache(trainer.sampler.photographs, CPU)
    monkeypatch.setattr(trainer, "training_progress", lambda: TrainingProgress(1, 0.7, 0.9))

    def step(number):
        trainer.step = number
        (batch,) = trainer._batches([image_cache.crops(trainer.sampler.crop_boxes(number), size)])
        losses = trainer._generator_losses(batch)
        if trainer.discriminator is not None:
            losses |= trainer._discriminator_losses(batch)
        return losses

    step(0)  # constants are sent once
    with NoWaiting():
        losses = step(1)
    assert SMALL[network][1] in losses
