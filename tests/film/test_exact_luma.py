"""The grey of a film stays: at every depth and range, in every codec that can promise it."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
from synthetic_films import film_from, run_ffmpeg, scene, write_film

from archivecolor.colour.tone import Tone
from archivecolor.film.pixels import SampleFormat, chroma_matrix, convert_luma
from archivecolor.film.planes import ChromaPlaneRenderer, compress_into_gamut
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, make_segments

SOURCES = {
    "gray": ("ffv1", np.uint8),
    "yuv420p": ("ffv1", np.uint8),
    "yuv422p": ("ffv1", np.uint8),
    "yuv444p": ("ffv1", np.uint8),
    "gray10le": ("ffv1", np.uint16),
    "yuv420p10le": ("ffv1", np.uint16),
    "yuv422p12le": ("ffv1", np.uint16),
    "gray16le": ("ffv1", np.uint16),
}
LONG_ENOUGH = 10_000


def deep(pictures, depth):
    """The same scene with that many bits, all of which are used."""
    noise = np.random.default_rng(0)
    return [
        (picture.astype(np.uint16) << (depth - 8))
        + noise.integers(0, 1 << (depth - 8), picture.shape).astype(np.uint16)
        for picture in pictures
    ]


def coloured(film, network, folder):
    """The one segment a short film becomes."""
    segments = plan_segments(film, LONG_ENOUGH)
    work = WorkFolder(folder, ".mov" if film.target.codec == "dnxhr" else ".mkv")
    make_segments(SegmentContext(film, network, work, lambda frame: None, lambda: True), segments)
    return work.segment(segments[0])


def planes_of(path):
    """All planes of all frames, as integers."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
            yield [
                np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width]
                for plane in frame.planes
            ]


@pytest.mark.parametrize("pix_fmt", SOURCES)
def test_ffv1_keeps_every_luma_code(tmp_path, network, pix_fmt):
    codec, dtype = SOURCES[pix_fmt]
    depth = int("".join(filter(str.isdigit, pix_fmt.split("p")[-1].replace("gray", "")))[:2] or 8)
    pictures = scene(1, 5) if dtype is np.uint8 else deep(scene(1, 5), depth)
    source = write_film(tmp_path / "film.mkv", pictures, codec=codec, pix_fmt=pix_fmt)
    film = film_from(source, codec="ffv1")
    assert film.target.sample_format == film.facts.sample_format
    made = list(planes_of(coloured(film, network, tmp_path)))
    assert len(made) == len(pictures)
    for picture, (luma, cb, cr) in zip(pictures, made, strict=True):
        assert np.array_equal(picture, luma)
        assert cb.shape == cr.shape == luma.shape
        assert np.ptp(cb) > 0


@pytest.mark.parametrize("pix_fmt", ["rgb24", "gbrp10le", "gbrp16le"])
def test_rgb_sources_give_their_bt601_luma(tmp_path, network, pix_fmt):
    depth = {"rgb24": 8, "gbrp10le": 10, "gbrp16le": 16}[pix_fmt]
    rng = np.random.default_rng(2)
    rgb = rng.integers(0, 1 << depth, (3, 48, 64, 3)).astype(np.uint8 if depth == 8 else np.uint16)
    path = tmp_path / ("film.mov" if depth == 8 else "film.mkv")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("png" if depth == 8 else "ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for picture in rgb:
            if depth == 8:
                frame = av.VideoFrame.from_ndarray(picture, format=pix_fmt)
            else:
                frame = av.VideoFrame(64, 48, pix_fmt)
                for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
                    np.frombuffer(plane, rgb.dtype).reshape(48, -1)[:, :64] = picture[..., channel]
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    wide = rgb.astype(np.int64)
    luma = (299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2] + 500) // 1000
    film = film_from(path, codec="ffv1", colour="recolour")
    assert film.facts.sample_format.full
    for expected, (made, _, _) in zip(luma, planes_of(coloured(film, network, tmp_path)), strict=True):
        assert np.array_equal(expected, made)


@pytest.mark.parametrize("codec", ["h264", "h265", "prores", "dnxhr"])
def test_lossy_codecs_keep_the_grey_closely(tmp_path, network, codec):
    pictures = scene(3, 4, 160, 256)
    source = write_film(tmp_path / "film.mkv", pictures, pix_fmt="yuv420p")
    film = film_from(source, codec=codec)
    shift = film.target.sample_format.depth - 8
    made = list(planes_of(coloured(film, network, tmp_path)))
    assert len(made) == len(pictures)
    for picture, (luma, _, _) in zip(pictures, made, strict=True):
        assert np.abs((luma >> shift).astype(int) - picture).mean() < 2.5


def test_full_range_in_prores_comes_back_exactly():
    codes = np.arange(256, dtype=np.uint8)[None]
    full, limited = SampleFormat(8, True), SampleFormat(10, False)
    there = convert_luma(codes, full, limited)
    assert np.array_equal(convert_luma(there, limited, full), codes)
    assert (there.min(), there.max()) == (64, 940)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6, 7, 9])
