"""What a film is, whatever its ending."""

import pytest
from synthetic_films import run_ffmpeg

from archivecolor.archive.walk import FILMS
from archivecolor.film.probe import probe


@pytest.mark.parametrize(
    ("ending", "container", "coder"),
    [
        (".flv", "flv", "flv"),
        (".3gp", "3gp", "libx264"),
        (".m1v", "mpeg1video", "mpeg1video"),
        (".asf", "asf", "msmpeg4"),
        (".m2p", "mpeg", "mpeg2video"),
        (".qt", "mov", "libx264"),
        (".divx", "avi", "mpeg4"),
        (".mxf", "mxf", "mpeg2video"),
        (".y4m", "yuv4mpegpipe", "wrapped_avframe"),
        (".nut", "nut", "ffv1"),
    ],
)
def test_a_film_that_is_found_by_its_ending_can_be_opened(tmp_path, ending, container, coder):
    film = tmp_path / f"film{ending}"
    source = "testsrc2=s=96x64:r=25:d=0.2,hue=s=0,format=yuv420p"
    run_ffmpeg("-f", "lavfi", "-i", source, "-c:v", coder, "-f", container, film)
    assert ending.encode() in FILMS
    facts = probe(film)
    assert (facts.width, facts.height, facts.layout.depth) == (96, 64, 8)
