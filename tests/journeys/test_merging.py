"""Shares put together: the output is what one run would have made, and nothing is written over."""

import json
import shutil
import signal
import subprocess
import time

import bagit
import pytest
from small_archive import tree

from archivecolor.archive.layout import Layout
from archivecolor.errors import ExitCode

SHARES = ("1/2", "2/2")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'


def records(root):
    """The newest record of every item, but for when and how long it was made."""
    lines = map(json.loads, Layout(root).manifest.read_text().splitlines())
    newest = {line["path"]: line for line in lines}
    for line in newest.values():
        for name in ("at", "seconds"):
            line.pop(name)
        (line.get("output") or {}).pop("mtime_ns", None)
    return newest


def tag_folder(root):
    """Names of all that tells of a tree."""
    return {str(path.relative_to(root)) for path in Layout(root).state.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def sources(archive, tmp_path_factory):
    """The archive with a sidecar and a few pictures more, so that every share has several."""
    folder = tmp_path_factory.mktemp("to_share") / "in"
    shutil.copytree(archive, folder, copy_function=shutil.copy2)
    (folder / "people" / "chelsea.xmp").write_bytes(XMP)
    return folder


@pytest.fixture(scope="session")
def made(sources, command_words, tmp_path_factory):
    """Makes two shares and the same in one run, with options; once for each."""
    from in_process import run_here

    kept = {}

    def make(*options):
        if options not in kept:
            folder = tmp_path_factory.mktemp("shares")
            words = command_words("dir")[3:]
            for number, share in enumerate(SHARES, start=1):
                done = run_here(*words, sources, folder / f"coloured-{number}", "--shard", share, *options)
                assert done.returncode in (0, 3), done.stderr
            assert run_here(*words, sources, folder / "whole", *options).returncode == 3
            kept[options] = folder
        return kept[options]

    return make


@pytest.fixture
def shares(made, tmp_path):
    """Copies of the two shares, to be changed."""
    for number in (1, 2):
        shutil.copytree(made() / f"coloured-{number}", tmp_path / f"coloured-{number}")
    return tmp_path / "coloured-1", tmp_path / "coloured-2"


def stamps(folder):
    return {
        name: ((folder / name).stat().st_mtime_ns, (folder / name).stat().st_ino) for name in tree(folder)
    }


@pytest.mark.parametrize("options", [(), ("--bag",), ("--premis",), ("--bag", "--premis")])
def test_shares_become_what_one_run_makes(options, made, sources, here, tmp_path):
    folder, output = made(*options), tmp_path / "coloured"
    done = here("merge", folder / "coloured-1", folder / "coloured-2", output)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    root, whole = (place / "data" if "--bag" in options else place for place in (output, folder / "whole"))
    assert tree(root) == tree(whole)
    assert records(root) == records(whole)
    assert tag_folder(root) == tag_folder(whole)
    assert Layout(root).digests.read_bytes() == Layout(whole).digests.read_bytes()
    assert sorted(Layout(root).passed_over.read_text().splitlines()) == sorted(
        Layout(whole).passed_over.read_text().splitlines()
    )
    assert here("verify", output, "--sources", sources).returncode == 0
    if "--bag" in options:
        assert bagit.Bag(str(output)).validate()
    rerun = here("dir", sources, output, *options)
    assert rerun.stderr.startswith("dir: 0 done;"), rerun.stderr


def test_the_account_of_the_runs_comes_along(made, sources, here, tmp_path):
    folder, output = made(), tmp_path / "coloured"
    here("merge", folder / "coloured-1", folder / "coloured-2", output)
    told = json.loads(Layout(output).run_json.read_text())
    assert (told["exit_code"], told["settings"]["input"]) == (0, str(sources))
    assert (told["settings"]["output"], told["settings"]["shard"]) == (str(output), "")
    assert set(told["shares"]) == {str(folder / "coloured-1"), str(folder / "coloured-2")}
    assert told["work"]["MP"]["amount"] == pytest.approx(
        sum(share["work"]["MP"]["amount"] for share in told["shares"].values())
    )


def test_the_same_again_brings_over_nothing_and_later_what_is_new(shares, sources, here, tmp_path):
    output = tmp_path / "coloured"
    assert here("merge", shares[0], output).returncode == 0
    first, before = stamps(output), Layout(output).manifest.read_bytes()
    assert "there already" in here("merge", shares[0], output).stderr
    assert (stamps(output), Layout(output).manifest.read_bytes()) == (first, before)
    assert here("merge", *shares, output).returncode == 0
    assert stamps(output).items() > first.items()
    assert Layout(output).manifest.read_bytes().startswith(before)
    assert here("verify", output, "--sources", sources).returncode == 0


def test_a_dry_run_touches_nothing(shares, here, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    done = here("merge", *shares, tmp_path / "coloured", "--dry-run")
    assert done.returncode == 0
    assert done.stderr.startswith("merge: 11 done"), done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_copies_take_room_and_keep_their_times(shares, here, tmp_path):
    assert here("merge", *shares, tmp_path / "linked").returncode == 0
    assert here("merge", *shares, tmp_path / "copied", "--copy").returncode == 0
    assert tree(tmp_path / "copied") == tree(tmp_path / "linked")
    name = "people/astronaut.jpg"
    share = next(share for share in shares if (share / name).exists())
    assert (tmp_path / "linked" / name).samefile(share / name)
    assert (tmp_path / "copied" / name).stat().st_nlink == 1
    assert (tmp_path / "copied" / name).stat().st_mtime_ns == (share / name).stat().st_mtime_ns
    assert here("verify", tmp_path / "copied").returncode == 0


def test_what_two_shares_hold_otherwise_is_listed_and_neither_is_lost(shares, sources, here, tmp_path):
    other = tmp_path / "other"
    include = ("--include", "people/*", "--saturation", "0.5")
    assert here("dir", sources, other, *include).returncode == 0
    output = tmp_path / "coloured"
    here("merge", *shares, output)
    before = stamps(output)
    for words in (("--dry-run",), ()):
        done = here("merge", other, output, *words)
        assert done.returncode == ExitCode.SOME_FAILED
        listed = [line.split(": ")[1].split("  ")[0] for line in done.stdout.splitlines()]
        assert sorted(listed) == ["people/Camera Man.jpeg", "people/astronaut.jpg", "people/chelsea.png"]
        assert "another derivative of it is here" in done.stdout
    assert stamps(output) == before
    assert len(tree(other)) == 4  # the sidecar is the same, and was there already
    assert here("verify", output).returncode == 0


def test_a_name_that_is_taken_is_not_written_over(shares, here, tmp_path):
    output, name = tmp_path / "coloured", "people/chelsea.png"
    (output / "people").mkdir(parents=True)
    (output / name).write_bytes(b"somebody's own")
    done = here("merge", *shares, output)
    assert done.returncode == ExitCode.SOME_FAILED
    assert name in done.stdout
    assert "something else is there already" in done.stdout
    assert (output / name).read_bytes() == b"somebody's own"
    assert name not in records(output)


def test_what_is_not_as_recorded_stays_in_its_share(shares, here, tmp_path):
    names = ("people/chelsea.png", "people/astronaut.jpg")
    holders = {name: next(share for share in shares if (share / name).exists()) for name in names}
    changed, missing = (holders[name] / name for name in names)
    changed.write_bytes(changed.read_bytes() + b"retouched")
    missing.unlink()
    (shares[0] / "notes.txt").write_text("of somebody")
    done = here("merge", *shares, tmp_path / "coloured")
    assert done.returncode == ExitCode.SOME_FAILED
    assert f"{names[0]}  (its output is not as recorded" in done.stdout
    assert f"{names[1]}  (its output is not in the share)" in done.stdout
    assert "notes.txt  (no record names it)" in done.stdout
    assert not any((tmp_path / "coloured" / name).exists() for name in names)
    assert here("verify", tmp_path / "coloured").returncode == 0


def test_a_derivative_stands_above_a_failure(sources, here, archivecolor, tmp_path):
    failed, made = tmp_path / "failed", tmp_path / "made"
    include = ("--include", "people/chelsea.png")
    assert here("dir", sources, made, *include).returncode == 0
    assert here("dir", sources, failed, *include, "--max-megapixels", "0.001").returncode == 3
    assert here("merge", failed, made, tmp_path / "coloured").returncode == 0
    assert records(tmp_path / "coloured") == records(made)
    assert here("merge", made, failed, tmp_path / "other-way").returncode == 0
    assert records(tmp_path / "other-way") == records(made)
    assert here("verify", tmp_path / "coloured").returncode == 0


def test_decisions_come_along_and_the_next_run_finds_them_carried_out(shares, sources, here, tmp_path):
    share = next(share for share in shares if (share / "people" / "chelsea.png").exists())
    words = ("people/chelsea.png", "--saturation", "0.4", "--note", "too loud")
    assert here("correct", share, *words).returncode == 0
    output = tmp_path / "coloured"
    assert here("merge", *shares, output).returncode == 0
    assert here("merge", *shares, output).returncode == 0
    assert "too loud" in here("decisions", "list", output).stdout
    assert len(Layout(output).decisions.read_text().splitlines()) == 1
    assert here("dir", sources, output).stderr.startswith("dir: 0 done;")


def test_what_was_decided_otherwise_meanwhile_is_settled_by_the_next_run(shares, sources, here, tmp_path):
    output, name = tmp_path / "coloured", "people/chelsea.png"
    assert here("merge", *shares, "--copy", output).returncode == 0
    share = next(share for share in shares if (share / name).exists())
    assert here("correct", share, name, "--saturation", "0.4").returncode == 0
    done = here("merge", *shares, "--copy", output)
    assert done.returncode == 3
    assert "the newer decision holds here, and the next `archivecolor dir` makes it so" in done.stdout
    assert "1 done" in here("dir", sources, output).stderr
    assert (output / name).read_bytes() == (share / name).read_bytes()


def test_earlier_formats_and_links_come_along(sources, here, tmp_path):
    share, output = tmp_path / "share", tmp_path / "coloured"
    for more in ((), ("--format", "tiff", "--rest", "link")):
        assert here("dir", sources, share, *more).returncode == 3
    assert here("merge", share, output).returncode == 0
    assert tree(output) == tree(share)
    assert (output / "colour.jpg").readlink() == (share / "colour.jpg").readlink()
    assert here("verify", output).returncode == 0
    pruned = here("prune", output, "--dry-run")
    assert "people/chelsea.png" in pruned.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["coloured-1", "coloured-1", "out"], "given twice"),
        (["coloured-1", "coloured-1"], "same folder"),
        (["coloured-1", "coloured-1/inside"], "lies inside"),
        (["coloured-1", "bag", "out"], "bags and some are not"),
        (["nothing", "out"], "is not there"),
        (["coloured-1", "bag"], "is a bag"),
    ],
)
def test_folders_that_cannot_be_merged_are_refused(words, message, shares, made, here, tmp_path):
    shutil.copytree(made("--bag") / "coloured-2", tmp_path / "bag")
    before = sorted(tmp_path.rglob("*"))
    done = here("merge", *(tmp_path / word for word in words))
    assert done.returncode == ExitCode.USAGE
    assert message in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_share_that_a_run_holds_is_refused(shares, here, tmp_path):
    from archivecolor.archive.lock import locked

    with locked(shares[1]):
        assert here("merge", *shares, tmp_path / "out").returncode == ExitCode.LOCKED


def test_a_merge_that_is_killed_goes_on(shares, sources, command_words, here, tmp_path):
    output = tmp_path / "coloured"
    command = command_words("merge", *shares, output)
    ends = []
    for files in (1, 4, 7):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(tree(output)) < files and running.poll() is None:
            assert time.monotonic() < deadline
        running.send_signal(signal.SIGKILL)
        ends.append(running.wait())
    assert -signal.SIGKILL in ends
    assert here("merge", *shares, output).returncode == 0
    assert here("verify", output, "--sources", sources).returncode == 0
    assert not [path for path in output.rglob("*") if "archivecolor-part" in path.name]
