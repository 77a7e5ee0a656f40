"""From frames to finished segments: cuts, seams, repeats, resumes, and films that change."""

import os
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_films import HueByLuma, film_from, run_ffmpeg, scene, write_film

import archivecolor.film.segments as segments_module
from archivecolor.colour.chroma import Chroma
from archivecolor.errors import ItemError, Reason
from archivecolor.film.chroma import FrameRange, frame_chromas
from archivecolor.film.containers import ContainerPlan, closing_output
from archivecolor.film.encode import PictureEncoder
from archivecolor.film.film import read_from
from archivecolor.film.frames import to_frame
from archivecolor.film.mux import MuxInputs, mux
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import (
    SegmentContext,
    confidence_of,
    fits_in_memory,
    make_segments,
    mean_confidence,
)
from archivecolor.film.shots import Shot, shots_from_starts
from archivecolor.film.verify_output import verify_output
from archivecolor.metadata.provenance import Provenance

PROVENANCE = Provenance("1.0", "ab" * 32, "settings", "weights")


class BrightIsRed:
    """Red where the picture is bright as a whole, blue where it is dark."""

    def predict(self, lumas, guidance=()):
        answers = []
        for luma in lumas:
            sign = 1.0 if luma.mean() > 0.5 else -1.0
            cbcr = np.full((16, 16, 2), 0.2 * sign, np.float32) * np.array([-1, 1], np.float32)
            answers.append(Chroma(cbcr, np.ones((16, 16), np.float32), 1.0))
        return answers


def context_of(film, network, folder, **changes):
    context = SegmentContext(film, network, WorkFolder(folder), lambda frame: None, lambda: True)
    return replace(context, **changes)


