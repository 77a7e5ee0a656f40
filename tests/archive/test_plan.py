"""A rerun does only what is missing, and no two sources get one name."""

import os
import unicodedata
from functools import partial

import pytest

from archivecolor.archive.estimate import estimate
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.archive.names import Shard, output_name
from archivecolor.archive.plan import PlanAction, PlanInputs, make_plan
from archivecolor.archive.run_json import RunSummary
from archivecolor.archive.walk import SkippedFiles, walk
from archivecolor.errors import Reason, UsageError
from archivecolor.settings import SelectionOptions


class Archive:
    """An input tree, an output tree and their manifest, with stand-ins for the coloured files."""

    def __init__(self, root):
        self.input, self.output = root / "in", root / "out"
        self.input.mkdir()
        self.output.mkdir()
        self.manifest = self.output / "_archivecolor" / "manifest.jsonl"

    def plant(self, *names):
        for name in names:
            path = self.input / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"scan of " + os.fsencode(name))

    def record(
        self, name, status=Status.DONE, reason=Reason.COLOURED, settings="s", weights="w", output=None
    ):
        path = self.input / name
        about = path.stat()
        source = Source(about.st_size, about.st_mtime_ns, sha256_of(path), 100, 50)
        written = None
        if status is Status.DONE:
            output = output or name
            target = self.output / output
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"coloured")
            written = Output(output, 8, sha256_of(target))
        record = Record(name, status, reason, source, output=written, settings=settings, weights=weights)
        with ManifestWriter(self.manifest) as writer:
            writer.append(record)

    def plan(self, format="keep", settings="s", weights="w", **options):
        selection = SelectionOptions(**options)
        name_of = partial(output_name, format=format)
        inputs = PlanInputs("photo", self.input, self.output, name_of, settings, weights, selection)
        found = walk(self.input, selection, SkippedFiles())
        return make_plan([(found, inputs)], Manifest(self.manifest))

    def action(self, **about):
        (action,) = self.plan(**about).counts
        return action


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def test_new_files_are_done(archive):
    archive.plant("a.jpg", "deep/b.tif")
    plan = archive.plan()
    assert [(item.path, item.output, item.action) for item in plan.items] == [
        ("a.jpg", "a.jpg", PlanAction.DO),
        ("deep/b.tif", "deep/b.tif", PlanAction.DO),
    ]
    assert plan.nbytes == len(b"scan of a.jpgscan of deep/b.tif")


