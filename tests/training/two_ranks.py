"""A few steps of two processes, then the same of one, and what came of the weights of each.

The processes are forked, with the variables of torchrun: each would load torch for itself otherwise.
"""

import json
import os
import socket
import sys

import torch
from small_networks import quick_settings

from archivecolor.engine.stopping import Stop
from archivecolor.training.distributed import join_process_group
from archivecolor.training.setup import set_up


def take_steps(pictures, output):
    """Train for three steps, and print and keep what came of it."""
    # The one network without batch norm, whose gradient is the mean over the pictures and nothing else.
    options = ("dropout=0", "exposures=0")
    settings = quick_settings(pictures, output, "cnn", options=options, max_steps=3, lr=1e-4, seed=1)
    with join_process_group("cpu") as distributed:
        trainer = set_up(settings, distributed).trainer
        before = torch.cat([part.detach().flatten().clone() for part in trainer.generator.parameters()])
        crops = trainer.sampler.batch(0)
        for _ in trainer.run(Stop()):
            pass
        after = torch.cat([part.detach().flatten() for part in trainer.generator.parameters()])
        name = f"{output}-{distributed.world_size}-{distributed.rank}.pt"
        torch.save({"before": before, "after": after}, name)
        said = json.dumps({"rank": distributed.rank, "crops": len(crops), "steps": trainer.step})
        os.write(sys.stdout.fileno(), f"{said}\n".encode())


def fork(rank, variables, *words):
    """Start a process that is one of several; gives its number. An error ends it as any other."""
    child = os.fork()
    if child == 0:
        os.environ.update(variables, RANK=str(rank), LOCAL_RANK=str(rank))
        take_steps(*words)
        os._exit(0)
    return child


if __name__ == "__main__":
    torch.set_num_threads(1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for child in [fork(rank, place, *sys.argv[1:]) for rank in range(2)]:
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)
    take_steps(*sys.argv[1:])
