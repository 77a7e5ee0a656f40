"""`archivecolor dir s3://...`: a bucket is coloured as a folder with the same files would be."""

import json
from pathlib import Path

import bucket_server
import pytest
from distributed import Client, LocalCluster
from small_archive import grey_of, tree

import archivecolor
from archivecolor.archive.bucket import Bucket
from archivecolor.archive.layout import Layout
from archivecolor.errors import ExitCode
from archivecolor.jobs import fetching
from archivecolor.recipe import load_recipe
from archivecolor.settings import BucketPath


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "b").mkdir(parents=True)
    grey_of("camera", (96, 64)).save(folder / "a.jpg")
    grey_of("coins", (64, 96)).save(folder / "b" / "c d.png")
    grey_of("moon", (64, 64)).save(folder / "b" / "\u00fc+%41.tif")
    return folder


def newest(root):
    lines = map(json.loads, Layout(root).manifest.read_text().splitlines())
    return {line["path"]: line for line in lines}


def comparable(root):
    """Records, but for when they were made, and what a bucket and a folder say of the state of a source."""
    found = newest(root)
    for line in found.values():
        for name in ("at", "seconds"):
            line.pop(name)
        line["source"] = {
            name: value for name, value in line["source"].items() if name not in ("mtime_ns", "etag")
        }
        (line.get("output") or {}).pop("mtime_ns", None)
    return found


def test_a_bucket_gives_what_a_folder_gives_and_is_then_up_to_date(here, archive, bucket, tmp_path):
    bucket.put_tree(archive)
    ran = here("dir", bucket.address(), tmp_path / "out")
    assert ran.returncode == ExitCode.SOME_FAILED, ran.stderr
    here("dir", archive, tmp_path / "local")
    assert tree(tmp_path / "out") == tree(tmp_path / "local")
    assert comparable(tmp_path / "out") == comparable(tmp_path / "local")
    bucket.faults.asked.clear()
    assert "8 up to date" in here("dir", bucket.address(), tmp_path / "out").stderr
    assert set(bucket.faults.asked) == {""}
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            said = path.read_bytes()
            assert bucket_server.SECRET.encode() not in said
            assert bucket.url.encode() not in said
    assert json.loads(Layout(tmp_path / "out").run_json.read_text())["settings"]["input"] == bucket.address()


def test_what_changed_is_done_again_and_what_was_stored_again_is_not(here, pictures, bucket, tmp_path):
    bucket.put_tree(pictures)
    assert here("dir", bucket.address(), tmp_path / "out").returncode == ExitCode.OK
    bucket.put("in/a.jpg", (pictures / "a.jpg").read_bytes())
    grey_of("page", (80, 64)).save(pictures / "new.png")
    bucket.put("in/b/c d.png", (pictures / "new.png").read_bytes())
    bucket.faults.asked.clear()
    assert "1 done" in here("dir", bucket.address(), tmp_path / "out").stderr
    assert set(bucket.faults.asked) == {"", "in/b/c d.png"}


def test_an_object_that_cannot_be_had_costs_itself_until_it_can(here, pictures, bucket, tmp_path):
    bucket.put_tree(pictures)
    bucket.faults.answers["in/a.jpg"] = [(503, "SlowDown")] * 20
    ran = here("dir", bucket.address(), tmp_path / "out")
    assert ran.returncode == ExitCode.SOME_FAILED
    assert "2 done" in ran.stderr
    failed = newest(tmp_path / "out")["a.jpg"]
    assert (failed["reason"], "SlowDown" in failed["detail"]) == ("read-error", True)
    assert failed["source"]["etag"]
    bucket.faults.answers.clear()
    again = here("dir", bucket.address(), tmp_path / "out")
    assert (again.returncode, "1 done" in again.stderr) == (ExitCode.OK, True), again.stderr


def test_a_server_that_is_away_ends_the_run_and_the_same_command_goes_on(
    here, pictures, bucket, tmp_path, monkeypatch
):
    monkeypatch.setattr(fetching, "_MOST_LOST_IN_A_ROW", 3)
    bucket.put_tree(pictures)
    for path in pictures.rglob("*.*"):
        bucket.faults.answers[f"in/{path.relative_to(pictures)}"] = [(503, "SlowDown")] * 20
    ran = here("dir", bucket.address(), tmp_path / "out")
    assert ran.returncode == ExitCode.UNAVAILABLE
    assert "the same command goes on" in ran.stderr
    bucket.faults.answers.clear()
    assert "3 done" in here("dir", bucket.address(), tmp_path / "out").stderr


