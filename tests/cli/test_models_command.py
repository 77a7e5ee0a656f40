"""`archivecolor models` says what checkpoints say of themselves."""

import hashlib
import json

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode
from archivecolor.networks.builtin import built_in_path
from archivecolor.networks.registry import network_names


def test_without_words_it_tells_of_the_built_in_weights_and_of_all_networks(capsys):
    assert main(["models"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert str(built_in_path()) in out
    assert hashlib.sha256(built_in_path().read_bytes()).hexdigest() in out
    assert "  licence: " in out
    assert "  widths: 288, 208, 144, 112\n" in out
    assert not any(sign in out for sign in "{}[]")  # nothing as Python writes it
    names = out.splitlines()[-1].removeprefix("networks: ").split(", ")
    assert names == sorted(network_names())


def test_a_checkpoint_s_own_facts_as_json(checkpoint, capsys):
    assert main(["models", str(checkpoint), str(built_in_path()), "--json"]) == ExitCode.OK
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["title"], first["network"], first["path"]) == ("random", "default", str(checkpoint))
    assert first["nbytes"] == checkpoint.stat().st_size
    assert first["facts"]["encoder"] == "lite0"
    assert "licence" not in first["facts"]  # it says nothing of one
    assert second["facts"]["ciede2000"] > 0


def test_what_is_no_checkpoint_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "notes.safetensors").write_text("no checkpoint")
    for name, words in (("notes", "no archivecolor checkpoint"), ("gone", "does not exist")):
        assert main(["models", str(tmp_path / f"{name}.safetensors")]) == ExitCode.UNAVAILABLE
        said = capsys.readouterr()
        assert words in said.err
        assert (said.out, said.err.count("\n")) == ("", 1)
