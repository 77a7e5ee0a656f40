"""Where the seconds of `archivecolor video` go: each stage of a film by itself, in processor seconds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from archivecolor.archive.fixity import sha256_of
from archivecolor.colour.arrays import Float32
from archivecolor.engine.executor import core_count
from archivecolor.film.chroma import FrameChroma, with_predictions
from archivecolor.film.containers import plan_container
from archivecolor.film.encode import choose_target
from archivecolor.film.film import Film, NumberedFrame, network_lumas, read_from
from archivecolor.film.first_pass import run_first_pass
from archivecolor.film.frames import FrameReader, geometry_of
from archivecolor.film.keyframes import FrameFeatures, keyframe_interval_for, select_keyframes
from archivecolor.film.mux import MuxInputs, mux
from archivecolor.film.planes import ChromaPlaneRenderer
from archivecolor.film.probe import FilmFacts, probe
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, fits_in_memory, make_segment
from archivecolor.film.set_ups import colour_sources, find_set_ups
from archivecolor.film.temporal_smoothing import SmootherInput, smooth_chroma
from archivecolor.film.verify_output import verify_output
from archivecolor.inference.predictor import Predictor
from archivecolor.metadata.provenance import Provenance
from archivecolor.settings import VideoSettings

ONE_SEGMENT = 1_000_000
DECODE, FIRST_PASS, ENCODE = "decoding", "first pass", "encoding"
SET_UPS, MOTION, NETWORK = "comparing shots", "motion", "the network"

T = TypeVar("T")


@dataclass(frozen=True)
class StageCosts:
    """What the stages of one film take by themselves.

    Attributes:
        frames: of the film.
        keyframes: of them, those that the network was asked about.
        seconds: of processors, by stage, all frames together.
    """

    frames: int
    keyframes: int
    seconds: dict[str, float]


def film_at(path: Path, settings: VideoSettings) -> Film:
    """The film in hand, with the shots that are found in it."""
    facts = probe(path)
    found = run_first_pass(facts, lambda _: None)
    return Film(
        facts=facts,
        first_pass=found,
        shots=found.shots,
        target=choose_target(facts, settings, core_count(), False),
        geometry=geometry_of(facts, settings.working_size),
        smoothing=settings.smoothing,
        recolour=True,
        colour_toned=True,
        batch=settings.batch_size,
        keyframe_interval=keyframe_interval_for(settings.smoothing),
    )


class _Meter:
    """Gathers processor seconds of this process by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def add(self, stage: str, work: Callable[[], T]) -> T:
        """Do the work of a stage."""
        began = time.process_time()
        done = work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - began
        return done


def stage_costs(path: Path, settings: VideoSettings, predictor: Predictor, folder: Path) -> StageCosts:
    """Processor seconds of each stage over a whole film; its frames are held in memory.

    Args:
        path: the film.
        settings: as the command takes them.
        predictor: the network.
        folder: for the work files; made.
    """
    meter = _Meter()
    folder.mkdir()
    meter.add("digests", lambda: [sha256_of(path) for _ in range(2)])
    film = film_at(path, settings)
    meter.add(FIRST_PASS, lambda: run_first_pass(film.facts, lambda _: None))
    meter.add(DECODE, lambda: _decode(film.facts))
    meter.seconds[FIRST_PASS] -= meter.seconds[DECODE]
    set_ups = meter.add(SET_UPS, lambda: find_set_ups(film, predictor, lambda _: None))
    film = replace(film, colour_sources=colour_sources(film, set_ups))
    frames: list[NumberedFrame] = []
    lumas = meter.add(DECODE, lambda: list(network_lumas(film, read_from(film, 0), frames.append)))
    if not fits_in_memory(film):
        meter.add(DECODE, lambda: _decode(film.facts))
    smoothed, keyframes = _colours(film, predictor, lumas, meter)
    context = SegmentContext(film, predictor, WorkFolder(folder), lambda _: None, lambda: True)
    _write(context, frames, smoothed, meter)
    meter.add("digests", lambda: sha256_of(folder / "joined"))
    shutil.rmtree(folder)
    return StageCosts(len(frames), keyframes, meter.seconds)


def _decode(facts: FilmFacts) -> None:
    for _ in FrameReader(facts):
        pass


def _colours(
    film: Film, predictor: Predictor, lumas: list[Float32], meter: _Meter
) -> tuple[list[Float32], int]:
    """Steady chroma of each frame as it is coded, and how many key frames there were."""
    predictor.predict(lumas[:1])  # the network is warm now
    smoothed: list[Float32] = []
    keyframes = 0
    rest = iter(lumas)
    for shot in film.shots:
        is_new = [
            number == shot.first or not film.is_repeat(number) for number in range(shot.first, shot.last + 1)
        ]
        own = list(islice(rest, sum(is_new)))
        features = meter.add(MOTION, partial(_features, own, film))
        keyframes += sum(one.is_keyframe for one in features)
        inputs = meter.add(NETWORK, partial(_inputs, predictor, features, film))
        steady = iter(meter.add("smoothing", partial(_steady, inputs, film)))
        for new in is_new:
            smoothed.append(next(steady) if new else smoothed[-1])
    return smoothed, keyframes


def _features(lumas: list[Float32], film: Film) -> list[FrameFeatures]:
    return list(select_keyframes(lumas, film.keyframe_interval))


def _inputs(predictor: Predictor, features: list[FrameFeatures], film: Film) -> list[SmootherInput]:
    return list(with_predictions(predictor, iter(features), film.batch))


def _steady(inputs: list[SmootherInput], film: Film) -> list[Float32]:
    return [film.geometry.as_coded(one.cbcr) for one in smooth_chroma(inputs, film.smoothing)]


def _write(
    context: SegmentContext, frames: list[NumberedFrame], smoothed: list[Float32], meter: _Meter
) -> None:
    """Encode, join and compare."""
    film, folder = context.film, context.folder
    renderer = ChromaPlaneRenderer(film.target.matrix, film.target.sample_format, film.target.subsampling)

    def render() -> None:
        for item, cbcr in zip(frames, smoothed, strict=True):
            renderer.render(item.frame.luma, cbcr)

    meter.add("chroma planes", render)
    (segment,) = plan_segments(film, ONE_SEGMENT)
    chromas = (FrameChroma(number, cbcr, None, 1.0) for number, cbcr in enumerate(smoothed))
    meter.add(ENCODE, lambda: make_segment(context, segment, iter(frames), chromas))
    meter.seconds[ENCODE] -= meter.seconds["chroma planes"]
    plan = plan_container(film.facts, "keep", film.target.codec, folder.trial)
    inputs = MuxInputs(film, (segment,), folder, Provenance("", "0" * 64, "", ""))
    part = folder.path / "joined"
    meter.add("joining", lambda: mux(inputs, plan, part, lambda _: None))
    meter.add("check", lambda: verify_output(film, plan, part))
