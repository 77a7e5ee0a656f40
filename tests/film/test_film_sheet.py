"""A film at one look: a frame of every shot, and a strip."""

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
from synthetic_films import run_ffmpeg, scene, write_film

from archivecolor.film.film_sheet import film_sheet, shot_pictures

# Two small frames a second, kept, would take 27 MB.
MOST_GROWTH = 10.0
PROGRAM = """
import json, resource, sys
from pathlib import Path
from archivecolor.film.film_sheet import film_sheet, shot_pictures
peaks = []
for name in sys.argv[1:]:
    for picture in shot_pictures(film_sheet(Path(name)), 320):
        pass
    unit = 1e6 if sys.platform == "darwin" else 1e3
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
print(json.dumps(peaks))
"""


def test_every_shot_has_a_frame_of_its_own_and_every_frame_a_column(tmp_path):
    shots = [scene(1, 20), scene(2, 30), scene(3, 11)]
    film = write_film(tmp_path / "film.mkv", [picture for shot in shots for picture in shot])
    sheet = film_sheet(film)
    pictures = list(shot_pictures(sheet, 64))
    assert [(one.shot.first, one.shot.last, one.seconds) for one in pictures] == [
        (0, 19, 0.0),
        (20, 49, 0.8),
        (50, 60, 2.0),
    ]
    for picture, shot in zip(pictures, shots, strict=True):
        own = shot[(len(shot) - 1) // 2]
        assert np.abs(picture.rgb.mean(axis=2) - own).mean() < 2
    assert sheet.strip.shape == (24, 61, 3)
    assert sheet.seconds == 2.4


def test_a_film_none_of_whose_frames_can_be_read_now_has_an_empty_sheet(tmp_path):
    """More broken packets in a row than are borne, before the first frame that is whole."""
    whole, film = (
        write_film(tmp_path / "whole.mkv", scene(1, 1002), codec="mjpeg", pix_fmt="yuvj420p"),
        tmp_path / "film.mkv",
    )
    with av.open(str(whole)) as source, av.open(str(film), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                broken = av.Packet(b"junk" * 8) if number < 1001 else packet
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.stream = stream
                out.mux(broken)
    sheet = film_sheet(film)
    assert sheet.shots == ()
    assert sheet.strip.shape == (24, 1, 3)
    assert list(shot_pictures(sheet, 64)) == []


def test_memory_does_not_grow_with_the_film(tmp_path):
    films = []
    for seconds in (8, 60):
        films.append(tmp_path / f"{seconds}.mkv")
        picture = f"testsrc2=s=320x240:r=1/4:d={seconds},fps=12,format=yuv420p"
        run_ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", films[-1])
    words = [sys.executable, "-c", PROGRAM, *map(str, films)]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=300, cwd=Path(__file__).parent
    )
    assert done.returncode == 0, done.stderr
    short, long = json.loads(done.stdout)
    assert long - short < MOST_GROWTH
