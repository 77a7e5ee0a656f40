"""The first look at a whole film: times, digests, shots, tone and fields, before any colour.

What is found is kept in the work folder, so that a rerun need not look again, and every later reading
of the film is compared with it.
"""

from __future__ import annotations

import json
import logging
import zlib
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from archivecolor.archive.atomic import atomic_write
from archivecolor.colour.arrays import Float32
from archivecolor.colour.tone import Tone, tone_of
from archivecolor.errors import ItemError, Reason
from archivecolor.film.damage import (
    ConditionDetector,
    FrameCondition,
    ShotDamage,
    level_gains,
    shot_damage,
)
from archivecolor.film.frame_facts import FrameWatcher
from archivecolor.film.frames import Frame, FrameReader, convert_source_chroma
from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.interlacing import FieldStats, InterlaceDetector
from archivecolor.film.prefetch import Prefetcher
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shots import Shot

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

logger = logging.getLogger(__name__)

_TONE_INTERVAL = 4  # frames: any shot but a flash holds one that is judged
_TONE_SIDE = 192
# Frames of a shot in colour may look grey, of a grey one none looks coloured: so few of them decide.
_COLOUR_SHARE = 1 / 3
FRAME_PREFETCH = 4
# A promise of the container within this much of what is there counts as kept.
_DURATION_TOLERANCE_SECONDS, _DURATION_TOLERANCE = 0.6, 0.005
# A film has one rate where this share of its frames follows at one distance, give or take so much of it.
_CONSTANT_RATE_SHARE, _RATE_TOLERANCE = 0.95, 0.25
FORMAT = 6
# Of a kept first pass, unpacked: days of film. It may come from anybody, with the plan of a film.
_MAX_KEPT_BYTES = 1 << 28


