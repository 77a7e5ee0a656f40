"""The figures of a run survive a kill in the middle of a line."""

import json

from archivecolor.training.metrics_log import NAME, LoggedFigures, MetricsLog, read_metrics_log


def test_figures_come_back_by_step_and_a_step_done_again_counts_once(tmp_path):
    metrics_log = MetricsLog(tmp_path, tensorboard=False)
    metrics_log.write("step", 50, {"l1": 0.5})
    metrics_log.write("step", 100, {"l1": 0.4})
    metrics_log.write("validation", 100, {"psnr": 20.0})
    MetricsLog(tmp_path, tensorboard=False).write("step", 100, {"l1": 0.3})  # resumed from step 50
    assert read_metrics_log(tmp_path) == [
        LoggedFigures("step", 50, {"l1": 0.5}),
        LoggedFigures("step", 100, {"l1": 0.3}),
        LoggedFigures("validation", 100, {"psnr": 20.0}),
    ]


def test_a_line_torn_by_a_kill_costs_itself_alone(tmp_path):
    path = tmp_path / NAME
    MetricsLog(tmp_path, tensorboard=False).write("step", 50, {"l1": 0.5})
    whole = json.dumps({"kind": "step", "step": 100, "l1": 0.4})
    for length in range(1, len(whole)):
        path.write_text(path.read_text().splitlines()[0] + "\n" + whole[:length])
        MetricsLog(tmp_path, tensorboard=False).write("step", 150, {"l1": 0.2})
        assert [line.step for line in read_metrics_log(tmp_path)] == [50, 150]
