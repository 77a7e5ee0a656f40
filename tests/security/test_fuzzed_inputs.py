"""Files that steer the program, damaged at random: each ends with its documented error, and soon."""

import io
import json
import os
import random
import re
import struct
from collections import Counter
from pathlib import Path

import pytest

from archivecolor.archive.correction import Correction, OwnSettings
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions, append_decisions, write_decisions
from archivecolor.archive.export import write_csv
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.merging_decisions import merge
from archivecolor.archive.record import Output, Record, Source, Status
from archivecolor.archive.run_json import read_run_summary
from archivecolor.cli.main import exit_code_for
from archivecolor.cli.options import command_for
from archivecolor.colour.guidance import Hint
from archivecolor.engine.progress import NullListener
from archivecolor.errors import CheckpointError, ExitCode, Reason, UsageError
from archivecolor.jobs.verify import verify_folder
from archivecolor.networks.checkpoint import load_checkpoint, read_checkpoint
from archivecolor.recipe import JOBS, load_recipe, recipe_text
from archivecolor.settings import DirSettings, VerifySettings, fields_of
from archivecolor.training.distributed import join_process_group

# What a terminal obeys.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# The quick selection, and all of it.
COUNTS = [200, pytest.param(2000, marks=pytest.mark.fault)]
# Values that nobody meant.
ODD = [
    None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf"), "", "x" * 5000, "a\0b", "../../up", "/root",
    "\ud800", [], {}, [[]], {"a": {"b": [1]}}, ["\ud800"], "~nobody/x", "=1+1", 2**63, 1.5, "\x1b[2J",
]  # fmt: skip


