"""Predicting in batches: what cannot be predicted fails alone, and never comes out grey."""

import os
import subprocess
import sys

import torch

from archivecolor.networks.checkpoint import dump_checkpoint, load_checkpoint

STARVE = """
import resource, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from PIL import Image
from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.engine.stages import Settled
from archivecolor.inference.predictor import open_predictor
from archivecolor.jobs.photographs import PhotoRunContext, PredictStage
from archivecolor.jobs.photograph_tasks import inspect_source
from archivecolor.settings import DirSettings

folder, checkpoint = Path(sys.argv[1]), Path(sys.argv[2])
settings = DirSettings(
    input=folder, output=folder, checkpoint=checkpoint, device="cpu", precision="fp32", working_size=1024
)
looked = []
for name, size in (("small.png", (64, 64)), ("large.png", (1024, 1024))):
    Image.effect_noise(size, 90).save(folder / name)
    looked.append(inspect_source(settings, Item("photo", folder, name, name, 1, 1, PlanAction.DO, 0, "")))
small = inspect_source(replace(settings, working_size=64), looked[0].item)
predictor = open_predictor(checkpoint, settings)
painter = PredictStage(PhotoRunContext(settings, "weights", lambda: predictor))
list(painter.predict_batch([small], painter.start([small])))
status = Path("/proc/self/status").read_text().splitlines()
used = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20,) * 2)
for answer in painter.predict_batch([small, looked[1]], painter.start([small, looked[1]])):
    if isinstance(answer, Settled):
        record = answer.value.record
        print(record.path, record.status.value, record.reason.value)
    else:
        print(answer.item.path, len(answer.chromas))
"""


def test_a_picture_too_large_for_the_memory_fails_and_the_others_of_its_batch_do_not(checkpoint, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", STARVE, str(tmp_path), str(checkpoint)]
    # glibc sets 64 MB of addresses aside for each thread when it first allocates, and here they count.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    assert done.stdout.splitlines() == ["small.png 1", "large.png failed out-of-memory"], done.stderr


def test_a_network_that_answers_nonsense_fails_every_picture(archive, checkpoint, here, tmp_path):
    loaded = load_checkpoint(checkpoint)
    torch.nn.init.constant_(loaded.generator.to_ab.bias, float("nan"))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(dump_checkpoint(loaded.generator, loaded.info))
    words = ["--checkpoint", broken, "--include", "people", "--json"]
    done = here("dir", archive, tmp_path / "out", *words)
    assert done.returncode == 3
    assert done.stdout.count('"reason": "broken-network"') == 3
    assert not list((tmp_path / "out").glob("people/*"))
