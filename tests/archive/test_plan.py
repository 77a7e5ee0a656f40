"""A rerun does only what is missing, and no two sources get one name."""

import os
import unicodedata
from dataclasses import replace
from functools import partial

import pytest

from archivecolor.archive.by_hand import NO_CLAIM, by_hand_output
from archivecolor.archive.correction import Correction, OwnSettings
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions, append_decisions
from archivecolor.archive.estimate import estimate
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import Manifest, ManifestWriter, Record, Source, Status
from archivecolor.archive.names import Shard, output_name
from archivecolor.archive.plan import claimed, make_plan
from archivecolor.archive.plan_action import PlanAction, PlanInputs
from archivecolor.archive.run_json import RunSummary
from archivecolor.archive.walk import FILMS, PICTURES, SkippedFiles, extension_of, walk
from archivecolor.errors import Reason, UsageError
from archivecolor.jobs.colour import film_stem
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
            written = by_hand_output(self.output, output)
        record = Record(name, status, reason, source, output=written, settings=settings, weights=weights)
        with ManifestWriter(self.manifest) as writer:
            writer.append(record)

    def plan(self, format="keep", settings="s", weights="w", **options):
        selection = SelectionOptions(**options)
        name_of = partial(output_name, format=format)
        found = list(walk(self.input, selection, SkippedFiles(), PICTURES | FILMS))
        digests = (settings, weights, selection)
        films = [file for file in found if extension_of(os.fsencode(file.path)) in FILMS]
        photos = [file for file in found if file not in films]
        sources = [
            (photos, PlanInputs("photo", self.input, self.output, name_of, *digests)),
            (films, PlanInputs("film", self.input, self.output, film_stem, *digests)),
        ]
        return make_plan(sources, Manifest(self.manifest))

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


def test_an_output_of_another_time_is_read(archive):
    archive.plant("a.jpg", "b.jpg")
    for name in ("a.jpg", "b.jpg"):
        archive.record(name)
    assert archive.action() is PlanAction.UP_TO_DATE
    os.utime(archive.output / "b.jpg", ns=(1, 1))
    (archive.output / "a.jpg").write_bytes((archive.output / "a.jpg").read_bytes().swapcase())
    plan = archive.plan()
    assert [item.path for item in plan.items] == ["a.jpg"]
    assert [file.path for file in plan.touched] == ["b.jpg"]


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
        ("reel.avi", "reel.mp4", "keep"),
        ("Reel.MPG", "reel.mkv", "png"),
    ],
)
def test_names_that_collide_cost_their_items_alone(archive, first, second, format):
    archive.plant("harmless.jpg", first, second)
    plan = archive.plan(format=format)
    assert [item.path for item in plan.items] == ["harmless.jpg"]
    assert plan.nbytes == len(b"scan of harmless.jpg")
    assert plan.counts == {PlanAction.DO: 1, PlanAction.NAME_COLLISION: 2}
    details = {refused.item.path: refused.detail for refused in plan.refused}
    assert details.keys() == {first, second}
    assert f"that of {archive.input / second}" in details[first]
    assert f"that of {archive.input / first}" in details[second]
    assert ("--format" in details[first]) != first.lower().startswith("reel")
    # A share knows of names in the others.
    shares = [archive.plan(format=format, shard=f"{k}/2") for k in (1, 2)]
    assert sorted(item.path for share in shares for item in share.items) == ["harmless.jpg"]
    assert sum(len(share.refused) for share in shares) == 2


def test_a_collision_is_recorded_once_and_forgotten_when_it_is_gone(archive):
    archive.plant("a.jpg", "a.tif", "b.jpg")
    for name in ("a.jpg", "a.tif"):
        archive.record(name, Status.FAILED, Reason.NAME_COLLISION)
    plan = archive.plan(format="png", limit=1)
    assert plan.refused == []
    assert plan.counts == {PlanAction.REFUSED_BEFORE: 2, PlanAction.DO: 1}
    assert [item.path for item in plan.items] == ["b.jpg"]
    (archive.input / "a.tif").unlink()
    assert [item.path for item in archive.plan(format="png").items] == ["a.jpg", "b.jpg"]


