"""Films that are turned for display: the turn goes along into whatever container."""

from dataclasses import replace

import av
import numpy as np
import pytest
from synthetic_films import film_from, frame_from, run_ffmpeg, scene

from archivecolor.film.containers import ContainerPlan
from archivecolor.film.film import read_from
from archivecolor.film.frames import FrameReader
from archivecolor.film.mux import MuxInputs, mux
from archivecolor.film.probe import probe
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, make_segments
from archivecolor.film.verify_output import verify_output
from archivecolor.metadata.provenance import Provenance

ONE = 1 << 16
PERSPECTIVE = 1 << 30
# Rows of the matrix (ISO/IEC 14496-12, 6.2.2): a, b, u, c, d, v, x, y, w.
TURNS = {
    "quarter": (0, ONE, 0, -ONE, 0, 0, 0, 0, PERSPECTIVE),
    "half": (-ONE, 0, 0, 0, -ONE, 0, 0, 0, PERSPECTIVE),
    "three quarters": (0, -ONE, 0, ONE, 0, 0, 0, 0, PERSPECTIVE),
}
PROVENANCE = Provenance("1.0", "ab" * 32, "settings", "weights")


def turned_film(path, matrix):
    """A film of a few frames with a display matrix."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix(matrix)
        for picture in scene(1, 4):
            out.mux(stream.encode(frame_from(picture, "yuv420p")))
        out.mux(stream.encode(None))
    return path


def joined_film(source, folder, container, network):
    """The source, coloured, in a container."""
    film = film_from(source)
    segments, work = plan_segments(film, 1000), WorkFolder(folder)
    make_segments(SegmentContext(film, network, work, lambda frame: None, lambda: True), segments)
    plan, part = ContainerPlan(container, (), ()), folder / f"made.{container}"
    mux(MuxInputs(film, segments, work, PROVENANCE), plan, part, lambda count: None)
    verify_output(film, plan, part)
    return part


@pytest.mark.parametrize(
    ("before", "after", "turn"),
    [
        *(("mp4", "mkv", turn) for turn in TURNS),
        ("mp4", "mp4", "quarter"),
        ("mov", "mov", "three quarters"),
        ("mov", "mkv", "quarter"),
        ("mkv", "mkv", "three quarters"),
    ],
)
def test_the_turn_goes_along(tmp_path, network, before, after, turn):
    source = turned_film(tmp_path / f"film.{before}", TURNS[turn])
    facts, made = probe(source), probe(joined_film(source, tmp_path, after, network))
    assert facts.display_matrix is not None
    assert facts.quarter_turns == {"quarter": 3, "half": 2, "three quarters": 1}[turn]
    assert made.quarter_turns == facts.quarter_turns
    assert (made.width, made.height) == (64, 48)
    assert np.allclose(made.display_matrix, facts.display_matrix, atol=2)
    assert made.display_matrix[8] == PERSPECTIVE


@pytest.mark.parametrize("turn", TURNS)
def test_the_network_sees_what_people_see(tmp_path, turn):
    source = turned_film(tmp_path / "film.mp4", TURNS[turn])
    facts = probe(source)
    luma = next(iter(FrameReader(facts))).luma
    upright = np.rot90(luma, facts.quarter_turns)
    run_ffmpeg("-i", source, "-frames:v", 1, "-pix_fmt", "yuv420p", "-f", "rawvideo", tmp_path / "shown")
    shown = np.fromfile(tmp_path / "shown", np.uint8)[: luma.size].reshape(upright.shape)
    assert np.array_equal(upright, shown)


def test_a_turned_film_has_its_colour_the_right_way_round(tmp_path, network):
    """The same picture lying on its side gets the same colours, lying on their side."""
    upright = film_from(turned_film(tmp_path / "upright.mp4", (ONE, 0, 0, 0, ONE, 0, 0, 0, PERSPECTIVE)))
    turned = replace(upright, geometry=replace(upright.geometry, quarter_turns=2))
    one, other = (next(iter(read_from(film, 0))) for film in (upright, turned))
    straight = upright.geometry.small_luma(one.frame, upright.facts)
    assert np.array_equal(np.rot90(straight, 2), turned.geometry.small_luma(other.frame, turned.facts))
    grid = network.answer(straight).cbcr
    assert np.array_equal(turned.geometry.as_coded(np.rot90(grid, 2)), grid)
