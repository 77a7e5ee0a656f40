"""Encoders of the machine: asked for by kind, tried before any work, refused with a reason."""

from dataclasses import replace

import av
import numpy as np
import pytest
from synthetic_films import film_from, scene, write_film
from test_exact_luma import coloured

from archivecolor.errors import ItemError, Reason, UnavailableError, UsageError
from archivecolor.film.encode import PictureEncoder, check_encoder, choose_target
from archivecolor.film.hardware import HARDWARE_ENCODERS, PIX_FMTS, encoder_name
from archivecolor.film.planes import ChromaPlanes
from archivecolor.film.probe import probe
from archivecolor.settings import VideoSettings, fields_of, option_of


def settings_for(path, **options):
    return VideoSettings(input=(path,), **options)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "film.mkv", scene(1, 4), pix_fmt="yuv420p")


def test_every_kind_that_can_be_asked_for_is_known():
    field = next(field for field in fields_of(VideoSettings) if field.name == "encoder")
    assert option_of(field).choices == ("software", *HARDWARE_ENCODERS)


@pytest.mark.parametrize("kind", HARDWARE_ENCODERS)
def test_a_kind_is_mapped_to_ffmpegs_encoder_and_a_rate_factor(film, kind):
    facts = probe(film)
    targets = {
        codec: choose_target(facts, settings_for(film, encoder=kind, codec=codec, crf=21), 1, False)
        for codec in ("h264", "h265")
    }
    assert targets["h264"].encoder == f"h264_{kind}"
    assert targets["h265"].encoder == f"hevc_{kind}"
    for target in targets.values():
        assert (target.pix_fmt, target.encoder_pix_fmt) == ("yuv420p", "nv12")
        assert {"21", str(118 * 58)} & set(target.options.values())


def test_deep_film_is_deep_in_h265_and_says_so_in_h264(film):
    facts = probe(film)
    facts = replace(facts, sample_format=replace(facts.sample_format, depth=12))
    deep = choose_target(facts, settings_for(film, encoder="nvenc", codec="h265"), 1, False)
    assert (deep.pix_fmt, deep.encoder_pix_fmt) == ("yuv420p10le", "p010le")
    assert "rounded from 12 to 10 bits" in deep.notes[0]
    flat = choose_target(facts, settings_for(film, encoder="nvenc"), 1, False)
    assert "rounded from 12 to 8 bits" in flat.notes[0]


@pytest.mark.parametrize("codec", ["ffv1", "prores", "dnxhr"])
def test_what_no_hardware_makes_is_a_wrong_option(film, codec):
    with pytest.raises(UsageError, match="made by software"):
        check_encoder(settings_for(film, encoder="qsv", codec=codec))


def test_odd_sizes_are_refused(film):
    with pytest.raises(ItemError, match="even sides") as refused:
        choose_target(replace(probe(film), width=63), settings_for(film, encoder="qsv"), 1, False)
    assert refused.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("kind", HARDWARE_ENCODERS)
def test_an_encoder_works_here_or_says_why_not_before_any_work(film, kind, codec):
    settings = settings_for(film, encoder=kind, codec=codec)
    try:
        check_encoder(settings)
    except UnavailableError as error:
        assert encoder_name(kind, codec) in str(error)
        assert "choose another --encoder, or software" in str(error)
        assert ("not in this FFmpeg" in str(error)) == (encoder_name(kind, codec) not in av.codecs_available)


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv420p", 8), ("yuv420p10le", 10)])
def test_samples_in_the_order_of_hardware_are_the_same_samples(film, tmp_path, pix_fmt, depth):
    """An encoder that only stores what it is given shows what hardware would be given."""
    source = film_from(film)
    sample_format = replace(source.target.sample_format, depth=depth)
    target = replace(
        source.target, sample_format=sample_format, pix_fmt=pix_fmt, encoder_pix_fmt=PIX_FMTS[depth]
    )
    target = replace(target, encoder="rawvideo", options={})
    noise = np.random.default_rng(1).integers(0, 1 << depth, (48 * 3 // 2, 64), codes_type(depth))
    luma, cb, cr = noise[:48], noise[48:60].reshape(24, 32), noise[60:].reshape(24, 32)
    with av.open(str(tmp_path / "film.nut"), "w") as out:
        encoder = PictureEncoder(out, source.facts, target)
        (packet,) = encoder.encode(0, luma, ChromaPlanes(cb, cr))
    # Two bytes per sample hold ten bits at their upper end.
    sent = np.frombuffer(bytes(packet), luma.dtype) >> (6 if depth == 10 else 0)
    assert np.array_equal(sent[: luma.size], luma.ravel())
    assert np.array_equal(sent[luma.size :], np.stack([cb, cr], axis=-1).ravel())


def codes_type(depth):
    """The type of samples of a depth."""
    return np.uint8 if depth == 8 else np.uint16


def test_a_picture_the_encoder_does_not_take_costs_that_film(film, network, tmp_path):
    source = film_from(film)
    wrong = replace(source, target=replace(source.target, options={"preset": "no such"}))
    with pytest.raises(ItemError, match="libx264 does not take its picture") as refused:
        coloured(wrong, network, tmp_path)
    assert refused.value.reason is Reason.UNSUPPORTED
    assert not list(tmp_path.iterdir())
