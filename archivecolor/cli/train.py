"""`archivecolor train`: make a network from colour photographs."""

from __future__ import annotations

from archivecolor.cli.options import command_for, given_values
from archivecolor.errors import ExitCode
from archivecolor.settings import TrainSettings


@command_for(TrainSettings, "train")
def command(settings: TrainSettings) -> ExitCode:
    """Train a network on colour photographs, or go on with one.

    DATA are folders, .txt lists or .tar shards. The run's folder holds checkpoints that `dir` and `video`
    take with --checkpoint, sample sheets and figures. Ctrl-C saves and ends; --resume goes on,
    with the settings of the run but for those that are given anew.
    """
    from archivecolor.networks.torch_install import require_torch

    require_torch("training", "matplotlib", extra="train")
    from archivecolor.cli.training import print_summary, showing_progress
    from archivecolor.engine.stopping import Stop, stop_on_signals
    from archivecolor.jobs.train import train
    from archivecolor.training.distributed import is_main_rank

    with stop_on_signals(Stop()) as stop, showing_progress(settings) as callbacks:
        info = train(settings, stop, callbacks, given_values(vars(settings)))
    if is_main_rank():
        print_summary(settings, info.training, info.metrics)
    return ExitCode.OK
