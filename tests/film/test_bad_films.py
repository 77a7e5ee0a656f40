"""Films that cannot be had, or not whole: what is said of them."""

from fractions import Fraction

import av
import numpy as np
import pytest
from synthetic_films import film_from, run_ffmpeg, scene, write_film

from archivecolor.errors import ItemError, Reason
from archivecolor.film.containers import ContainerPlan
from archivecolor.film.first_pass import run_first_pass
from archivecolor.film.mux import MuxInputs, mux
from archivecolor.film.probe import probe
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, make_segments
from archivecolor.film.verify_output import verify_output
from archivecolor.metadata.provenance import Provenance

PROVENANCE = Provenance("1.0", "ab" * 32, "settings", "weights")


def refused(path):
    """Why a film is refused, at the first look."""
    with pytest.raises(ItemError) as error:
        run_first_pass(probe(path), lambda count: None)
    return error.value


def test_a_film_without_a_frame(tmp_path):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()
    assert refused(path).reason is Reason.UNREADABLE
    assert "ends before its first frame" in refused(path).detail


def test_a_film_of_a_codec_nobody_knows(tmp_path):
    path = write_film(tmp_path / "film.mkv", scene(1, 3))
    data = path.read_bytes()
    assert data.count(b"V_FFV1") == 1
    path.write_bytes(data.replace(b"V_FFV1", b"V_NONE"))
    assert refused(path).reason is Reason.UNSUPPORTED
    assert "no decoder" in refused(path).detail


def test_sound_of_a_codec_nobody_knows_is_told_of(tmp_path):
    path = tmp_path / "film.mov"
    sound = ("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "mp2")
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", *sound, "-c:v", "mjpeg", path)
    data = path.read_bytes()
    assert data.count(b".mp2") == 1
    path.write_bytes(data.replace(b".mp2", b"zzzz"))
    (sound,) = probe(path).streams
    assert (sound.kind, sound.codec) == ("audio", "")


def test_a_film_whose_picture_changes_its_size(tmp_path):
    for number, size in enumerate(("64x48", "96x64")):
        words = ("-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.4", "-c:v", "mpeg2video", "-f", "mpeg2video")
        run_ffmpeg(*words, tmp_path / f"{number}.m2v")
    path = tmp_path / "film.mpg"
    (tmp_path / "both.m2v").write_bytes(b"".join((tmp_path / f"{n}.m2v").read_bytes() for n in (0, 1)))
    run_ffmpeg("-f", "mpegvideo", "-i", tmp_path / "both.m2v", "-c", "copy", path)
    assert refused(path).reason is Reason.UNSUPPORTED
    assert "changes from 64 x 48 to 96 x 64" in refused(path).detail


@pytest.mark.parametrize("size", [300, 3000])
def test_packets_that_are_damaged_in_the_middle_are_told_of_and_survived(tmp_path, network, size):
    path = tmp_path / "film.mkv"
    noisy = "testsrc2=s=64x48:r=25:d=2,format=gray,noise=alls=60:allf=t,format=yuv420p"
    run_ffmpeg("-f", "lavfi", "-i", noisy, "-c:v", "libx264", "-g", 5, "-cluster_time_limit", 200, path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + size] = np.random.default_rng(1).bytes(size)
    path.write_bytes(data)
    film = film_from(path)
    # What still decodes, garbled or not, is there; what does not is a hole that is told of.
    assert 40 < len(film.first_pass) <= 50
    assert (len(film.first_pass) == 50) == (len(film.notes) == 0)
    assert "frames seem to be missing in 1 places, the first after 0.96 s" in film.notes or size == 300
    assert film.first_pass.pts[-1] == 1960
    segments, work = plan_segments(film, 1000), WorkFolder(tmp_path)
    make_segments(SegmentContext(film, network, work, lambda frame: None, lambda: True), segments)
    plan, part = ContainerPlan("mkv", (), ()), tmp_path / "part"
    mux(MuxInputs(film, segments, work, PROVENANCE), plan, part, lambda count: None)
    verify_output(film, plan, part)


CLOCKS = {"film.avi": Fraction(1, 25), "film.mkv": Fraction(1, 1000)}


@pytest.mark.parametrize(("name", "time_base"), CLOCKS.items())
def test_a_film_of_one_rate_has_no_holes_by_whatever_clock(tmp_path, name, time_base):
    for frames in (1, 2, 30):
        film = film_from(write_film(tmp_path / name, scene(1, frames), time_base=time_base))
        assert len(film.first_pass) == frames
        assert len(film.first_pass.gaps) == 0


def test_a_film_of_a_varying_rate_has_no_holes(tmp_path):
    times = np.cumsum(np.random.default_rng(8).integers(10, 90, 30)).tolist()
    film = film_from(write_film(tmp_path / "film.mkv", scene(1, 30), times=times))
    assert len(film.first_pass.gaps) == 0
    assert film.notes == ()
