"""Memory does not grow with the length of a film; that of large frames, and priority, hold too."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from synthetic_films import run_ffmpeg, scene, write_film

FRAMES, SETTLED = 1000, 400
# The luma of the frames behind those, kept, would take 14 MB; what is known of them takes less than 1.
MOST_GROWTH = 8.0
UHD_FRAMES, UHD_GIGABYTES = 48, 2.2
PROGRAM = """
import json, resource, sys
from pathlib import Path
from synthetic_films import HueByLuma, film_from
from archivecolor.metadata.provenance import Provenance
from archivecolor.film.verify_output import verify_output
from archivecolor.film.containers import ContainerPlan
from archivecolor.film.mux import MuxInputs, mux
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, make_segments
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
peaks = {}
def watch(frame):
    unit = 1e6 if sys.platform == "darwin" else 1e3
    peaks[frame] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
film = film_from(source)
segments, work = plan_segments(film, 300), WorkFolder(folder)
make_segments(SegmentContext(film, HueByLuma(), work, watch, lambda: True), segments)
plan, part = ContainerPlan("mkv", (), ()), folder / "part"
mux(MuxInputs(film, segments, work, Provenance("1", "ab", "s", "w")), plan, part, lambda count: None)
verify_output(film, plan, part)
watch(-1)
print(json.dumps([len(film.first_pass), peaks[int(sys.argv[3])], peaks[-1]]))
"""


def test_a_long_film_takes_no_more_memory_than_a_short_one(tmp_path):
    source = tmp_path / "film.mkv"
    seconds = FRAMES // 25
    # A still changes every four seconds, so that the time goes into reading and writing.
    picture = f"testsrc2=s=192x128:r=1/4:d={seconds},format=gray,format=yuv420p,fps=25"
    run_ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=d={seconds}", "-c:v", "ffv1", source)
    (tmp_path / "work").mkdir()
    words = [sys.executable, "-c", PROGRAM, source, tmp_path / "work", str(SETTLED)]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=600, cwd=Path(__file__).parent
    )
    assert done.returncode == 0, done.stderr
    frames, settled, end = json.loads(done.stdout)
    assert frames == FRAMES
    assert end - settled < MOST_GROWTH


def test_a_film_is_made_at_the_priority_that_is_asked_for(tmp_path):
    source = write_film(tmp_path / "film.mkv", scene(1, 24))
    own = os.getpriority(os.PRIO_PROCESS, 0)
    seen, _ = watched(source, tmp_path / "out.mkv", "--working-size", "64", "--nice", "2")
    assert seen[-1] == min(own + 2, 19)


@pytest.mark.fault
def test_a_film_of_3840_x_2160_is_made_in_little_memory(tmp_path):
    source = tmp_path / "film.mkv"
    picture = f"testsrc2=s=3840x2160:r=25,format=gray,format=yuv420p,trim=end_frame={UHD_FRAMES}"
    run_ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", source)
    _, held = watched(source, tmp_path / "out.mkv", "--threads", "2")
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert sum(packet.size > 0 for packet in made.demux(video=0)) == UHD_FRAMES
    assert held < UHD_GIGABYTES


def watched(source, output, *options):
    """Colour a film in a process of its own: the priorities it had, and the memory that it held, in GB."""
    words = [
        sys.executable,
        "-m",
        "archivecolor",
        "video",
        source,
        "-o",
        output,
        "--quiet",
        "--device",
        "cpu",
        *options,
    ]
    run = subprocess.Popen([*map(str, words)])
    seen, ended = [], 0
    while not ended:
        seen.append(os.getpriority(os.PRIO_PROCESS, run.pid))
        time.sleep(0.05)
        ended, status, usage = os.wait4(run.pid, os.WNOHANG)
    run.returncode = os.waitstatus_to_exitcode(status)
    assert run.returncode == 0
    return seen, usage.ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