def test_pictures_whose_keys_no_disk_could_hold_are_named_and_missed(here, pictures, bucket, tmp_path):
    data = (pictures / "a.jpg").read_bytes()
    for key in ("in/whole.jpg", "in//a.jpg", "in/../a.jpg", "in/Whole.JPG", f"in/{'x' * 300}.jpg"):
        bucket.put(key, data)
    ran = here("dir", bucket.address(), tmp_path / "out")
    assert ran.returncode == ExitCode.SOME_FAILED
    assert "3 keys that are no file names passed over" in ran.stderr
    lines = map(json.loads, Layout(tmp_path / "out").passed_over.read_text().splitlines())
    assert {line["reason"] for line in lines} == {"no-name"}
    assert {line["reason"] for line in newest(tmp_path / "out").values()} == {"name-collision"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures"]


def test_what_is_here_at_a_time_is_bounded_and_removed(here, bucket, tmp_path, monkeypatch):
    size = 0
    for number in range(12):
        path = tmp_path / "picture.png"
        grey_of("camera", (100 + number, 100)).save(path)
        size = max(size, path.stat().st_size)
        bucket.put(f"in/{number:02}.png", path.read_bytes())
    monkeypatch.setattr(fetching, "CACHE_BYTES", 4 * size)
    held, folders = [], set()

    class Watching(Bucket):
        def fetch(self, item, target, is_wanted):
            folders.add(item.root)
            super().fetch(item, target, is_wanted)
            held.append(sum(path.stat().st_size for path in item.root.rglob("*") if path.is_file()))

    monkeypatch.setattr("archivecolor.jobs.colour_photographs.Bucket", Watching)
    ran = here("dir", bucket.address(), tmp_path / "out", "--batch-size", "8")
    assert ran.returncode == ExitCode.OK, ran.stderr
    assert len(tree(tmp_path / "out")) == len(held) == 12
    assert size < max(held) <= 4 * size
    assert folders and not any(folder.parent.exists() for folder in folders)


def test_shares_limits_and_forecasts_are_as_of_a_folder(here, pictures, bucket, tmp_path):
    bucket.put_tree(pictures)
    forecast = here("dir", bucket.address(), tmp_path / "out", "--dry-run")
    assert "to do: 3 pictures" in forecast.stdout
    assert not (tmp_path / "out").exists()
    shares = []
    for share in ("1/2", "2/2"):
        here("dir", bucket.address(), tmp_path / share.replace("/", "of"), "--shard", share)
        here("dir", pictures, tmp_path / f"local{share.replace('/', 'of')}", "--shard", share)
        shares.append(tree(tmp_path / share.replace("/", "of")))
        assert shares[-1] == tree(tmp_path / f"local{share.replace('/', 'of')}")
    assert len(shares[0]) + len(shares[1]) == 3
    limited = here("dir", bucket.address(), tmp_path / "limited", "--limit", "1", "--include", "b")
    assert "1 done" in limited.stderr
    assert here("verify", tmp_path / "limited").returncode == ExitCode.OK


def test_workers_of_a_cluster_fetch_for_themselves(here, pictures, bucket, checkpoint, tmp_path, monkeypatch):
    bucket.put_tree(pictures)
    monkeypatch.setattr("archivecolor.jobs.colour_photographs.fetched_photographs", None)  # the client's way
    options = {"working_size": 64, "jobs": 1, "device": "cpu", "checkpoint": checkpoint}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):
        ran = archivecolor.colour_folder(bucket.address(), tmp_path / "out", executor=client, **options)
    assert ran.exit_code is ExitCode.OK
    assert here("dir", pictures, tmp_path / "local").returncode == ExitCode.OK
    assert tree(tmp_path / "out") == tree(tmp_path / "local")
    assert comparable(tmp_path / "out") == comparable(tmp_path / "local")


def test_a_recipe_keeps_the_address_and_no_credentials(here, pictures, bucket, tmp_path):
    bucket.put_tree(pictures)
    recipe = tmp_path / "recipe.toml"
    here("dir", bucket.address(), tmp_path / "out", "--save-recipe", recipe)
    kept = load_recipe(recipe).values["input"]
    assert isinstance(kept, BucketPath)
    assert str(kept) == bucket.address()
    assert bucket_server.SECRET not in recipe.read_text()
    assert "3 up to date" in here("run", recipe).stderr


def test_programs_give_an_address_in_the_place_of_a_folder(pictures, bucket, tmp_path, checkpoint):
    bucket.put_tree(pictures)
    result = archivecolor.colour_folder(
        bucket.address(), tmp_path / "out", checkpoint=checkpoint, working_size=64, device="cpu", jobs=1
    )
    assert result.progress.done == 3


def test_a_bucket_that_is_not_there_or_is_empty_is_said_before_anything_is_made(
    here, pictures, bucket, tmp_path, monkeypatch
):
    ran = here("dir", "s3://no-such-bucket/in", tmp_path / "out")
    assert (ran.returncode, "has no bucket no-such-bucket" in ran.stderr) == (ExitCode.UNAVAILABLE, True)
    ran = here("dir", bucket.address(), tmp_path / "out")
    assert (ran.returncode, "there is nothing at" in ran.stderr) == (ExitCode.USAGE, True)
    assert not (tmp_path / "out").exists()
    bucket.put("in/a.jpg", (pictures / "a.jpg").read_bytes())
    here("dir", bucket.address(), tmp_path / "out")
    bucket.delete("in/a.jpg")
    ran = here("dir", bucket.address(), tmp_path / "out")
    assert (ran.returncode, "were seen before" in ran.stderr) == (ExitCode.INPUT, True)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    ran = here("dir", bucket.address(), tmp_path / "new")
    assert (ran.returncode, "AWS_ACCESS_KEY_ID" in ran.stderr) == (ExitCode.UNAVAILABLE, True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("dir", "s3://b/in", "out", "--films"),
        ("dir", "s3://b/in", "out", "--watch"),
        ("dir", "s3://b/in", "out", "--sheet", "sheet.png"),
        ("dir", "s3://b/in", "out", "--rest", "link"),
        ("dir", "s3://b//in", "out"),
        ("dir", "in", "s3://b/out"),
        ("grey", "s3://b/in", "out"),
        ("video", "s3://b/film.mkv"),
        ("photo", "s3://b/a.jpg"),
    ],
)
def test_what_a_bucket_cannot_be_is_refused_in_words(here, tmp_path, words):
    (tmp_path / "in").mkdir()
    ran = here(*words, cwd=tmp_path)
    assert ran.returncode == ExitCode.USAGE
    assert "bucket" in ran.stderr
    assert list(tmp_path.iterdir()) == [Path(tmp_path / "in")]