def test_what_is_done_is_up_to_date(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg")
    plan = archive.plan()
    assert plan.counts == {PlanAction.UP_TO_DATE: 1}
    assert plan.items == []


def test_other_settings_or_weights_or_overwrite_do_it_again(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg")
    assert archive.action(settings="t") is PlanAction.DO
    assert archive.action(weights="x") is PlanAction.DO
    assert archive.action(overwrite=True) is PlanAction.DO


def test_a_missing_or_cut_output_is_done_again(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg")
    (archive.output / "a.jpg").write_bytes(b"colou")
    assert archive.action() is PlanAction.DO
    (archive.output / "a.jpg").unlink()
    assert archive.action() is PlanAction.DO


def test_a_changed_source_is_done_again_and_a_touched_one_is_not(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg")
    os.utime(archive.input / "a.jpg", (1, 1))
    plan = archive.plan()
    assert plan.counts == {PlanAction.UP_TO_DATE: 1}
    assert [file.path for file in plan.touched] == ["a.jpg"]
    (archive.input / "a.jpg").write_bytes(b"scan of b.jpg")
    assert archive.action() is PlanAction.DO
    (archive.input / "a.jpg").write_bytes(b"another size")
    assert archive.action() is PlanAction.DO


def test_skipped_and_copied_items_do_not_depend_on_the_network(archive):
    archive.plant("a.jpg", "b.jpg")
    archive.record("a.jpg", Status.SKIPPED, Reason.ALREADY_COLOUR)
    archive.record("b.jpg", Status.DONE, Reason.COPIED)
    assert archive.action(weights="x") is PlanAction.UP_TO_DATE
    assert archive.action(settings="t") is PlanAction.DO


def test_failures_wait_for_retry_failed(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", Status.FAILED, Reason.TRUNCATED)
    assert archive.action() is PlanAction.FAILED_BEFORE
    assert archive.action(retry_failed=True) is PlanAction.RETRY
    assert archive.action(settings="t") is PlanAction.RETRY
    (archive.input / "a.jpg").write_bytes(b"a better scan")
    assert archive.action() is PlanAction.RETRY


@pytest.mark.parametrize("reason", [Reason.WORKER_DIED, Reason.TIMEOUT, Reason.OUT_OF_MEMORY])
def test_what_may_not_be_the_files_fault_is_tried_three_times(archive, reason):
    archive.plant("a.jpg")
    for _ in range(3):
        assert archive.action() in (PlanAction.DO, PlanAction.RETRY)
        archive.record("a.jpg", Status.FAILED, reason)
    assert archive.action() is PlanAction.FAILED_BEFORE


def test_a_file_out_of_reach_is_tried_every_time(archive):
    archive.plant("a.jpg")
    for _ in range(5):
        archive.record("a.jpg", Status.FAILED, Reason.PERMISSION)
    assert archive.action() is PlanAction.RETRY


def test_the_limit_counts_work_so_every_night_gets_further(archive):
    archive.plant("a.jpg", "b.jpg", "c.jpg")
    archive.record("a.jpg")
    plan = archive.plan(limit=1)
    assert [item.path for item in plan.items] == ["b.jpg"]
    assert plan.counts == {PlanAction.UP_TO_DATE: 1, PlanAction.DO: 2}


def test_shards_share_the_tree_and_stay_when_it_grows(archive):
    archive.plant(*(f"{number}.jpg" for number in range(40)))
    shares = [{item.path for item in archive.plan(shard=f"{k}/3").items} for k in (1, 2, 3)]
    assert all(shares)
    assert sum(map(len, shares)) == len(set.union(*shares)) == 40
    archive.plant("00.jpg", "zz.jpg")
    assert all(
        share <= {item.path for item in archive.plan(shard=f"{k}/3").items}
        for k, share in enumerate(shares, 1)
    )


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_shards_that_mean_nothing_are_refused(text):
    with pytest.raises(UsageError, match="k/n"):
        Shard.parse(text)


@pytest.mark.parametrize(
    ("path", "format", "expected"),
    [
        ("a/b.JPG", "keep", "a/b.JPG"),
        ("a/b.jpeg", "jpeg", "a/b.jpeg"),
        ("a/b.tiff", "tiff", "a/b.tiff"),
        ("a/b.tar.TIF", "png", "a/b.tar.png"),
        ("a/b.pgm", "keep", "a/b.ppm"),
        ("a/b.heic", "keep", "a/b.png"),
        ("a/b.heic", "jpeg", "a/b.jpg"),
        ("a.b/c", "keep", "a.b/c"),
        ("a/film.mkv", "png", "a/film.mkv"),
        (os.fsdecode(b"\xe9.tif"), "webp", os.fsdecode(b"\xe9.webp")),
    ],
)  # fmt: skip
def test_output_names(path, format, expected):
    assert output_name(path, format) == expected


@pytest.mark.parametrize(
    ("first", "second", "format"),
    [
        ("a.jpg", "a.tif", "png"),
        ("A.JPG", "a.jpg", "keep"),
        ("Box/a.jpg", "box/a.jpg", "keep"),
        (unicodedata.normalize("NFC", "é.jpg"), unicodedata.normalize("NFD", "é.jpg"), "keep"),
        (unicodedata.normalize("NFD", "É.jpg"), unicodedata.normalize("NFC", "é.jpg"), "keep"),
        ("straße.jpg", "STRASSE.jpg", "keep"),
    ],
)
def test_names_that_would_collide_are_refused(archive, first, second, format):
    archive.plant("harmless.jpg", first, second)
    with pytest.raises(UsageError) as caught:
        archive.plan(format=format)
    assert first in str(caught.value)
    assert second in str(caught.value)
    assert "harmless" not in str(caught.value)
    with pytest.raises(UsageError):
        archive.plan(format=format, shard="1/5")
    assert not archive.manifest.parent.exists()


def test_twins_are_refused_even_when_both_are_recorded(archive):
    archive.plant("A.JPG", "a.jpg")
    archive.record("A.JPG")
    archive.record("a.jpg")
    with pytest.raises(UsageError):
        archive.plan()


def test_the_output_of_another_source_is_not_written_over(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", output="a.png", settings="png")
    (archive.input / "a.jpg").unlink()
    archive.plant("a.tif")
    with pytest.raises(UsageError, match=r"a\.jpg and a\.tif"):
        archive.plan(format="png")
    (archive.output / "a.png").unlink()
    assert archive.action(format="png") is PlanAction.DO


def test_a_change_of_format_is_no_collision_with_oneself(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", output="a.png", settings="png")
    assert [item.output for item in archive.plan(format="keep").items] == ["a.jpg"]


def test_the_estimate_reads_headers_and_earlier_runs(archive):
    from PIL import Image

    for number in range(60):
        Image.new("L", (300, 200)).save(archive.input / f"{number}.png")
    archive.plant("known.tif", "broken.webp")
    archive.record("known.tif", settings="old")
    plan = archive.plan()
    guess = estimate(plan.items, None)
    assert guess.items == 62
    assert not guess.from_last_run
    assert guess.megapixels == pytest.approx((60 * 300 * 200 + 100 * 50) / 1e6, rel=0.01)
    last = RunSummary((), {}, {}, "w", {}, "", seconds=10.0, megapixels=5.0)
    timed = estimate(plan.items, last)
    assert timed.from_last_run
    assert timed.seconds == pytest.approx(timed.megapixels * 2)
