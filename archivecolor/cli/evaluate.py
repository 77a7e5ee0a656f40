"""`archivecolor evaluate`: how good the colour of networks is."""

from __future__ import annotations

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.settings import EvaluateSettings


@command_for(EvaluateSettings, "evaluate")
def command(settings: EvaluateSettings) -> ExitCode:
    """Measure how good the colour of networks is.

    DATA are colour photographs (folders, .txt lists, .tar shards) or colour films. Their colour is
    taken off, given back by each network, and compared with the truth. Grey and one warm tint stand
    in the table too: plain CIEDE2000 and PSNR flatter them, dE@0.8 does not.
    """
    from archivecolor.cli.evaluation import print_evaluation, showing_progress
    from archivecolor.jobs.evaluate import evaluate

    with showing_progress(settings) as report:
        evaluation = evaluate(settings, report)
    print_evaluation(settings, evaluation)
    return ExitCode.OK
