from dataclasses import fields

import pytest
import torch
from colour_photographs import fill

from archivecolor.engine.stopping import Stop
from archivecolor.jobs.train import TrainingCallbacks, train


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _small_discriminators(monkeypatch):
    """An eighth as wide: at their own width they take longer than all else that is trained here."""
    monkeypatch.setattr("archivecolor.networks.classic.discriminators.WIDTHS", (8, 16, 32, 64))


@pytest.fixture(autouse=True)
def _no_curves(request, monkeypatch):
    """Drawing takes longer than training does here; tests about it ask for `curves`."""
    if "curves" not in request.fixturenames:
        monkeypatch.setattr("archivecolor.training.run_recorder.draw_curves", lambda folder, figures: None)


@pytest.fixture
def curves():
    """Have the curves of a run drawn."""


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A dozen tiny colour photographs; only read by tests."""
    return fill(tmp_path_factory.mktemp("pictures") / "data", ("astronaut", "coffee", "stereo_motorcycle"))


@pytest.fixture
def trained():
    """Trains: `trained(settings, stop_at=None)` gives the checkpoint's info and all step reports."""

    def run(settings, stop_at=None):
        stop, reports = Stop(), []

        def listen(report):
            reports.append(report)
            if report.step == stop_at:
                stop.request(130)

        given = [one.name for one in fields(settings) if getattr(settings, one.name) != one.default]
        info = train(settings, stop, TrainingCallbacks(plan=lambda plan: None, step=listen), given)
        return info, reports

    return run