def test_decoded_colour_is_in_gamut_and_has_the_hue(matrix, full):
    """What a decoder makes of our planes: R, G and B within range, and red where red was meant."""
    codes = SampleFormat(8, full)
    luma = np.linspace(codes.black, codes.black + codes.luma_span, 96).astype(np.uint8)[None].repeat(64, 0)
    cbcr = np.empty((8, 12, 2), np.float32)
    cbcr[..., 0], cbcr[..., 1] = -0.1, 0.4
    planes = ChromaPlaneRenderer(matrix, codes, (1, 1)).render(luma, cbcr)
    red_weight, blue_weight = {1: (0.2126, 0.0722), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}.get(
        matrix, (0.299, 0.114)
    )
    y = (luma.astype(float) - codes.black) / codes.luma_span
    cb, cr = ((plane.astype(float) - 128) / codes.chroma_span for plane in (planes.cb, planes.cr))
    red, blue = y + 2 * (1 - red_weight) * cr, y + 2 * (1 - blue_weight) * cb
    green = (y - red_weight * red - blue_weight * blue) / (1 - red_weight - blue_weight)
    for channel in (red, green, blue):
        assert channel.min() > -0.015
        assert channel.max() < 1.015
    assert (red - green)[:, 20:60].min() > 0.1


def test_the_way_between_matrices_keeps_the_offset_from_grey():
    """Coloured in BT.601, seen through BT.709: R - G and B - G as meant."""
    cbcr = np.array([[[0.1, 0.2]]], np.float32)
    cb, cr = (cbcr @ chroma_matrix(1).T)[0, 0]
    red, blue = 2 * (1 - 0.2126) * cr, 2 * (1 - 0.0722) * cb
    green = -(0.2126 * red + 0.0722 * blue) / (1 - 0.2126 - 0.0722)
    meant_red, meant_blue = 1.402 * 0.2, 1.772 * 0.1
    meant_green = -(0.299 * meant_red + 0.114 * meant_blue) / 0.587
    assert red - green == pytest.approx(meant_red - meant_green, abs=1e-6)
    assert blue - green == pytest.approx(meant_blue - meant_green, abs=1e-6)


@pytest.mark.parametrize("codec", ["ffv1", "prores", "dnxhr"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj444p"])
def test_shots_in_colour_keep_their_hue_in_every_matrix_and_range(tmp_path, network, codec, pix_fmt):
    red, green, blue = 0x30, 0x60, 0xC0
    path = tmp_path / "film.mkv"
    picture = f"color=c=#{red:02x}{green:02x}{blue:02x}:s=256x128:r=25:d=0.2,format={pix_fmt}"
    run_ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-qp", "0", path)
    film = film_from(path, codec=codec)
    # One colour alone would count as toned.
    film = replace(film, first_pass=replace(film.first_pass, tones=(Tone.COLOUR.value,) * 2))
    assert film.is_passthrough(film.shots[0])
    made = coloured(film, network, tmp_path)
    _, cb, cr = next(planes_of(made))
    codes = film.target.sample_format
    blue_diff, red_diff = (
        (float(plane.mean()) - codes.neutral) / codes.chroma_span * 255 for plane in (cb, cr)
    )
    red_weight, blue_weight = (0.2126, 0.0722) if codec == "dnxhr" else (0.299, 0.114)
    red_off, blue_off = 2 * (1 - red_weight) * red_diff, 2 * (1 - blue_weight) * blue_diff
    green_off = -(red_weight * red_off + blue_weight * blue_off) / (1 - red_weight - blue_weight)
    assert red_off - green_off == pytest.approx(red - green, abs=4)
    assert blue_off - green_off == pytest.approx(blue - green, abs=4)
    with av.open(str(made)) as container:
        assert next(container.decode(video=0)).colorspace == film.target.matrix


def test_grey_stays_grey():
    luma = np.linspace(0, 1, 64, dtype=np.float32)[None]
    cb, cr = np.zeros((2, 1, 64), np.float32)
    compress_into_gamut(luma, cb, cr, 1)
    assert not cb.any()
    assert not cr.any()
    planes = ChromaPlaneRenderer(1, SampleFormat(8, False), (2, 2)).render(
        np.full((48, 64), 90, np.uint8), np.zeros((4, 6, 2), np.float32)
    )
    assert (planes.cb == 128).all()
    assert (planes.cr == 128).all()


def test_chroma_is_sited_where_mpeg_puts_it():
    """A vertical edge of colour, seen by a decoder that follows the standard, lies where it was."""
    grid = np.zeros((12, 64, 2), np.float32)
    grid[:, 32:, 1] = 0.2
    planes = ChromaPlaneRenderer(6, SampleFormat(8, False), (2, 2)).render(
        np.full((96, 512), 126, np.uint8), grid
    )
    row = planes.cr[24].astype(float) - 128
    # Samples of chroma stand over luma samples 0, 2, 4, ...: centres at 0.5, 2.5, 4.5, ...
    centres = np.arange(256) * 2 + 0.5
    edge = np.interp(row.max() / 2, row[100:156], centres[100:156])
    assert edge == pytest.approx(256, abs=0.3)


def test_odd_sizes_keep_their_size(tmp_path, network):
    pictures = [cv2.resize(picture, (63, 47)) for picture in scene(1, 3)]
    source = write_film(tmp_path / "film.mkv", pictures, pix_fmt="gray")
    film = film_from(source)
    made = list(planes_of(coloured(film, network, tmp_path)))
    assert made[0][0].shape == (47, 63)
    assert "odd" in film.target.notes[0]


@pytest.mark.parametrize(
    ("options", "preset"),
    [
        ({"codec": "h264"}, "fast"),
        ({"codec": "h265"}, "medium"),
        ({"codec": "h264", "preset": "slow"}, "slow"),
        ({"codec": "h265", "preset": "slow"}, "slow"),
    ],
)
def test_presets_are_the_codecs_own_or_as_asked(tmp_path, options, preset):
    film = film_from(write_film(tmp_path / "film.mkv", scene(1, 1)), **options)
    assert film.target.options["preset"] == preset
