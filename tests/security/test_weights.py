"""Weights that would run code where they are loaded."""

import os
import pickle

import pytest
import torch
from small_archive import tree


class Hostile:
    """Makes a folder where it is unpickled by a program that lets it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def as_torch(path, hostile):
    torch.save({"weight": torch.zeros(2), "more": hostile}, path)


def as_old_torch(path, hostile):
    torch.save({"more": hostile}, path, _use_new_zipfile_serialization=False)


def as_pickle(path, hostile):
    path.write_bytes(pickle.dumps(hostile))


@pytest.mark.parametrize("write", [as_torch, as_old_torch, as_pickle])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_checkpoint_cannot_run_code(here, archive, tmp_path, write, suffix):
    trace, weights = tmp_path / "trace", tmp_path / f"weights{suffix}"
    write(weights, Hostile(trace))
    words = ["--include", "sepia.png", "--checkpoint", weights]
    done = here("dir", archive, tmp_path / "out", *words)
    assert done.returncode == 4, done.stderr
    assert "no archivecolor checkpoint" in done.stderr
    assert not trace.exists()
    assert tree(tmp_path / "out") == {}


def test_the_attack_is_a_real_one(tmp_path):
    as_pickle(tmp_path / "weights", Hostile(tmp_path / "trace"))
    pickle.loads((tmp_path / "weights").read_bytes())
    assert (tmp_path / "trace").exists()