@pytest.fixture
def two_shots(tmp_path):
    dark = [(picture // 3 + 16).astype(np.uint8) for picture in scene(1, 12)]
    # The same scene again: motion is found across the cut, so only the cut keeps the colours apart.
    bright = [(picture // 3 + 150).astype(np.uint8) for picture in scene(1, 12)]
    return write_film(tmp_path / "film.mkv", dark + bright)


def test_no_colour_crosses_a_cut(two_shots, tmp_path):
    film = replace(
        film_from(two_shots, codec="ffv1", smoothing=1.0), shots=shots_from_starts({12: "cut"}, 24)
    )
    segments = plan_segments(film, 100)
    make_segments(context_of(film, BrightIsRed(), tmp_path), segments)
    with av.open(str(tmp_path / "segment-00000.mkv")) as made:
        reds = [np.frombuffer(frame.planes[2], np.uint8).mean() for frame in made.decode(video=0)]
    assert max(reds[:12]) < 100
    assert min(reds[12:]) > 156
    assert np.ptp(reds[:12]) < 4
    assert np.ptp(reds[12:]) < 4


def test_without_the_cut_colour_would_cross(two_shots):
    """The same film as one shot: so the test above can fail."""
    film = replace(film_from(two_shots, codec="ffv1", smoothing=1.0), shots=shots_from_starts({}, 24))
    reds = [
        float(answer.cbcr[..., 1].mean())
        for answer in frame_chromas(film, BrightIsRed(), FrameRange(0, 23, None))
    ]
    assert reds[11] > -0.15


def reds_of(film):
    """The mean red of every frame, as smoothing leaves it."""
    last = len(film.first_pass) - 1
    return [
        float(answer.cbcr[..., 1].mean())
        for answer in frame_chromas(film, BrightIsRed(), FrameRange(0, last, None))
    ]


def test_a_flash_leaves_no_colour_before_or_behind_it(tmp_path):
    pictures = [(picture // 3 + 16).astype(np.uint8) for picture in scene(4, 40, 96, 128)]
    white = np.random.default_rng(9).integers(228, 235, pictures[0].shape).astype(np.uint8)
    pictures[20:22] = [white] * 2
    film = film_from(write_film(tmp_path / "film.mkv", pictures), smoothing=1.0)
    assert [(shot.first, shot.begins) for shot in film.shots] == [
        (0, "start"),
        (20, "flash"),
        (22, "after-flash"),
    ]
    flash = slice(20, 22)
    for shots, apart in ((film.shots, True), (shots_from_starts({}, 40), False)):
        reds = np.array(reds_of(replace(film, shots=shots, keyframe_interval=1)))
        assert np.allclose(reds[flash], 0.2, atol=1e-3) == apart
        assert np.allclose(np.delete(reds, flash), -0.2, atol=1e-3) == apart


def test_colour_is_forgotten_at_the_end_of_a_dissolve(tmp_path):
    dark, bright = scene(6, 50, drift=0)[0] // 3 + 16, scene(7, 50, drift=0)[0] // 3 + 150
    shares = [*[0.0] * 40, *np.linspace(0, 1, 18)[1:-1], *[1.0] * 40]
    noise = np.random.default_rng(3)
    pictures = [
        np.rint(dark * (1 - share) + bright * share + noise.normal(0, 1, dark.shape)).astype(np.uint8)
        for share in shares
    ]
    film = film_from(write_film(tmp_path / "film.mkv", pictures), smoothing=1.0)
    (end,) = [shot.first for shot in film.shots if shot.begins == "dissolve"]
    assert 50 <= end <= 60
    assert np.allclose(reds_of(film)[end:], 0.2, atol=1e-3)
    assert not np.allclose(
        reds_of(replace(film, shots=shots_from_starts({}, len(shares))))[end:], 0.2, atol=1e-3
    )


def test_segments_of_a_shot_have_the_colours_of_the_whole(tmp_path, network):
    film = film_from(write_film(tmp_path / "film.mkv", scene(3, 70)), codec="ffv1")
    planes = []
    for most in (200, 11):
        folder = tmp_path / f"by {most}"
        folder.mkdir()
        segments = plan_segments(film, most)
        make_segments(context_of(film, network, folder), segments)
        planes.append([plane for segment in segments for plane in frames_of(folder, segment)])
    assert len(segments) == 7
    assert len(planes[0]) == len(planes[1]) == 70
    assert all(np.array_equal(one, other) for one, other in zip(*planes, strict=True))


def frames_of(folder, segment):
    with av.open(str(WorkFolder(folder).segment(segment))) as made:
        return [frame.to_ndarray() for frame in made.decode(video=0)]


@pytest.mark.parametrize("gone", [(0,), (3,), (2, 3), (6,)])
def test_segments_that_are_missing_are_made_again_with_the_same_bytes(tmp_path, network, gone):
    film = film_from(write_film(tmp_path / "film.mkv", scene(3, 70)))
    segments = plan_segments(film, 11)
    context = context_of(film, network, tmp_path)
    make_segments(context, segments)
    files = [context.folder.segment(segments[number]) for number in gone]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    make_segments(context, segments)
    assert [file.read_bytes() for file in files] == before


def test_the_making_ends_between_segments_when_asked(tmp_path, network):
    film = film_from(write_film(tmp_path / "film.mkv", scene(3, 40)))
    asked = iter([True, True, False])
    context = context_of(film, network, tmp_path, should_continue=lambda: next(asked))
    assert not make_segments(context, plan_segments(film, 10))
    assert len(list(tmp_path.glob("segment-*.mkv"))) == 2


def test_frames_too_large_to_wait_for_their_colour_are_read_twice(tmp_path, network, monkeypatch):
    """Grey shots with frames that repeat around one in colour: the same pictures either way."""
    path = tmp_path / "film.mkv"
    grey = "mandelbrot=s=96x64:r=12,trim=end_frame=20,fps=25,format=gray,format=yuv420p"
    colour = "testsrc2=s=96x64:r=25,trim=end_frame=20,format=yuv420p"
    run_ffmpeg("-filter_complex", f"{grey},split[a][c];{colour}[b];[a][b][c]concat=n=3", "-c:v", "ffv1", path)
    film = film_from(path, codec="ffv1")
    count = len(film.first_pass)
    begin = (count - 20) // 2
    film = replace(film, shots=shots_from_starts({begin: "cut", begin + 20: "cut"}, count))
    assert [film.is_passthrough(shot) for shot in film.shots] == [False, True, False]
    assert any(film.is_repeat(number) for number in range(begin))
    planes = []
    for most in (segments_module.MAX_BUFFERED_BYTES, 0):
        monkeypatch.setattr(segments_module, "MAX_BUFFERED_BYTES", most)
        assert fits_in_memory(film) == (most > 0)
        folder = tmp_path / f"at most {most}"
        folder.mkdir()
        segments = plan_segments(film, 17)
        make_segments(context_of(film, network, folder), segments)
        planes.append([plane for segment in segments for plane in frames_of(folder, segment)])
        # Of the frames that the network was asked about, not of those that kept their own chroma.
        assert mean_confidence(
            confidence_of(segment, WorkFolder(folder)) for segment in segments
        ) == pytest.approx(0.6)
    source = [item.frame.luma for item in read_from(film, 0)]
    for luma, *made in zip(source, *planes, strict=True):
        assert all(np.array_equal(luma, picture[0]) for picture in made)
        assert np.array_equal(*made)


def test_frames_that_repeat_are_looked_at_once(tmp_path):
    pictures = [picture for picture in scene(4, 10) for _ in range(3)]
    film = replace(film_from(write_film(tmp_path / "film.mkv", pictures), codec="ffv1"), keyframe_interval=1)
    network = HueByLuma()
    segments = plan_segments(film, 11)
    make_segments(context_of(film, network, tmp_path), segments)
    assert network.seen == 10
    made = [frame for segment in segments for frame in frames_of(tmp_path, segment)]
    assert all(np.array_equal(made[3 * n], made[3 * n + 2]) for n in range(10))
    assert all(not film.is_repeat(segment.first) for segment in segments)


def test_a_film_that_changed_since_it_was_surveyed_is_refused(tmp_path, network):
    path = write_film(tmp_path / "film.mkv", scene(5, 20))
    film = film_from(path)
    write_film(path, scene(6, 20))
    with pytest.raises(ItemError) as error:
        make_segments(context_of(film, network, tmp_path), plan_segments(film, 100))
    assert error.value.reason is Reason.CHANGED
    assert not list(tmp_path.glob("segment-*"))


class RefusingEncoder(PictureEncoder):
    """Takes every frame, and fails at the end."""

    def flush(self):
        raise ItemError(Reason.UNSUPPORTED, "the encoder does not take its picture")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted under /proc")
def test_a_segment_whose_encoder_fails_is_closed(tmp_path, network, monkeypatch):
    film = film_from(write_film(tmp_path / "film.mkv", scene(5, 9)), codec="ffv1")
    monkeypatch.setattr(segments_module, "PictureEncoder", RefusingEncoder)
    with pytest.raises(ItemError, match="does not take") as caught:
        make_segments(context_of(film, network, tmp_path), plan_segments(film, 100))
    assert caught.tb is not None  # it holds on to what it passed
    opened = [link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [name for name in opened if "segment-" in name]


def test_what_went_wrong_is_not_hidden_by_what_goes_wrong_in_closing():
    class Unclosable:
        def close(self):
            raise ValueError("cannot be closed")

    with pytest.raises(ItemError), closing_output(Unclosable()):
        raise ItemError(Reason.UNSUPPORTED, "the encoder does not take its picture")
    with pytest.raises(ValueError, match="closed"), closing_output(Unclosable()):
        pass


def test_a_picture_that_changes_size_is_refused(tmp_path):
    path = write_film(tmp_path / "film.mkv", scene(5, 3))
    film = film_from(path)
    with pytest.raises(ItemError, match="changes from 64 x 48"):
        to_frame(av.VideoFrame(32, 48, "gray"), 5, film.facts)


@pytest.mark.parametrize("first", [0, 1, 30, 45, 59])
def test_reading_on_from_anywhere_gives_the_same_frames(tmp_path, first):
    path = tmp_path / "film.mp4"
    write_film(path, scene(7, 60), codec="libx264", pix_fmt="yuv420p")
    film = film_from(path)
    whole = [item.frame.luma for item in read_from(film, 0)]
    part = list(read_from(film, first))
    assert [item.number for item in part] == list(range(first, 60))
    assert all(np.array_equal(item.frame.luma, whole[item.number]) for item in part)


@pytest.mark.parametrize("codec", ["h264", "h265", "ffv1"])
def test_joined_frames_stand_at_their_own_times(tmp_path, network, codec):
    """Irregular times, several segments, encoders that reorder: every frame and every time come back."""
    times = np.cumsum(np.random.default_rng(8).integers(10, 90, 50)).tolist()
    path = write_film(tmp_path / "film.mkv", scene(8, 50), times=times)
    film = film_from(path, codec=codec)
    segments = plan_segments(film, 12)
    context = context_of(film, network, tmp_path)
    make_segments(context, segments)
    plan = ContainerPlan("mkv", (), ())
    part = tmp_path / "part"
    mux(MuxInputs(film, segments, context.folder, PROVENANCE), plan, part, lambda count: None)
    verify_output(film, plan, part)
    with av.open(str(part)) as made:
        assert [frame.pts for frame in made.decode(video=0)] == times


def test_a_film_that_lacks_a_frame_is_found_out(tmp_path, network):
    film = film_from(write_film(tmp_path / "film.mkv", scene(9, 20)))
    segments = plan_segments(film, 8)
    context = context_of(film, network, tmp_path)
    make_segments(context, segments)
    part = tmp_path / "part"
    mux(
        MuxInputs(film, segments, context.folder, PROVENANCE),
        ContainerPlan("mkv", (), ()),
        part,
        lambda count: None,
    )
    longer = replace(
        film,
        first_pass=replace(film.first_pass, pts=np.append(film.first_pass.pts, 900), digests=np.zeros(21)),
    )
    with pytest.raises(ItemError, match="20 frames of 21"):
        verify_output(longer, ContainerPlan("mkv", (), ()), part)
    moved = replace(film, first_pass=replace(film.first_pass, pts=film.first_pass.pts + 40))
    with pytest.raises(ItemError, match="frame 0 is at"):
        verify_output(moved, ContainerPlan("mkv", (), ()), part)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(8, 60))
def test_segments_cover_the_film_once_and_stay_short(lengths, most):
    count = sum(lengths)
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    shots = tuple(
        Shot(start, start + length - 1, "cut") for start, length in zip(starts, lengths, strict=True)
    )
    segments = plan_segments(Cut(shots, count), most)
    covered = [frame for segment in segments for frame in range(segment.first, segment.last + 1)]
    assert covered == list(range(count))
    assert all(segment.last - segment.first < most for segment in segments)


class Cut:
    """As much of a film as planning needs: no frame repeats."""

    def __init__(self, shots, count):
        self.shots = shots
        self.first_pass = range(count)
        self.corrections = self.colour_sources = {}

    def is_repeat(self, frame):
        return False


@pytest.mark.parametrize("name", ["segment-00000.mkv", "segment-00000.npz", "segment-00000-confidence.npy"])
@pytest.mark.parametrize("damage", [b"", b"no picture"])
def test_a_segment_that_a_bad_disk_damaged_is_made_again(tmp_path, network, name, damage):
    film = replace(film_from(write_film(tmp_path / "film.mkv", scene(1, 16)), codec="ffv1"))
    segments = plan_segments(film, 8)
    work = tmp_path / "work"
    work.mkdir()
    context = context_of(film, network, work)
    make_segments(context, segments)
    before = {path.name: path.read_bytes() for path in work.iterdir()}
    (work / name).write_bytes(damage)
    assert make_segments(context, segments)
    assert {path.name: path.read_bytes() for path in work.iterdir()} == before


def test_what_is_no_work_file_of_ours_is_taken_out_of_the_folder(tmp_path):
    folder = WorkFolder(tmp_path / "work")
    folder.path.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder.path / "survey-keep.npz").symlink_to(victim)
    (folder.path / "segment-00000.mkv").hardlink_to(victim)
    os.mkfifo(folder.path / "segment-00000-confidence.npy")
    (folder.path / "incomplete.mkv").mkdir()
    (folder.path / "segment-00001.mkv").write_text("ours")
    folder.remove_foreign()
    assert [path.name for path in folder.path.iterdir()] == ["segment-00001.mkv"]
    assert victim.read_text() == "precious"