def test_the_one_that_has_the_name_by_its_record_keeps_it(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", output="a.png")
    archive.plant("a.tif", "a.webp")
    plan = archive.plan(format="png")
    assert [refused.item.path for refused in plan.refused] == ["a.tif", "a.webp"]
    assert plan.counts[PlanAction.UP_TO_DATE] == 1
    assert [item.path for item in archive.plan(format="png", settings="t").items] == ["a.jpg"]


def test_twins_that_are_both_done_stay(archive):
    archive.plant("A.JPG", "a.jpg")
    archive.record("A.JPG")
    archive.record("a.jpg")
    assert archive.plan().counts == {PlanAction.UP_TO_DATE: 2}
    assert len(archive.plan(settings="t").refused) == 2


def test_the_output_of_another_source_is_not_written_over(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", output="a.png", settings="png")
    (archive.input / "a.jpg").unlink()
    archive.plant("a.tif")
    (refused,) = archive.plan(format="png").refused
    assert refused.item.path == "a.tif"
    assert "a.jpg" in refused.detail
    (archive.output / "a.png").unlink()
    assert archive.action(format="png") is PlanAction.DO


def test_what_an_earlier_format_left_is_not_written_over(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", output="a.png", settings="png")
    archive.record("a.jpg")
    archive.plant("a.png")
    (refused,) = archive.plan().refused
    assert refused.item.path == "a.png"
    assert "archivecolor prune" in refused.detail
    assert [item.path for item in archive.plan(format="png", settings="png", exclude=("a.png",)).items] == [
        "a.jpg"
    ]
    (archive.output / "a.png").unlink()
    assert archive.plan().refused == []


def test_a_film_in_another_container_is_no_collision_with_itself_or_with_a_picture(archive):
    archive.plant("reel.avi", "reel.jpg", "mp4")
    archive.record("reel.avi", output="reel.mkv", settings="old")
    assert [(item.path, item.output) for item in archive.plan().items] == [
        ("reel.jpg", "reel.jpg"),
        ("reel.avi", "reel"),
    ]


def test_a_change_of_format_is_no_collision_with_oneself(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg", output="a.png", settings="png")
    assert [item.output for item in archive.plan(format="keep").items] == ["a.jpg"]


def claim_of(archive, **about):
    (item,) = archive.plan(**about).items
    return claimed(item, Manifest(archive.manifest)).claim


def test_an_item_knows_what_vouches_for_its_output(archive):
    archive.plant("a.jpg")
    assert claim_of(archive) == NO_CLAIM
    archive.record("a.jpg")
    (voucher,) = claim_of(archive, settings="t").vouchers
    assert (voucher.output.path, voucher.output.sha256) == ("a.jpg", sha256_of(archive.output / "a.jpg"))
    archive.record("a.jpg", Status.FAILED, Reason.TIMEOUT)
    assert claim_of(archive, settings="t").vouchers == (voucher,)
    archive.record("a.jpg", output="a.png", settings="png")
    assert [known.output.path for known in claim_of(archive, settings="t").vouchers] == ["a.png", "a.jpg"]


def test_handwork_is_left_whatever_is_asked_until_it_is_gone_or_taken_back(archive):
    archive.plant("a.jpg")
    archive.record("a.jpg")
    record_by_hand(archive, "a.jpg", b"retouched")
    for about in ({}, {"settings": "t"}, {"weights": "x"}, {"overwrite": True}, {"retry_failed": True}):
        assert archive.action(**about) is PlanAction.BY_HAND
    (archive.input / "a.jpg").write_bytes(b"another scan")
    assert archive.action() is PlanAction.BY_HAND
    (archive.output / "a.jpg").write_bytes(b"retouched once more")
    assert archive.action() is PlanAction.DO
    assert claim_of(archive).vouchers[0].by_hand
    (archive.output / "a.jpg").unlink()
    assert archive.action() is PlanAction.DO


def record_by_hand(archive, name, data):
    (archive.output / name).write_bytes(data)
    about = (archive.input / name).stat()
    source = Source(about.st_size, about.st_mtime_ns, sha256_of(archive.input / name))
    with ManifestWriter(archive.manifest) as writer:
        kept = by_hand_output(archive.output, name)
        writer.append(Record(name, Status.SKIPPED, Reason.BY_HAND, source, output=kept, settings="s"))


def test_take_back_knows_an_item_by_its_source_or_its_output(archive, monkeypatch):
    archive.plant("box/a.jpg", "b.jpg")
    archive.record("box/a.jpg", output="box/a.png")
    archive.record("b.jpg", output="b.png")
    monkeypatch.chdir(archive.output)
    spellings = (
        "box/a.jpg",
        "box/a.png",
        "./box//a.png",
        archive.output / "box/a.png",
        archive.input / "box/a.jpg",
    )
    for path in spellings:
        (item,) = archive.plan(format="png", take_back=(str(path),)).items
        assert (item.path, item.take_back) == ("box/a.jpg", True)
    with pytest.raises(UsageError, match=r"no record names gone\.jpg"):
        archive.plan(take_back=("gone.jpg",))
    with pytest.raises(UsageError, match="not among the files of this run"):
        archive.plan(take_back=("b.jpg",), exclude=("b.jpg",))


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


class Decided(Archive):
    """An archive in which somebody decided something."""

    def decide(self, *decisions):
        append_decisions(self.output / "_archivecolor" / "decisions.jsonl", decisions)

    def plan(self, settings="s", weights="w", **options):
        selection = SelectionOptions(**options)
        found = list(walk(self.input, selection, SkippedFiles(), PICTURES))
        decisions = Decisions.read(self.output / "_archivecolor" / "decisions.jsonl")
        name_of = partial(output_name, format="keep")
        inputs = PlanInputs(
            "photo", self.input, self.output, name_of, settings, weights, selection, decisions
        )
        return make_plan([(found, inputs)], Manifest(self.manifest))

    def record(self, name, decision=None, **about):
        super().record(name, **about)
        if decision is not None:
            record = replace(Manifest(self.manifest).record(name), decision=decision)
            with ManifestWriter(self.manifest) as writer:
                writer.append(record)


CORRECTED = Decision("a.jpg", State.NONE, Correction(settings=OwnSettings(0.5)))


@pytest.fixture
def decided(tmp_path):
    archive = Decided(tmp_path)
    archive.plant("a.jpg", "b.jpg")
    return archive


def test_only_what_was_decided_anew_is_made_anew(decided):
    decided.record("a.jpg")
    decided.record("b.jpg")
    digests = {item.path: item.digest for item in decided.plan(overwrite=True).items}
    decided.decide(CORRECTED)
    (item,) = decided.plan().items
    assert (item.path, item.decision) == ("a.jpg", CORRECTED)
    assert item.digest != digests["a.jpg"] == digests["b.jpg"]
    decided.record("a.jpg", decision=CORRECTED.digest)
    assert decided.plan().items == []
    decided.decide(Decision("a.jpg", State.NONE))
    (item,) = decided.plan().items
    assert (item.path, item.digest) == ("a.jpg", digests["a.jpg"])


def test_a_picture_that_failed_is_tried_again_with_another_decision(decided):
    decided.record("a.jpg", status=Status.FAILED, reason=Reason.TRUNCATED)
    decided.record("b.jpg", status=Status.FAILED, reason=Reason.TRUNCATED)
    decided.decide(CORRECTED)
    assert [item.path for item in decided.plan().items] == ["a.jpg"]


def test_what_was_accepted_is_made_anew_for_its_source_its_decision_or_on_request_alone(decided):
    decided.record("a.jpg")
    decided.record("b.jpg")
    decided.decide(Decision("*", State.ACCEPTED, glob=True))
    assert decided.plan(settings="t", weights="x", overwrite=True).items == []
    assert len(decided.plan(weights="x", redo_accepted=True).items) == 2
    assert decided.plan(redo_accepted=True).items == []
    (decided.output / "a.jpg").unlink()
    assert [item.path for item in decided.plan(weights="x").items] == ["a.jpg"]
    (decided.input / "b.jpg").write_bytes(b"another scan")
    assert len(decided.plan().items) == 2


def test_what_no_network_made_is_of_every_runtime(archive):
    archive.plant("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    archive.record("a.jpg")
    archive.record("b.jpg", reason=Reason.COPIED)
    archive.record("c.jpg", status=Status.SKIPPED, reason=Reason.ALREADY_COLOUR)
    archive.record("d.jpg", status=Status.FAILED, reason=Reason.TRUNCATED)
    assert archive.plan().items == []
    found = list(walk(archive.input, SelectionOptions(), SkippedFiles(), PICTURES))
    inputs = PlanInputs(
        "photo", archive.input, archive.output, str, "s", "w", SelectionOptions(), runtime="torch 2"
    )
    assert [item.path for item in make_plan([(found, inputs)], Manifest(archive.manifest)).items] == ["a.jpg"]


def test_what_was_rejected_is_settled_whatever_the_weights(decided):
    decided.decide(rejected := Decision("a.jpg", State.REJECTED))
    decided.record("b.jpg")
    assert [item.path for item in decided.plan().items] == ["a.jpg"]
    decided.record("a.jpg", rejected.digest, status=Status.SKIPPED, reason=Reason.REJECTED)
    assert decided.plan().items == []
    assert [item.path for item in decided.plan(weights="x").items] == ["b.jpg"]