@dataclass(frozen=True)
class FirstPass:
    """What a film holds, frame by frame.

    Attributes:
        pts: int64 (n,), presentation times in the film's time base.
        digests: uint32 (n,), CRC-32 of each luma plane.
        distances: float32 (m,), how far frames are from the one before, as shots are judged.
        shots: as found; without gaps.
        tones: tone of the frames 0, 4, 8, ...; the words of `Tone`.
        fields: what is known of fields.
        condition: what age and handling did to each frame.
        damaged: frames the decoder had to guess parts of.
        errors: packets that did not decode.
        repaired: frames whose time had to be made up.
        missing_seconds: how much less there is than the container promises.
        notes: what changes in the course of the film and does no harm, in words.
        lost: what frames hold that the finished film will not, in words.
    """

    pts: npt.NDArray[np.int64]
    digests: npt.NDArray[np.uint32]
    distances: npt.NDArray[np.float32]
    shots: tuple[Shot, ...]
    tones: tuple[str, ...]
    fields: FieldStats
    condition: FrameCondition
    damaged: int
    errors: int
    repaired: int
    missing_seconds: float
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def gaps(self) -> npt.NDArray[np.int64]:
        """Frames (int64) after which others seem to be missing: gaps in a film of one rate."""
        steps = np.diff(self.pts)
        if len(steps) == 0:
            return steps
        usual = np.median(steps)
        if np.mean(np.abs(steps - usual) <= _RATE_TOLERANCE * usual) < _CONSTANT_RATE_SHARE:
            return steps[:0]
        return np.flatnonzero(steps > 1.5 * usual)

    @property
    def defects(self) -> tuple[str, ...]:
        """What of the film could not be had, in words."""
        found = []
        if self.missing_seconds:
            digits = 1 if self.missing_seconds >= 0.1 else 3
            found.append(f"{self.missing_seconds:.{digits}f} s less than the container promises")
        if self.errors:
            found.append(f"{self.errors} packets that do not decode")
        if self.damaged:
            found.append(f"{self.damaged} damaged frames")
        return tuple(found)

    def damage(self, shot: Shot) -> ShotDamage:
        """What age and handling did to a shot."""
        return shot_damage(self.condition, self.digests, slice(shot.first, shot.last + 1), self.tone(shot))

    def level_gains(self, shot: Shot) -> Float32 | None:
        """As `damage.level_gains`, of a shot."""
        return level_gains(self.condition, slice(shot.first, shot.last + 1))

    def tone(self, shot: Shot) -> Tone:
        """The tone most of a shot's frames have, but for colour, which fewer are enough for."""
        samples = self.tones[shot.first // _TONE_INTERVAL : shot.last // _TONE_INTERVAL + 1]
        inside = [
            tone
            for number, tone in enumerate(samples, start=shot.first // _TONE_INTERVAL)
            if shot.first <= number * _TONE_INTERVAL <= shot.last
        ]
        # A flash goes by the shot before it.
        considered = inside or samples[:1]
        coloured = [tone for tone in considered if tone in (Tone.COLOUR.value, Tone.TINTED.value)]
        decisive = coloured if len(coloured) >= _COLOUR_SHARE * len(considered) else considered
        return Tone(Counter(decisive).most_common(1)[0][0])


def run_first_pass(facts: FilmFacts, on_progress: Callable[[int], None]) -> FirstPass:
    """Read the whole film once.

    Args:
        facts: of the film.
        on_progress: called with the number of frames read so far; may raise to end it.

    Raises:
        ItemError: no frame can be decoded, or the picture changes.
    """
    watcher = FrameWatcher(facts)
    reader = FrameReader(facts, watcher=watcher)
    detector, condition = GreyShotDetector(facts.read_rate), ConditionDetector()
    fields, damaged, tones, shrinker = InterlaceDetector(facts), 0, list[str](), _shrinker()
    pts, digests = array("q"), array("I")  # no objects: a film has hundreds of thousands of frames
    with Prefetcher(reader, FRAME_PREFETCH) as frames:
        for frame in frames:
            assert frame.picture is not None
            if len(pts) % _TONE_INTERVAL == 0:
                tones.append(_frame_tone(frame.picture, facts, shrinker).value)
            pts.append(frame.pts)
            digests.append(luma_digest(frame))
            detector.add(frame.luma, facts.sample_format)
            condition.add(frame.luma, facts.sample_format)
            fields.add(frame.picture)
            damaged += frame.damaged
            on_progress(len(pts))
    if not pts:
        raise ItemError(Reason.UNREADABLE, "not one frame of its picture can be decoded")
    times = np.array(pts, np.int64)
    return FirstPass(
        pts=times,
        digests=np.array(digests, np.uint32),
        distances=detector.distances,
        shots=detector.shots(),
        tones=tuple(tones),
        fields=fields.result(),
        condition=condition.result(),
        damaged=damaged,
        errors=reader.errors,
        repaired=reader.repaired,
        missing_seconds=_seconds_missing(times, facts, reader.step),
        notes=tuple(watcher.notes),
        lost=watcher.lost,
    )


def luma_digest(frame: Frame) -> int:
    """CRC-32 of the luma plane: enough to tell a repeated frame and a changed file."""
    return zlib.crc32(np.ascontiguousarray(frame.luma).data)


def _seconds_missing(pts: npt.NDArray[np.int64], facts: FilmFacts, step: int) -> float:
    """How much less of the film there is than its container promises, 0 where it keeps its word."""
    # What an index tells of every picture is no promise, but a fact.
    cut = float(facts.cut_pictures / facts.rate)
    if facts.seconds is None:
        return cut
    present = float((int(pts[-1]) - int(pts[0]) + step) * facts.time_base)
    if not facts.seconds_of_picture:
        # Sound that goes on behind the picture is no picture that is missing.
        present = max(present, facts.end_of_others - float(int(pts[0]) * facts.time_base))
    missing = facts.seconds - present
    is_kept = missing <= max(_DURATION_TOLERANCE_SECONDS, _DURATION_TOLERANCE * facts.seconds)
    return cut if is_kept else max(cut, missing)


def _shrinker() -> VideoReformatter:
    """What makes frames small, one for all of them: setting one up takes as long as its work."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def _frame_tone(picture: VideoFrame, facts: FilmFacts, shrinker: VideoReformatter) -> Tone:
    """Whether a frame is grey, toned, tinted or in colour."""
    if facts.layout.subsampling is None:
        return Tone.GREY
    scale = min(1.0, _TONE_SIDE / min(facts.width, facts.height))
    pix_fmt = "yuv444p" if facts.layout.family == "rgb" else picture.format.name
    own = convert_source_chroma(picture, facts, pix_fmt, facts.matrix, facts.sample_format.full)
    width, height = max(2, round(facts.width * scale)), max(2, round(facts.height * scale))
    small = shrinker.reformat(own, width, height, format="rgb24", src_colorspace=facts.matrix, threads=1)
    return tone_of(np.asarray(small.to_ndarray(), np.uint8))


def save_first_pass(path: Path, found: FirstPass) -> None:
    """Keep it for a rerun."""
    about = {
        "format": FORMAT,
        "shots": [asdict(shot) for shot in found.shots],
        "tones": found.tones,
        "fields": asdict(found.fields),
        "damaged": found.damaged,
        "errors": found.errors,
        "repaired": found.repaired,
        "missing_seconds": found.missing_seconds,
        "notes": found.notes,
        "lost": found.lost,
    }
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez(
            file,
            pts=found.pts,
            digests=found.digests,
            distances=found.distances,
            condition=found.condition.packed(),
            about=np.array(json.dumps(about)),
        )


def load_first_pass(path: Path) -> FirstPass | None:
    """The first pass that an earlier run kept; None where there is none of this version that can be read."""
    if not path.is_file():
        return None
    try:
        return _read_first_pass(path)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, RecursionError) as error:
        logger.warning("%s is damaged, and the film is looked at again: %s", path, error)
        return None


def _read_first_pass(path: Path) -> FirstPass | None:
    with np.load(path, allow_pickle=False) as kept:
        if sum(part.file_size for part in kept.zip.infolist()) > _MAX_KEPT_BYTES:
            raise ValueError("it is larger than that of any film")
        about = json.loads(str(kept["about"]))
        if about.pop("format") != FORMAT:
            return None
        about["shots"] = tuple(Shot(**shot) for shot in about["shots"])
        about |= {name: tuple(about[name]) for name in ("tones", "notes", "lost")}
        about["fields"] = FieldStats(**about["fields"])
        arrays = {name: kept[name] for name in ("pts", "digests", "distances")}
        condition = FrameCondition.unpacked(kept["condition"])
        count = len(arrays["pts"])
        if any(array.shape != (count,) for array in (*arrays.values(), condition.light)):
            raise ValueError("it has not as much of each frame")
        if not about["shots"] or about["shots"][-1].last != count - 1:
            raise ValueError("its shots are not those of its frames")
        return FirstPass(**arrays, **about, condition=condition)
