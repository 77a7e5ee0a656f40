"""`archivecolor dir` as a user types it, on real files."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import simplejpeg
import tifffile
from deep_trees import clear, nest
from PIL import Image
from skimage import data
from small_archive import tree

from archivecolor.cli.main import main
from archivecolor.colour.luma import luma_codes
from archivecolor.photo import exiftool


def records(output):
    """The newest record of every item, by path."""
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def luma_plane(path):
    return simplejpeg.decode_jpeg(path.read_bytes(), colorspace="GRAY")[..., 0]


def test_every_input_is_accounted_for(undisturbed):
    ends = {path: (record["status"], record["reason"]) for path, record in records(undisturbed).items()}
    assert ends == {
        "broken.jpg": ("failed", "truncated"),
        "colour.jpg": ("skipped", "already-colour"),
        "empty.png": ("failed", "empty"),
        "people/Camera Man.jpeg": ("done", "coloured"),
        "people/astronaut.jpg": ("done", "coloured"),
        "people/chelsea.png": ("done", "coloured"),
        "places/abroad/café.webp": ("done", "coloured"),
        "places/abroad/deep.tif": ("done", "coloured"),
        "places/abroad/pages.tif": ("done", "coloured"),
        "sepia.png": ("done", "coloured"),
    }


def test_the_tree_has_the_coloured_pictures_under_their_names_and_nothing_else(undisturbed):
    assert set(tree(undisturbed)) == {
        "people/Camera Man.jpeg",
        "people/astronaut.jpg",
        "people/chelsea.png",
        "places/abroad/café.webp",
        "places/abroad/deep.tif",
        "places/abroad/pages.tif",
        "sepia.png",
    }


def test_the_grey_of_every_output_is_the_scans_own(archive, undisturbed):
    for name in ("people/astronaut.jpg", "people/Camera Man.jpeg"):
        assert np.array_equal(luma_plane(archive / name), luma_plane(undisturbed / name))
    for name in ("people/chelsea.png", "places/abroad/café.webp", "sepia.png"):
        grey = np.asarray(Image.open(archive / name).convert("RGB"))
        assert np.array_equal(luma_codes(grey), luma_codes(np.asarray(Image.open(undisturbed / name))))
    for name in ("places/abroad/deep.tif", "places/abroad/pages.tif"):
        with tifffile.TiffFile(archive / name) as before, tifffile.TiffFile(undisturbed / name) as after:
            for grey, coloured in zip(before.pages, after.pages, strict=True):
                assert np.array_equal(grey.asarray(), luma_codes(coloured.asarray()))


def test_outputs_have_colour(undisturbed):
    picture = np.asarray(Image.open(undisturbed / "people/chelsea.png")).astype(int)
    assert np.abs(picture[..., 0] - picture[..., 2]).mean() > 1


def test_digests_in_record_and_list_are_those_of_the_files(archive, undisturbed):
    listed = (undisturbed / "_archivecolor" / "manifest-sha256.txt").read_text().splitlines()
    digests = {line[66:]: line[:64] for line in listed}
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in tree(undisturbed).items()}
    for path, record in records(undisturbed).items():
        if record["status"] == "done":
            source = (archive / path).read_bytes()
            assert record["source"]["sha256"] == hashlib.sha256(source).hexdigest()
            assert record["output"]["sha256"] == digests[record["output"]["path"]]
            assert 0 <= record["confidence"] <= 1
            assert record["luma"] in ("coefficients", "exact")


def test_run_json_tells_of_the_run(undisturbed):
    run = json.loads((undisturbed / "_archivecolor" / "run.json").read_text())
    assert run["exit_code"] == 3
    assert run["counts"]["done"] == 7
    assert (run["counts"]["failed"], run["counts"]["skipped"]) == (2, 1)
    assert run["settings"]["working_size"] == 64
    assert "torch" in run["versions"]


def test_batch_workers_and_order_change_no_byte(archive, undisturbed, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--batch-size", "3", "--jobs", "1")
    assert done.returncode == 3
    assert tree(tmp_path / "out") == tree(undisturbed)


def test_the_same_command_again_does_nothing(archive, undisturbed, here, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    manifest = (output / "_archivecolor" / "manifest.jsonl").read_bytes()
    done = here("dir", archive, output)
    assert done.returncode == 3
    assert "0 done; 8 up to date; 2 failed before; --retry-failed tries them again" in done.stderr
    assert (output / "_archivecolor" / "manifest.jsonl").read_bytes() == manifest
    assert tree(output) == tree(undisturbed)


def test_only_what_changed_is_done_again(archive, undisturbed, here, tmp_path):
    source = shutil.copytree(archive, tmp_path / "in")
    output = shutil.copytree(undisturbed, tmp_path / "out")
    Image.fromarray(data.coins()).save(source / "people" / "chelsea.png")
    (output / "sepia.png").unlink()
    os.utime(source / "people" / "astronaut.jpg")
    done = here("dir", source, output, "--json")
    assert sorted(json.loads(line)["path"] for line in done.stdout.splitlines()) == [
        "people/chelsea.png",
        "sepia.png",
    ]
    assert Image.open(output / "people" / "chelsea.png").size == data.coins().shape[::-1]


def test_other_settings_do_all_again_and_retry_does_the_failed(archive, undisturbed, here, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    done = here("dir", archive, output, "--saturation", "0", "--json")
    assert len(done.stdout.splitlines()) == 10
    picture = np.asarray(Image.open(output / "people/chelsea.png"))
    assert np.array_equal(picture[..., 0], picture[..., 1])
    done = here("dir", archive, output, "--saturation", "0", "--retry-failed", "--json")
    assert len(done.stdout.splitlines()) == 2


def test_tone_policy_is_up_to_the_user(archive, here, tmp_path):
    words = ["--toned", "keep", "--colour", "copy", "--include", "sepia.png", "--include", "colour.jpg"]
    done = here("dir", archive, tmp_path / "out", *words)
    assert done.returncode == 0
    assert tree(tmp_path / "out") == {
        name: (archive / name).read_bytes() for name in ("colour.jpg", "sepia.png")
    }
    assert {record["reason"] for record in records(tmp_path / "out").values()} == {"copied"}
    words = ["--toned", "skip", "--colour", "recolour", *words[4:]]
    assert here("dir", archive, tmp_path / "again", *words).returncode == 0
    ends = {path: record["reason"] for path, record in records(tmp_path / "again").items()}
    assert ends == {"sepia.png": "toned", "colour.jpg": "coloured"}


def test_grey_gives_the_scans_back(archive, undisturbed, here, tmp_path):
    done = here("grey", undisturbed, tmp_path / "back")
    assert (done.returncode, done.stdout) == (0, "")
    assert set(tree(tmp_path / "back")) == set(tree(undisturbed))
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "back/people/chelsea.png")),
        np.asarray(Image.open(archive / "people/chelsea.png")),
    )
    deep = "places/abroad/deep.tif"
    assert np.array_equal(tifffile.imread(tmp_path / "back" / deep), tifffile.imread(archive / deep))
    assert np.array_equal(
        luma_plane(tmp_path / "back/people/astronaut.jpg"), luma_plane(archive / "people/astronaut.jpg")
    )


def test_a_dry_run_counts_and_touches_nothing(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--dry-run")
    assert done.returncode == 0
    assert "to do: 10 pictures" in done.stdout
    assert "megapixels" in done.stdout
    assert "1 hidden passed over" in done.stdout
    assert re.search(
        r"expected time: .* \(measured on \d+ pictures? here and now; \d+ s of processor time\)", done.stdout
    )
    assert not (tmp_path / "out").exists()


def test_a_dry_run_of_what_was_timed_before_loads_no_network(archive, checkpoint, undisturbed):
    words = [
        "dir",
        str(archive),
        str(undisturbed),
        "--dry-run",
        "--overwrite",
        "--checkpoint",
        str(checkpoint),
    ]
    code = (
        "import sys; from archivecolor.cli.main import main\n"
        f"code = main({words!r})\n"
        "sys.exit(code or [name for name in ('torch', 'cv2') if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_workers_import_no_torch(archive, checkpoint, tmp_path):
    code = (
        "import sys\n"
        "from archivecolor.engine.local import LocalExecutor, WorkerOptions\n"
        "from archivecolor.jobs.photograph_tasks import init_worker\n"
        "LOADED = \"set(__import__('sys').modules)\"\n"
        "with LocalExecutor(WorkerOptions(count=1, initializer=init_worker), LOADED) as executor:\n"
        "    loaded = executor.submit(eval, {}).result()\n"
        "sys.exit('archivecolor.photo.render' not in loaded or 'torch' in loaded)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_quiet_says_nothing_when_all_is_well(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "-q", "--include", "*.webp")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_terminal_a_summary_line_and_what_failed_are_all(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--include", "*.webp", "--include", "empty.png")
    assert done.returncode == 3
    assert done.stdout == ""
    summary, failed, where = done.stderr.splitlines()
    assert summary.startswith("dir: 1 done, 1 failed (empty 1) in ")
    assert failed.startswith("  empty.png: empty: ")
    assert where == f"  the list is {tmp_path / 'out'}/_archivecolor/manifest.jsonl"


@pytest.fixture
def _no_exiftool(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    exiftool.program.cache_clear()
    yield
    exiftool.program.cache_clear()


@pytest.mark.usefixtures("_no_exiftool")
def test_without_exiftool_one_line_says_so_and_the_rest_works(archive, here, tmp_path):
    words = ["dir", archive, tmp_path / "out", "--include", "people"]
    done = here(*words)
    assert done.returncode == 0
    warning, summary = done.stderr.splitlines()
    assert "exiftool is not installed" in warning
    assert summary.startswith("dir: 3 done")
    assert here(*words).stderr.startswith("dir: 0 done; 3 up to date")


def test_the_log_has_every_item(archive, here, tmp_path):
    log = tmp_path / "log.jsonl"
    here("dir", archive, tmp_path / "out", "-q", "--include", "people", "--log-file", log)
    messages = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    assert any("people/astronaut.jpg: done, coloured" in message for message in messages)


def test_formats_change_container_and_keep_the_grey(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--format", "png", "--include", "people")
    assert done.returncode == 0
    picture = Image.open(tmp_path / "out/people/astronaut.png")
    assert picture.format == "PNG"


def test_the_derivative_of_an_earlier_format_stays_until_it_is_pruned(archive, here, tmp_path):
    output = tmp_path / "out"
    words = ["dir", archive, output, "--include", "deep.tif"]
    assert here(*words).returncode == 0
    assert here(*words, "--format", "png").returncode == 0
    assert set(tree(output)) == {"places/abroad/deep.png", "places/abroad/deep.tif"}
    assert here("verify", output).returncode == 0
    assert here("prune", output).returncode == 0
    assert set(tree(output)) == {"places/abroad/deep.png"}
    assert here("verify", output).returncode == 0


def test_what_somebody_worked_on_stays_until_it_is_taken_back(archive, here, tmp_path):
    output = tmp_path / "out"
    words = [
        "dir",
        archive,
        output,
        "--include",
        "sepia.png",
        "--include",
        "*.webp",
        "--include",
        "chelsea.png",
    ]
    assert here(*words).returncode == 0
    longer = (output / "sepia.png").read_bytes() + b"retouched"
    (output / "sepia.png").write_bytes(longer)
    same_size = (output / "people/chelsea.png").read_bytes()[::-1]
    (output / "people/chelsea.png").write_bytes(same_size)
    first = here(*words)
    assert (first.returncode, "2 skipped (by-hand 2)" in first.stderr) == (0, True)
    assert here("verify", output).returncode == 0
    second = here(*words, "--saturation", "0.5", "--overwrite", "--json")
    assert second.returncode == 0
    assert "; 2 by-hand; --take-back PATH makes one anew" in second.stderr
    assert (output / "sepia.png").read_bytes() == longer
    assert (output / "people/chelsea.png").read_bytes() == same_size
    kept = {path: record for path, record in records(output).items() if record["reason"] == "by-hand"}
    assert kept.keys() == {"sepia.png", "people/chelsea.png"}
    assert kept["sepia.png"]["output"]["sha256"] == hashlib.sha256(longer).hexdigest()
    check = here("verify", output, "--sources", archive)
    assert check.returncode == 0
    assert [line.split() for line in check.stdout.splitlines()] == [
        ["by-hand", "people/chelsea.png"],
        ["by-hand", "sepia.png"],
    ]
    again = here(*words, "--saturation", "0.5", "--take-back", "sepia.png")
    assert (again.returncode, "dir: 1 done" in again.stderr) == (0, True)
    (aside,) = output.glob("sepia.png.by-hand-*")
    assert aside.read_bytes() == longer
    assert Image.open(output / "sepia.png").size == Image.open(archive / "sepia.png").size
    assert here("verify", output).returncode == 0


def test_names_that_collide_cost_their_pictures_and_not_the_tree(archive, here, tmp_path):
    scans = shutil.copytree(archive / "people", tmp_path / "in")
    shutil.copy(scans / "astronaut.jpg", scans / "chelsea.jpg")
    words = ["dir", scans, tmp_path / "out", "--format", "png"]
    done = here(*words)
    assert done.returncode == 3
    assert "2 done, 2 failed (name-collision 2)" in done.stderr
    assert set(tree(tmp_path / "out")) == {"Camera Man.png", "astronaut.png"}
    failed = [record for record in records(tmp_path / "out").values() if record["status"] == "failed"]
    assert {record["path"] for record in failed} == {"chelsea.jpg", "chelsea.png"}
    (scans / "chelsea.jpg").unlink()
    assert here(*words).returncode == 0
    assert "chelsea.png" in tree(tmp_path / "out")


def test_file_times_can_be_kept(archive, here, tmp_path):
    here("dir", archive, tmp_path / "out", "--preserve-times", "--include", "*.webp")
    name = "places/abroad/café.webp"
    assert (tmp_path / "out" / name).stat().st_mtime_ns == (archive / name).stat().st_mtime_ns


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["in", "in/out"], 2, "inside the input"),
        (["in", "in"], 2, "same folder"),
        (["gone", "out"], 2, "does not exist"),
        (["in", "out", "--shard", "3/2"], 2, "shard"),
        (["in", "out", "--checkpoint", "gone.safetensors"], 4, "gone.safetensors"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    archive, tmp_path, checkpoint, words, code, hint, capsys, monkeypatch
):
    (tmp_path / "in").symlink_to(archive)
    monkeypatch.chdir(tmp_path)
    if "--checkpoint" not in words:
        words = [*words, "--checkpoint", str(checkpoint)]
    assert main(["dir", *words]) == code
    said = capsys.readouterr().err
    assert hint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_device_is_an_error_before_anything_is_coloured(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--device", "tpu")
    assert done.returncode == 2
    assert "tpu" in done.stderr
    assert tree(tmp_path / "out") == {}


def test_the_time_limit_ends_cleanly_and_the_rerun_goes_on(archive, undisturbed, here, tmp_path):
    began = time.monotonic()
    done = here("dir", archive, tmp_path / "out", "--max-runtime", "0.01", "--exclude", "*.jpg")
    assert done.returncode == 0
    assert time.monotonic() - began < 60
    assert here("dir", archive, tmp_path / "out").returncode == 3
    assert tree(tmp_path / "out") == tree(undisturbed)


def test_too_many_failures_end_the_run(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--max-failures", "0")
    assert done.returncode == 7
    # What was in hand is written, and told of.
    assert here("verify", tmp_path / "out").returncode == 0


def test_a_saved_recipe_runs_again(archive, here, tmp_path, checkpoint):
    recipe = tmp_path / "photos.toml"
    here("dir", archive, tmp_path / "out", "--include", "*.webp", "--save-recipe", recipe)
    done = here("run", recipe, "--json")
    assert done.returncode == 0
    assert "1 up to date" in done.stderr


def test_films_of_the_tree_can_be_coloured_too(archive, here, tmp_path):
    source = shutil.copytree(archive / "people", tmp_path / "in")
    draw = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=96x64:rate=10:duration=0.5",
        "-vf",
        "format=gray,format=yuv420p",
    ]
    subprocess.run(["ffmpeg", "-loglevel", "error", *draw, str(source / "film.mp4")], check=True)
    done = here("dir", source, tmp_path / "out", "--films", "--exclude", "*.jp*g")
    assert done.returncode == 0, done.stderr
    assert [line.split(" in ")[0] for line in done.stderr.splitlines()] == ["dir: 2 done"]
    assert set(tree(tmp_path / "out")) == {"chelsea.png", "film.mp4"}


def test_a_link_in_the_output_that_leads_to_the_source_costs_no_scan(tmp_path, here):
    scans, output = tmp_path / "in", tmp_path / "out"
    (scans / "album").mkdir(parents=True)
    output.mkdir()
    Image.fromarray(data.camera()[::4, ::4]).save(scans / "album" / "camera.png")
    before = (scans / "album" / "camera.png").read_bytes()
    (output / "album").symlink_to(scans / "album")
    assert here("dir", scans, output).returncode == 3
    assert records(output)["album/camera.png"]["reason"] == "name-collision"
    assert here("grey", scans, output).returncode == 3
    assert (scans / "album" / "camera.png").read_bytes() == before


def test_no_tree_is_too_deep_and_what_nobody_saw_is_said(archive, here, tmp_path):
    scans, output = tmp_path / "in", tmp_path / "out"
    bottom = scans.joinpath(*["d"] * 1100)
    subprocess.run(["mkdir", "-p", bottom], check=True)
    subprocess.run(["cp", archive / "sepia.png", bottom / "a.png"], check=True)
    shutil.copy(archive / "sepia.png", scans / "z.png")
    try:
        assert here("dir", scans, output).returncode == 0
        assert set(records(output)) == {"d/" * 1100 + "a.png", "z.png"}
        assert here("verify", output).returncode == 0
        assert here("grey", output, tmp_path / "grey").returncode == 0
        assert (tmp_path / "grey").joinpath(*["d"] * 1100, "a.png").exists()
        nest(scans, "x" * 200, 30, file="notes.txt")
        again = here("dir", scans, output)
        assert again.returncode == 3
        assert "2 up to date" in again.stderr
        assert "1 unreadable folder passed over" in again.stderr
    finally:
        clear(scans, output, tmp_path / "grey")


def test_sidecars_come_along(archive, here, tmp_path):
    scans, output = tmp_path / "in", tmp_path / "out"
    scans.mkdir()
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    shutil.copy(archive / "sepia.png", scans / "a.png")
    shutil.copy(archive / "colour.jpg", scans / "b.jpg")
    for name in ("a.png.xmp", "b.xmp", "nobody.xmp"):
        (scans / name).write_text(xmp)
    words = ["dir", scans, output, "--format", "jpeg", "--premis"]
    done = here(*words)
    assert done.returncode == 0
    assert "1 done, 1 skipped" in done.stderr
    assert "1 sidecar passed over; 1 sidecar carried; 1 sidecar left" in done.stderr
    assert set(tree(output)) == {"a.jpg", "a.jpg.xmp"}
    assert b'Rating="4"' in tree(output)["a.jpg.xmp"]
    assert records(output)["b.xmp"]["reason"] == "no-derivative"
    (passed,) = (output / "_archivecolor" / "passed-over.jsonl").read_text().splitlines()
    assert json.loads(passed) == {"path": "nobody.xmp", "reason": "sidecar"}
    assert here("verify", output, "--sources", scans).returncode == 0
    before = (output / "_archivecolor" / "manifest.jsonl").read_bytes()
    assert "sidecars carried" not in here(*words).stderr
    assert (output / "_archivecolor" / "manifest.jsonl").read_bytes() == before
    # The grey ones say nothing of invented colour.
    assert here("grey", output, tmp_path / "grey").returncode == 0
    assert set(tree(tmp_path / "grey")) == {"a.jpg"}
