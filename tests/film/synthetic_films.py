"""Films made by code, and a network that needs no weights."""

import subprocess
import zlib
from fractions import Fraction

import cv2
import numpy as np

from archivecolor.colour.chroma import Chroma
from archivecolor.film.encode import choose_target
from archivecolor.film.film import Film
from archivecolor.film.first_pass import run_first_pass
from archivecolor.film.frames import geometry_of
from archivecolor.film.keyframes import keyframe_interval_for
from archivecolor.film.probe import probe
from archivecolor.settings import VideoSettings

SIDE = 64


class HueByLuma:
    """A stand-in network: hue goes by luma, with noise that differs from frame to frame."""

    digest = "0" * 64
    name = "hue by luma"

    def __init__(self, noise=0.03):
        self.noise = noise
        self.seen = 0

    def predict(self, lumas, guidance=()):
        self.seen += len(lumas)
        return [self.answer(luma) for luma in lumas]

    def answer(self, luma):
        size = (max(2, luma.shape[1] // 4), max(2, luma.shape[0] // 4))
        small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        noise = np.random.default_rng(zlib.crc32(luma.data)).normal(0, self.noise, 2)
        cbcr = np.stack([np.cos(6 * small), np.sin(6 * small)], -1) * 0.12 + noise
        return Chroma(cbcr.astype(np.float32), np.full(small.shape, 0.6, np.float32), 0.6)


def run_ffmpeg(*words):
    """FFmpeg as an archive's technician would call it."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, timeout=120)


def write_film(
    path, pictures, times=None, codec="ffv1", pix_fmt="gray", rate=25, time_base=Fraction(1, 1000), **tags
):
    """Write grey pictures, (h, w) of uint8 or uint16 codes, as a film; tags are set on the encoder."""
    import av

    times = times or [round(number / rate / time_base) for number in range(len(pictures))]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = time_base
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for pts, picture in zip(times, pictures, strict=True):
            frame = frame_from(picture, pix_fmt)
            frame.pts, frame.time_base = pts, time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def frame_from(picture, pix_fmt):
    """A frame whose luma is `picture` and whose chroma, if any, is neutral."""
    import av

    frame = av.VideoFrame(picture.shape[1], picture.shape[0], pix_fmt)
    for number, plane in enumerate(frame.planes):
        lines = np.frombuffer(plane, picture.dtype).reshape(plane.height, -1)
        lines[:] = 128 << (8 * (picture.itemsize - 1)) if number else 0
        if number == 0:
            lines[:, : plane.width] = picture
    return frame


def scene(seed, frames, height=48, width=64, drift=1):
    """Pictures of one scene: a smooth random texture that moves sideways."""
    texture = np.random.default_rng(seed).normal(128, 60, (height // 8, (width + frames * drift) // 8 + 2))
    wide = cv2.resize(texture, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    wide = np.clip(wide, 20, 230).astype(np.uint8)
    return [wide[:height, drift * number : drift * number + width].copy() for number in range(frames)]


def film_from(path, **settings):
    """A film ready to be coloured, at a small working size."""
    options = VideoSettings(input=(path,), working_size=SIDE, **settings)
    facts = probe(path)
    found = run_first_pass(facts, lambda count: None)
    return Film(
        facts=facts,
        first_pass=found,
        shots=found.shots,
        target=choose_target(facts, options, 1, False),
        geometry=geometry_of(facts, SIDE),
        smoothing=options.smoothing,
        recolour=options.colour == "recolour",
        colour_toned=options.toned == "colour",
        batch=4,
        keyframe_interval=keyframe_interval_for(options.smoothing),
    )
