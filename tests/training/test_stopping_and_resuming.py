"""Stopping and going on: nothing is lost, and a resumed run is the run that was never stopped."""

import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from small_networks import SMALL, quick_settings

from archivecolor.archive.layout import STATE_FOLDER
from archivecolor.cli.main import main
from archivecolor.cli.training import plan_text
from archivecolor.errors import (
    CheckpointError,
    DivergedError,
    ExitCode,
    OutOfMemoryError,
    OutputError,
    StoppedError,
    UsageError,
)
from archivecolor.networks.checkpoint import read_info
from archivecolor.networks.registry import NETWORKS, NetworkEntry
from archivecolor.training import divergence
from archivecolor.training.classic.unet import UnetObjective
from archivecolor.training.distributed import SINGLE_PROCESS
from archivecolor.training.metrics_log import read_metrics_log
from archivecolor.training.plan import training_plan
from archivecolor.training.setup import set_up
from archivecolor.training.state import load_newest_state


def states(folder):
    return sorted(folder.glob("state-*.pt"))


def assert_same_weights(one, other):
    first, second = load_file(one / "last.safetensors"), load_file(other / "last.safetensors")
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    ours, theirs = (torch.load(states(folder)[-1], weights_only=True) for folder in (one, other))
    for name, tensor in ours["tensors"]["generator"].items():
        assert torch.equal(tensor, theirs["tensors"]["generator"][name]), name