def mutated_bytes(content, rng):
    """The bytes with a few changed, cut, doubled or put elsewhere."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(content) + 1)
        how = rng.random()
        if how < 0.5 and place < len(content):
            content[place] = rng.choice(b'"{}[]:,\\\n\0 0129eE-+.' + rng.randbytes(4))
        elif how < 0.7:
            del content[place : place + rng.randint(1, 20)]
        elif how < 0.9:
            content[place:place] = rng.choice([b"[" * 300, b"9" * 5000, b"\xff\xfe", b'"', b"\n", b"\\ud800"])
        else:
            content[place:place] = content[: rng.randint(0, len(content))]
    return bytes(content)


def mutated_values(values, rng):
    """The object with a few values of other kinds, somewhere in it."""
    values = json.loads(json.dumps(values))
    for _ in range(rng.randint(1, 3)):
        holder = values
        while True:
            key = rng.choice(list(holder))
            if isinstance(holder[key], dict) and holder[key] and rng.random() < 0.7:
                holder = holder[key]
                continue
            break
        if rng.random() < 0.15:
            del holder[key]
            if not values:
                return values
        else:
            holder[key] = rng.choice(ODD)
    return values


def mutated_lines(good, number, rng):
    """Lines of JSON, every other time the bytes of all of them mutated, else the values of the second."""
    if number % 2:
        return mutated_bytes(good, rng)
    first, second, *rest = good.splitlines()
    second = json.dumps(mutated_values(json.loads(second), rng)).encode()
    return b"\n".join([first, second, *rest, b""])


def record(path):
    return Record(
        path,
        Status.DONE,
        Reason.COLOURED,
        Source(10, 20, "a" * 64, 6, 4, 8, 2, "grey"),
        output=Output(path, 30, "b" * 64, 6, 4, 8),
        lost=("MakerNotes",),
        confidence=0.5,
        extra={"film": {"frames": 3}},
    )


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_manifests(tmp_path, count):
    rng = random.Random(1)
    path = tmp_path / "_archivecolor" / "manifest.jsonl"
    path.parent.mkdir()
    with ManifestWriter(path) as writer:
        for name in ("a.jpg", "b/c.jpg", os.fsdecode(b"\xff.jpg")):
            writer.append(record(name))
    good = path.read_bytes()
    for number in range(count):
        path.write_bytes(mutated_lines(good, number, rng))
        try:
            manifest = Manifest(path)
            records = list(manifest.records())
            write_csv(records, io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
            assert all(".." not in one.path.split("/") for one in records)
            manifest.digests()
            verify_folder(VerifySettings(output=tmp_path), NullListener(), lambda _: None)
            with ManifestWriter(path) as writer:
                writer.append(records[0] if records else record("a.jpg"))
        except UsageError as error:
            assert "newer" in str(error), number


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_run_summaries(tmp_path, count):
    rng = random.Random(2)
    good = {
        "command": ["dir"], "settings": {"jobs": 2}, "versions": {"python": "3"}, "weights": "x",
        "counts": {"done": 1}, "started": "", "seconds": 3.5, "megapixels": 2.5, "exit_code": 0,
    }  # fmt: skip
    path = tmp_path / "run.json"
    for number in range(count):
        if number % 2:
            path.write_bytes(mutated_bytes(json.dumps(good).encode(), rng))
        else:
            path.write_text(json.dumps(mutated_values(good, rng)))
        summary = read_run_summary(path)
        assert summary is None or summary.seconds >= 0


def decided(path, **more):
    hint = Hint(0.25, 0.5, (10, 200, 30))
    correction = Correction((hint,), OwnSettings(saturation=0.5, quality="high"), "a" * 64, "why", "who")
    return Decision(path, State.ACCEPTED, correction, "note", "who", "2026-01-01T00:00:00Z", **more)


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_decisions(tmp_path, count):
    rng = random.Random(5)
    path, other = tmp_path / "_archivecolor" / "decisions.jsonl", tmp_path / "other.jsonl"
    path.parent.mkdir()
    with locked(tmp_path):
        names = ("a.jpg", "b/[x]*.jpg", os.fsdecode(b"\xff.jpg"))
        append_decisions(path, [decided(name) for name in names] + [decided("c.jpg", extra={"later": [1]})])
        append_decisions(path, [decided(name, glob=glob) for name in names for glob in (True, None)])
        good = path.read_bytes()
        for number in range(count):
            path.write_bytes(mutated_lines(good, number, rng))
            try:
                decisions = Decisions.read(path)
                for name in ("a.jpg", "b/x1.jpg", "c.jpg"):
                    decision = decisions.of(name)
                    decision.guidance(1, with_hints=True)
                    decision.applied_to(DirSettings(input=tmp_path, output=tmp_path / "out"))
                assert all(".." not in one.path.split("/") for one in decisions.lines)
                write_decisions(other, decisions.newest())
                merge(Decisions.read(other), decisions.lines)
                append_decisions(path, decisions.lines[:1])
                assert Decisions.read(path).lines[-1:] == decisions.lines[:1]

            except UsageError as error:
                assert "newer" in str(error), number


VARIABLES = [
    "", " ", "-1", "0", "1", "1e308", "9" * 3000, "nan", "inf", "true", "yes", "x" * 20000, "~nobody/x",
    "../..", "a:b::c", "[[[", "*" * 300, "\udcff", "\x1b[2J", "\u202e", "1:2:3", "5GB", "-5m", "cpu", "keep",
    "/dev/zero", "0x10", "\uff11", "a\nb", "--help", "@list", "1/0", "0/3", "7/3",
]  # fmt: skip


@pytest.fixture
def commands(monkeypatch):
    """Commands of every job that do nothing with the settings they are given."""
    monkeypatch.setattr("archivecolor.cli.options.prepare_process", lambda settings: None)

    def nothing(settings):
        """Nothing."""
        return ExitCode.OK

    return {job: command_for(settings, job)(nothing) for job, settings in JOBS.items()}


ARGUMENTS = {
    "dir": ("in", "out"), "grey": ("in", "out"), "verify": ("out",), "video": ("in",),
    "train": ("in", "-o", "out"), "evaluate": ("in",),
}  # fmt: skip


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_variables(tmp_path, commands, monkeypatch, count, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    rng = random.Random(6)
    ends = Counter()
    for number in range(count):
        job = rng.choice(list(JOBS))
        names = [setting.name for setting in fields_of(JOBS[job])]
        with monkeypatch.context() as environment:
            for name in rng.sample(names, rng.randint(1, 3)):
                prefix = rng.choice(["ARCHIVECOLOR_", f"ARCHIVECOLOR_{job.upper()}_"])
                environment.setenv(prefix + name.upper(), rng.choice(VARIABLES))
            try:
                end = commands[job].main(ARGUMENTS[job], standalone_mode=False)
            except Exception as error:  # noqa: BLE001 - the process edge
                end = exit_code_for(error)
        said = capsys.readouterr().err
        assert end in (ExitCode.OK, ExitCode.USAGE), (number, job, said)
        assert len(said) < 2000 and not STEERING.search(said), (number, said)
        ends[end] += 1
    assert min(ends[ExitCode.OK], ends[ExitCode.USAGE]) > count / 10


def settings_of(recipe):
    """The settings that a recipe makes, as the command would."""
    return JOBS[recipe.job](**recipe.values)


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_recipes(tmp_path, count):
    rng = random.Random(3)
    path = tmp_path / "recipe.toml"
    texts = [
        f'job = "{job}"\n[{job}]\n' + recipe_text(job, {}).partition(f"[{job}]")[2].replace("\n# ", "\n")
        for job in JOBS
    ]
    lines = [[line for line in text.splitlines() if " = " in line or line.startswith("[")] for text in texts]
    values = [
        "1", "-1", "9" * 3000, "inf", "nan", '"x"', '"a\\u0000b"', '"~nobody/x"', "[]", "[[1]]", "true",
        "{a = 1}", "1979-05-27", '"' + "x" * 3000 + '"', "[" * 500 + "]" * 500, "[1, 2", "0x1F",
    ]  # fmt: skip
    for number in range(count):
        chosen = list(rng.choice(lines))
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(chosen))
            key = chosen[place].partition(" = ")[0]
            chosen[place] = f"{key} = {rng.choice(values)}" if rng.random() < 0.8 else rng.choice(values)
        content = "\n".join(chosen).encode()
        path.write_bytes(mutated_bytes(content, rng) if number % 3 == 0 else content)
        try:
            settings_of(load_recipe(path))
        except UsageError as error:
            assert str(path) in str(error)
            assert len(str(error)) < 2000
        except TypeError as error:
            assert "required keyword" in str(error) or "missing" in str(error)


def with_header(content, header):
    """A safetensors file with another header before the same tensors."""
    size = struct.unpack("<Q", content[:8])[0]
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_checkpoint_headers(checkpoint, tmp_path, count):
    rng = random.Random(4)
    content = checkpoint.read_bytes()
    header = content[8 : 8 + struct.unpack("<Q", content[:8])[0]]
    document = json.loads(header)
    info = json.loads(document["__metadata__"]["archivecolor"])
    path = tmp_path / "mutant.safetensors"
    for number in range(count):
        if number % 4 == 0:
            path.write_bytes(with_header(content, mutated_bytes(header, rng)))
        elif number % 4 == 1:
            path.write_bytes(mutated_bytes(content[:400], rng) + content[400:])
        else:
            values = mutated_values(info, rng)
            if number % 4 == 3:
                options = {
                    **info["options"],
                    rng.choice(list(info["options"])): rng.choice([*ODD, 4096, [64] * 200]),
                }
                values = info | {"options": options}
            metadata = {"__metadata__": {"archivecolor": json.dumps(values)}}
            path.write_bytes(with_header(content, json.dumps(document | metadata).encode()))
        for read in (read_checkpoint, load_checkpoint):
            try:
                read(path)
            except CheckpointError as error:
                assert str(path) in str(error)
                assert len(str(error)) < 1000


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("read", [load_recipe, load_checkpoint, read_checkpoint, Manifest])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, kind, read):
    path = Path("/dev/zero") if kind == "device" else tmp_path / "thing.safetensors"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises((UsageError, CheckpointError), match="is no file"):
        read(path)


@pytest.mark.parametrize("value", ["x", "", "-1", "9" * 5000, "\uff11\u00b2", "1.5"])
def test_what_torchrun_never_sets_is_told_of(monkeypatch, value):
    monkeypatch.setenv("WORLD_SIZE", value)
    with pytest.raises(UsageError, match="WORLD_SIZE"), join_process_group("cpu"):
        pass
