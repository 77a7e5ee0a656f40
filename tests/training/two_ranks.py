"""Takes a few steps beside the other processes that torchrun started, and prints what came of the weights."""

import json
import sys

import torch
from small_networks import quick_settings

from archivecolor.engine.stopping import Stop
from archivecolor.training.distributed import join_process_group
from archivecolor.training.setup import set_up

if __name__ == "__main__":
    torch.set_num_threads(1)
    pictures, output = sys.argv[1:3]
    # The one network without batch norm, whose gradient is the mean over the pictures and nothing else.
    settings = quick_settings(
        pictures,
        output,
        "cnn",
        options=("dropout=0", "exposures=0"),
        max_steps=3,
        lr=1e-4,
        seed=int(sys.argv[3]),
    )
    with join_process_group("cpu") as distributed:
        trainer = set_up(settings, distributed).trainer
        before = torch.cat([part.detach().flatten().clone() for part in trainer.generator.parameters()])
        crops = trainer.sampler.batch(0)
        for _ in trainer.run(Stop()):
            pass
        after = torch.cat([part.detach().flatten() for part in trainer.generator.parameters()])
        torch.save(
            {"before": before, "after": after}, f"{output}-{distributed.world_size}-{distributed.rank}.pt"
        )
        sys.stdout.write(
            json.dumps({"rank": distributed.rank, "crops": len(crops), "steps": trainer.step}) + "\n"
        )