def test_two_epochs_and_two_more_are_four(pictures, trained, tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    trained(quick_settings(pictures, whole, "unet-gan", epochs=4))
    trained(quick_settings(pictures, halves, "unet-gan", epochs=2))
    info, reports = trained(quick_settings(pictures, halves, "unet-gan", epochs=4, resume=True))
    assert reports[0].step == reports[-1].step // 2 + 1
    assert_same_weights(whole, halves)
    assert info.training["steps"] == reports[-1].step
    assert not (halves / STATE_FOLDER).exists()


def test_a_stopped_run_that_goes_on_is_one_that_never_stopped(pictures, trained, tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    more = {"epochs": 2, "size": 64, "accumulate": 2, "options": ("duel=0.6",)}
    _, reports = trained(quick_settings(pictures, whole, "default", **more))
    with pytest.raises(StoppedError, match="--resume") as stopped:
        trained(quick_settings(pictures, halves, "default", **more), stop_at=len(reports) // 2)
    assert stopped.value.exit_code == ExitCode.INTERRUPTED
    trained(quick_settings(pictures, halves, "default", **more, resume=True))
    assert_same_weights(whole, halves)


def test_epochs_count_pictures_whatever_the_batch(pictures, tmp_path):
    def steps(**more):
        return set_up(quick_settings(pictures, tmp_path, **more), SINGLE_PROCESS).trainer.total_steps

    trainer = set_up(quick_settings(pictures, tmp_path), SINGLE_PROCESS).trainer
    count = len(trainer.sampler.photographs)
    batches = -(-count // 4)
    assert steps(epochs=6) == 6 * batches
    assert steps(epochs=6, accumulate=2) == -(-6 * batches // 2)
    assert steps(epochs=6, max_steps=5) == 5


def test_a_broken_newest_state_falls_back_to_the_one_before_saying_so(pictures, trained, tmp_path, caplog):
    trained(quick_settings(pictures, tmp_path, max_steps=2))
    trained(quick_settings(pictures, tmp_path, max_steps=4, resume=True))
    older, newer = states(tmp_path)
    newer.write_bytes(newer.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        _, reports = trained(quick_settings(pictures, tmp_path, max_steps=5, resume=True))
    assert [report.step for report in reports] == [3, 4, 5]
    assert f"{newer.name} is broken; going on from {older.name}" in caplog.text
    # The broken one takes no place among the two that are kept.
    assert [path.name for path in states(tmp_path)] == [older.name, "state-00000005.pt"]
    assert (tmp_path / f"broken-{newer.name}").exists()
    for path in states(tmp_path):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"every state .* is broken; .*another folder.* --init"):
        load_newest_state(tmp_path)


def test_a_disk_that_gives_no_answer_costs_no_good_state(pictures, trained, tmp_path, caplog):
    trained(quick_settings(pictures, tmp_path, max_steps=1))
    (state,) = states(tmp_path)
    failing = tmp_path / "state-00000002.pt"
    failing.symlink_to("/proc/self/mem")  # its first page cannot be read: EIO
    with pytest.raises(CheckpointError, match=r"state-00000002\.pt cannot be read .*left as it is"):
        trained(quick_settings(pictures, tmp_path, max_steps=3, resume=True))
    assert states(tmp_path) == [state, failing]
    assert "broken" not in caplog.text


@pytest.fixture
def short_memory():
    """No more than two terabytes of memory, as on a smaller machine with less."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 41, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_memory_that_runs_out_while_a_state_is_read_costs_no_good_state(
    pictures, trained, tmp_path, short_memory
):
    trained(quick_settings(pictures, tmp_path, max_steps=1))
    large = tmp_path / "state-00000002.pt"
    large.touch()
    os.truncate(large, 1 << 42)  # takes no room on the disk
    with pytest.raises(OutOfMemoryError, match=r"no memory to read .*left as it is"):
        load_newest_state(tmp_path)
    assert [path.name for path in states(tmp_path)] == ["state-00000001.pt", large.name]


def test_small_pictures_are_counted_and_many_are_warned_of(pictures, tmp_path, caplog):
    def planned(size):
        settings = quick_settings(pictures, tmp_path / "run", size=size)
        return training_plan(set_up(settings, SINGLE_PROCESS), settings)

    assert planned(48).enlarged == 0
    assert "smaller than the crops" not in caplog.text
    plan = planned(64)
    assert plan.enlarged == 11
    assert "11 are smaller than the crops and enlarged; left out: 1 grey" in plan_text(plan)
    assert "11 of 11 photographs are smaller than the crops of 64 pixels" in caplog.text


def test_a_run_inside_its_data_does_not_learn_from_its_own_sheets(pictures, trained, tmp_path, curves):
    data = shutil.copytree(pictures, tmp_path / "data")
    settings = quick_settings(data, data / "run", validation=(), max_steps=1)
    info, _ = trained(settings)
    assert (data / "run" / "curves.png").exists()
    again, _ = trained(quick_settings(data, data / "run", validation=(), max_steps=2, resume=True))
    assert again.data_digest == info.data_digest
    assert again.training["dropped"]["files of a run of this program"] == 2


def test_a_run_is_not_mixed_with_another(pictures, trained, tmp_path):
    trained(quick_settings(pictures, tmp_path, max_steps=1))
    before = states(tmp_path)
    with pytest.raises(UsageError, match="holds a run already"):
        trained(quick_settings(pictures, tmp_path, max_steps=1))
    with pytest.raises(UsageError, match="run of network 'unet', not 'cnn'"):
        trained(quick_settings(pictures, tmp_path, "cnn", resume=True))
    with pytest.raises(CheckpointError, match=r"other options: widths \(8, 16, 16, 32\), not \(8, 16\)"):
        trained(quick_settings(pictures, tmp_path, resume=True, options=("widths=8,16",)))
    with pytest.raises(UsageError, match="no run to resume"):
        trained(quick_settings(pictures, tmp_path / "new", resume=True))
    assert states(tmp_path) == before


def test_a_run_goes_on_with_its_own_settings_but_for_those_given(pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["train", str(pictures), "-o", "run", "--device", "cpu", "--validation", str(pictures)]
    own = [
        "--network",
        "cnn",
        "--options",
        "width=64",
        "--batch-size",
        "3",
        "--size",
        "64",
        "--ema",
        "0.5",
        "--accumulate",
        "2",
    ]
    assert main([*command, *own, "--max-steps", "1"]) == ExitCode.OK
    capsys.readouterr()
    assert main([*command, "--resume", "--max-steps", "2"]) == ExitCode.OK
    said = capsys.readouterr().err
    assert "6 crops of 64 x 64 pixels" in said
    assert "the run was made with --max-steps 1; it goes on with --max-steps 2" in said
    assert main([*command, "--resume", "--accumulate", "1", "--epochs", "1"]) == ExitCode.OK
    said = capsys.readouterr().err
    assert "3 crops of 64 x 64 pixels" in said
    assert "the run was made with --accumulate 2; it goes on with --accumulate 1" in said
    kept = load_newest_state(tmp_path / "run").settings
    assert (kept["network"], kept["batch_size"], kept["ema"], kept["max_steps"]) == ("cnn", 3, 0.5, None)
    assert kept["validation"] == (str(pictures),)


def test_options_that_shape_no_tensor_are_those_the_run_began_with(pictures, trained, tmp_path, caplog):
    trained(quick_settings(pictures, tmp_path, "cnn", max_steps=1))
    with pytest.raises(CheckpointError, match=r"dropout 0, not 0\.5"):
        trained(quick_settings(pictures, tmp_path, "cnn", resume=True, options=("dropout=0.5",)))
    with caplog.at_level(logging.WARNING):
        trained(quick_settings(pictures, tmp_path, "cnn", max_steps=2, resume=True, options=("exposures=1",)))
    assert "exposures 0, not 1" in caplog.text


def test_pictures_that_changed_since_are_told(pictures, trained, tmp_path, caplog):
    from colour_photographs import fill

    trained(quick_settings(pictures, tmp_path / "run", max_steps=1))
    others = fill(tmp_path / "others", ("rocket", "coffee"))
    with caplog.at_level(logging.WARNING):
        trained(quick_settings(others, tmp_path / "run", max_steps=2, resume=True))
    assert "not those the run began with" in caplog.text


def test_a_diverged_training_has_an_exit_code_of_its_own_and_asks_for_no_report(pictures, tmp_path, capsys):
    words = ["train", str(pictures), "-o", str(tmp_path / "run"), "--network", "unet", "--size", "32"]
    words += ["--options", SMALL["unet"][0][0], "--device", "cpu", "--validation", str(pictures), "-q"]
    assert main([*words, "--max-steps", "20", "--lr", "1e9", "--clip", "0"]) == ExitCode.DIVERGED == 9
    said = capsys.readouterr().err
    assert "--lr" in said
    assert "report" not in said


def test_losses_that_are_no_numbers_stop_the_run_and_spare_the_last_state(pictures, trained, tmp_path):
    trained(quick_settings(pictures, tmp_path, max_steps=2))
    with pytest.raises(DivergedError, match=r"not a number at step .*--lr"):
        trained(quick_settings(pictures, tmp_path, max_steps=50, lr=1e9, clip=0.0, resume=True))
    assert load_newest_state(tmp_path).step == 2


class Breaking(UnetObjective):
    """A step whose loss is finite and whose gradient is not."""

    def generator_losses(self, generator, discriminator, batch, progress):
        return {"l1": (0.0 * generator(batch.lightness)).sum().sqrt()}


def unet_trained_by(objective):
    return NetworkEntry(NETWORKS["unet"].generator, f"{__name__}:{objective.__name__}")


def test_weights_that_are_no_numbers_are_never_kept(pictures, trained, tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "unet", unet_trained_by(Breaking))
    with pytest.raises(DivergedError, match=r"weights are no numbers at step 1 .*--lr"):
        trained(quick_settings(pictures, tmp_path, max_steps=1))
    assert not list(tmp_path.glob("*.pt"))
    assert not list(tmp_path.glob("*.safetensors"))


class OneSided(UnetObjective):
    """A discriminator that is always right."""

    def discriminator_losses(self, generator, discriminator, batch, progress):
        losses = super().discriminator_losses(generator, discriminator, batch, progress)
        return {"judge": losses["judge"] * 1e-9}


class Hungry(UnetObjective):
    """A step for which the device has room with two pictures and no more."""

    def generator_losses(self, generator, discriminator, batch, progress):
        if len(batch.ab) > 2:
            raise torch.OutOfMemoryError("no room")
        return super().generator_losses(generator, discriminator, batch, progress)


class HungryOnCpu(UnetObjective):
    """The same without a GPU, where torch has no error of its own for it."""

    def generator_losses(self, generator, discriminator, batch, progress):
        if len(batch.ab) > 2:
            torch.empty(1 << 60, dtype=torch.uint8)
        return super().generator_losses(generator, discriminator, batch, progress)


def test_a_duel_that_is_over_stops_the_run(pictures, trained, tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "unet", unet_trained_by(OneSided))
    monkeypatch.setattr(divergence, "COLLAPSE_STEPS", 5)
    with pytest.raises(DivergedError, match="the duel is over"):
        trained(quick_settings(pictures, tmp_path, max_steps=50))


@pytest.mark.parametrize("objective", [Hungry, HungryOnCpu])
def test_memory_that_runs_out_says_which_batch_fits_and_loses_nothing(
    objective, pictures, trained, tmp_path, monkeypatch
):
    trained(quick_settings(pictures, tmp_path, max_steps=2))
    monkeypatch.setitem(NETWORKS, "unet", unet_trained_by(objective))
    with pytest.raises(OutOfMemoryError, match="2 fit: go on with --resume --batch-size 2 --accumulate 4"):
        trained(quick_settings(pictures, tmp_path, max_steps=4, batch_size=8, resume=True))
    _, reports = trained(
        quick_settings(pictures, tmp_path, max_steps=3, batch_size=2, accumulate=4, resume=True)
    )
    assert [report.step for report in reports] == [3]


def test_patience_ends_a_run_that_no_longer_gets_better(pictures, trained, tmp_path):
    settings = quick_settings(pictures, tmp_path, max_steps=80, lr=1e-9, validate_every=1, patience=2)
    _, reports = trained(settings)
    assert len(reports) < 80


def test_best_is_the_checkpoint_that_measured_best_and_not_the_newest(pictures, trained, tmp_path):
    # The first steps of a rate far too high are the best there are.
    trained(quick_settings(pictures, tmp_path, max_steps=6, lr=0.03, ema=0.0, validate_every=1))
    validated = [
        line.figures["ciede2000"] for line in read_metrics_log(tmp_path) if line.kind == "validation"
    ]
    best, last = (read_info(tmp_path / f"{name}.safetensors") for name in ("best", "last"))
    assert best.metrics["ciede2000"] == pytest.approx(min(validated), abs=1e-5)
    assert last.metrics["ciede2000"] == pytest.approx(validated[-1], abs=1e-5)
    assert best.training["steps"] == validated.index(min(validated)) + 1


def test_a_run_starts_from_the_weights_it_is_given(pictures, trained, tmp_path):
    trained(quick_settings(pictures, tmp_path / "first", max_steps=3))
    given = tmp_path / "first" / "last.safetensors"
    trained(quick_settings(pictures, tmp_path / "second", max_steps=1, lr=1e-9, ema=0.0, init=given))
    before, after = load_file(given), load_file(tmp_path / "second" / "last.safetensors")
    learned = [name for name in before if not name.endswith(("running_mean", "running_var"))]
    assert learned
    assert all(torch.equal(before[name], after[name]) for name in learned)


def test_the_last_checkpoint_is_the_mean_with_those_given(pictures, trained, tmp_path):
    trained(quick_settings(pictures, tmp_path / "first", max_steps=3))
    given = tmp_path / "first" / "last.safetensors"
    for name, others in (("second", ()), ("mean", (given, given))):
        settings = quick_settings(
            pictures, tmp_path / name, max_steps=2, lr=0.01, init=given, average_with=others
        )
        trained(settings)
    first, second, mean = (
        load_file(tmp_path / name / "last.safetensors") for name in ("first", "second", "mean")
    )
    assert any(not torch.equal(first[name], second[name]) for name in first)
    for name, tensor in mean.items():
        wanted = (2.0 * first[name].float() + second[name].float()) / 3.0
        assert torch.allclose(tensor.float(), wanted, rtol=2e-3, atol=2e-3), name
    assert len(read_info(tmp_path / "mean" / "last.safetensors").training["average_with"]) == 2


def test_given_weights_of_other_options_are_refused(pictures, trained, tmp_path):
    trained(quick_settings(pictures, tmp_path / "first", max_steps=1))
    given = tmp_path / "first" / "last.safetensors"
    with pytest.raises(UsageError, match="weights for other options"):
        trained(quick_settings(pictures, tmp_path / "second", init=given, options=("widths=8,16",)))


@pytest.fixture
def full_disk():
    """Files cannot grow beyond a kilobyte, as on a disk that is nearly full; call the answer to free it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_the_run_and_spares_what_it_has(pictures, trained, tmp_path, request):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    trained(quick_settings(pictures, whole, max_steps=4))
    trained(quick_settings(pictures, halves, max_steps=2))
    before = {
        path.name: path.read_bytes() for path in halves.iterdir() if path.suffix in (".pt", ".safetensors")
    }
    free = request.getfixturevalue("full_disk")
    with pytest.raises(OutputError, match="cannot write"):
        trained(quick_settings(pictures, halves, max_steps=4, resume=True))
    free()
    assert before == {name: (halves / name).read_bytes() for name in before}
    assert not [path for path in halves.iterdir() if "part" in path.name]
    trained(quick_settings(pictures, halves, max_steps=4, resume=True))
    assert_same_weights(whole, halves)


def test_a_run_leaves_all_that_people_look_at(pictures, trained, tmp_path, curves):
    settings = quick_settings(
        pictures, tmp_path, max_steps=4, sample_every=2, validate_every=2, tensorboard=True
    )
    trained(settings)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"best.safetensors", "last.safetensors", "curves.png", "figures.jsonl"} <= names
    assert {"sample-00000002.png", "sample-00000004.png"} <= names
    assert list((tmp_path / "tensorboard").glob("events.*"))


@pytest.fixture
def command(pictures, tmp_path):
    """The words of a run that takes long, in a process of its own."""
    words = [sys.executable, "-m", "archivecolor", "train", str(pictures), "-o", str(tmp_path / "run")]
    words += ["--network", "cnn", "--options", "width=64", "--validation", str(pictures), "--size", "32"]
    return [*words, "--batch-size", "4", "--device", "cpu", "--jobs", "1", "--checkpoint-every", "1"]


def begin(command, folder):
    """A run that has written its first state."""
    process = subprocess.Popen(
        [*command, "--max-steps", "1000000"],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not states(folder) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert states(folder), process.communicate()[1]
    return process


def test_ctrl_c_saves_and_ends_with_130_and_a_kill_costs_what_came_since(command, tmp_path):
    folder = tmp_path / "run"
    process = begin(command, folder)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=120)
    assert process.returncode == 130, words
    assert "--resume goes on" in words
    assert "pictures" in words  # the plan
    assert (folder / "last.safetensors").exists()
    reached = load_newest_state(folder).step

    process = begin([*command, "--resume"], folder)
    while load_newest_state(folder).step == reached:
        time.sleep(0.2)
    process.kill()
    process.communicate(timeout=60)
    killed_at = load_newest_state(folder).step
    assert main([*command[3:], "--resume", "--max-steps", str(killed_at + 3), "-q"]) == 0
    assert load_newest_state(folder).step == killed_at + 3


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"data": "empty"}, 2, "no colour photograph"),
        ({"data": "grey"}, 2, "1 grey"),
        ({"data": "one"}, 2, "too few"),
        ({"--lr": "zero"}, 2, "lr is 0.0; it must be at least"),
        ({"data": "broken.tar"}, 2, "tar shard"),
        ({"data": "utf-16.txt"}, 2, "no text in UTF-8"),
        ({"--options": "words"}, 2, "widths is 'wide'; it takes whole numbers"),
        ({"--init": "other"}, 2, "of network 'cnn', not 'unet'"),
        ({"--init": "missing"}, 4, "cannot be read"),
        ({"--average-with": "other"}, 2, "has other weights than the network"),
        ({"--encoder-weights": "hostile"}, 4, "plain tensors"),
        ({"--encoder-weights": "missing"}, 4, "No such file"),
        ({"output": "under-a-file"}, 5, "cannot"),
    ],
    ids=str,
)
def test_bad_input_is_told_in_one_line(change, code, words, pictures, trained, tmp_path, capsys):
    places = bad_places(tmp_path)
    if "other" in change.values():
        trained(quick_settings(pictures, tmp_path / "other", "cnn", max_steps=1))
    given = {"data": pictures, "output": tmp_path / "run"} | {
        key: places[value] for key, value in change.items()
    }
    line = [
        "train",
        str(given.pop("data")),
        "-o",
        str(given.pop("output")),
        "--network",
        "unet",
        "--size",
        "32",
    ]
    for name, value in given.items():
        line += [name, str(value)]
    assert main([*line, "--device", "cpu", "--max-steps", "1"]) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not states(tmp_path / "run")


def bad_places(tmp_path):
    """Everything that may be wrong, made but for a run of another network."""
    from PIL import Image
    from skimage import data

    for name in ("empty", "grey", "one"):
        (tmp_path / name).mkdir()
    Image.fromarray(data.camera()).save(tmp_path / "grey" / "a.png")
    Image.fromarray(data.coffee()).save(tmp_path / "one" / "a.png")
    (tmp_path / "broken.tar").write_bytes(b"no tar" * 200)
    torch.save({"weights": os.getcwd}, tmp_path / "hostile.pth")
    (tmp_path / "file").touch()
    (tmp_path / "utf-16.txt").write_text("a.png", encoding="utf-16")
    return {
        "empty": tmp_path / "empty",
        "grey": tmp_path / "grey",
        "one": tmp_path / "one",
        "broken.tar": tmp_path / "broken.tar",
        "utf-16.txt": tmp_path / "utf-16.txt",
        "words": "widths=wide",
        "other": tmp_path / "other" / "last.safetensors",
        "zero": "0",
        "missing": tmp_path / "missing.safetensors",
        "hostile": tmp_path / "hostile.pth",
        "under-a-file": tmp_path / "file" / "run",
    }
