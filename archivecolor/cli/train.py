"""`archivecolor train`: make a network from colour photographs."""

from __future__ import annotations

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.settings import TrainSettings


@command_for(TrainSettings, "train")
def command(settings: TrainSettings) -> ExitCode:
    """Train a network on colour photographs, or go on with one.

    DATA are folders, .txt lists or .tar shards. The run's folder holds checkpoints that `dir` and `video`
    take with --checkpoint, sample sheets and figures. Ctrl-C saves and ends; --resume goes on.
    """
    from archivecolor.cli.training import print_summary, watching
    from archivecolor.engine.stopping import Stop, listening
    from archivecolor.jobs.train import train
    from archivecolor.training.ranks import leads_here

    with listening(Stop()) as stop, watching(settings) as audience:
        info = train(settings, stop, audience)
    if leads_here():
        print_summary(settings, info.training, info.metrics)
    return ExitCode.OK
