"""How many shots of a made test reel are found, and how many of those that are found are there.

    python benchmarks/shots.py                    reels at 16, 24, 25 and 50 frames a second
    python benchmarks/shots.py --missed           and every shot that was missed or made up, with its time
    python benchmarks/shots.py --sheet sheet.png  and frames of the reel, to look at
    python benchmarks/shots.py --quick            one short reel

The reel is of an old print: every frame has its own brightness, grain, dust and unsteadiness. In it are cuts,
into pans and between short shots too, dissolves and fades; and what is none of these: flashes, whip pans,
large dirt, tape over a splice, slips in the gate, brightness that pumps, somebody who walks past the camera.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from made import Codes
from report import Row, Target, measure, parser_for
from skimage import data

from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.pixels import SampleFormat

SIZE = (144, 192)
FORMAT = SampleFormat(8, full=True)
PICTURES = ("astronaut", "camera", "coffee", "chelsea", "rocket", "coins", "moon", "retina")
RATES = (Fraction(16), Fraction(24), Fraction(25), Fraction(50))
LEAST = Target(least=95)
# A cut is found where it is, give or take a frame of the film; what is gradual within a part of a second.
CUT_TOLERANCE, GRADUAL_TOLERANCE = 1, Fraction(3, 10)
BLACK = 14

Picture = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Event:
    """Something that happens in the reel.

    Attributes:
        kind: what.
        first: the frame at which it begins.
        last: the frame at which it is over: of a cut the same, the first of the new shot.
        is_shot: a shot begins.
    """

    kind: str
    first: int
    last: int
    is_shot: bool = True


@dataclass
class Reel:
    """A film in the making."""

    rate: Fraction
    random: np.random.Generator
    frames: list[Picture] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def count(self, seconds: float) -> int:
        """Frames of so many seconds, three at least."""
        return max(3, round(seconds * self.rate))

    def shot(self, seconds: float, speed: float | None = None) -> list[Picture]:
        """A camera that stands, pans or tilts over a photograph, in which something moves."""
        count = self.count(seconds)
        wide = _photograph(self.random)
        rows, columns = wide.shape[0] - SIZE[0], wide.shape[1] - SIZE[1]
        angle = self.random.uniform(0, 2 * np.pi)
        # Samples a second: a picture goes by in four seconds at the fastest.
        speed = self.random.choice([0, 6, 20, 45]) if speed is None else speed
        step = speed / float(self.rate) * np.array([np.sin(angle), np.cos(angle)])
        begin = np.array([self.random.uniform(0, rows), self.random.uniform(0, columns)])
        actor = _Actor(self.random, self.rate)
        shown = []
        for number in range(count):
            place = np.abs(
                (begin + number * step + [rows, columns]) % (2 * np.array([rows, columns])) - [rows, columns]
            )
            top, left = (round(float(side)) for side in place)
            picture = wide[top : top + SIZE[0], left : left + SIZE[1]].copy()
            shown.append(actor.seen_in(picture, number))
        return shown

    def add(self, kind: str, shot: Sequence[Picture]) -> None:
        """Begin a shot with its first frame."""
        if self.frames:
            self.events.append(Event(kind, len(self.frames), len(self.frames)))
        self.frames += shot

    def dissolve(self, shot: Sequence[Picture], seconds: float) -> None:
        """Begin a shot while the one before still goes."""
        count = min(self.count(seconds), len(self.frames) // 2, len(shot) // 2)
        before, self.frames = self.frames[-count:], self.frames[:-count]
        first = len(self.frames)
        shares = np.linspace(0, 1, count + 2)[1:-1].astype(np.float32)
        self.frames += [
            one * (1 - share) + other * share for one, other, share in zip(before, shot, shares, strict=False)
        ]
        self.events.append(Event("dissolve", first, len(self.frames)))
        self.frames += shot[count:]

    def fade(self, shot: Sequence[Picture], seconds: float) -> None:
        """Go to black, stay there, and come back with another shot."""
        count = min(self.count(seconds), len(self.frames) // 2, len(shot) // 2)
        shares = np.linspace(1, 0, count).astype(np.float32)
        for place, share in zip(range(-count, 0), shares, strict=True):
            self.frames[place] = BLACK + (self.frames[place] - BLACK) * share
        first = len(self.frames)
        black = np.full(SIZE, BLACK, np.float32)
        self.frames += [black] * self.count(0.3)
        begin = len(self.frames)
        rising = [BLACK + (one - BLACK) * share for one, share in zip(shot, shares[::-1], strict=False)]
        self.frames += rising
        self.frames += shot[count:]
        self.events.append(Event("fade", first - 1, begin + count))


class _Actor:
    """Something that moves before the camera: a dark or light figure that goes to and fro."""

    def __init__(self, random: np.random.Generator, rate: Fraction) -> None:
        self._size = random.uniform(0.12, 0.28) * SIZE[0]
        self._height = random.uniform(0.35, 0.8) * SIZE[0]
        self._place, self._code = random.uniform(0, SIZE[1]), float(random.choice([25, 60, 190, 230]))
        self._speed = random.uniform(10, 60) / float(rate)
        self._swing = random.uniform(2, 5)

    def seen_in(self, picture: Picture, number: int) -> Picture:
        """The frame with the figure in it."""
        across = int((self._place + number * self._speed) % (SIZE[1] * 1.4) - 0.2 * SIZE[1])
        down = int(self._height + self._swing * np.sin(number * 0.6))
        radius = int(self._size / 2)
        cv2.ellipse(picture, (across, down), (radius // 2, radius), 0, 0, 360, self._code, -1)
        cv2.circle(picture, (across, down - radius), radius // 2, self._code * 0.8, -1)
        return picture


def _photograph(random: np.random.Generator) -> Picture:
    """Some part of a photograph, larger than a frame, in grey."""
    photograph = getattr(data, str(random.choice(PICTURES)))()
    grey = photograph if photograph.ndim == 2 else cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    scale = random.uniform(1.3, 2.2) * max(SIZE[0] / grey.shape[0], SIZE[1] / grey.shape[1])
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = grey[:, ::-1] if random.random() < 0.5 else grey
    return np.asarray(BLACK + grey.astype(np.float32) * np.float32(random.uniform(0.6, 0.9)), np.float32)


def _flash(reel: Reel, shot: list[Picture], first: int, count: int) -> None:
    for number in range(first, first + min(count, max(1, int(reel.rate / 12)))):
        shot[number] = shot[number] * 0.1 + 225


def _whip_pan(_reel: Reel, shot: list[Picture], first: int, count: int) -> None:
    """The camera jerks round to what lies beside: both ends are one place, between them all is a blur."""
    wide = cv2.resize(shot[first], None, fx=6, fy=1, interpolation=cv2.INTER_CUBIC)
    around = np.concatenate([shot[first], wide[:, SIZE[1] :: 3], shot[first]], axis=1)
    span = around.shape[1] - SIZE[1]
    shares = 0.5 - 0.5 * np.cos(np.pi * np.arange(count + 2) / (count + 1))
    for number in range(count):
        share, before = shares[number + 1], shares[number]
        # The shutter is open for half of the way.
        speed = int((share - before) * span / 2) | 1
        left = int(share * span)
        view = np.ascontiguousarray(around[:, left : left + SIZE[1]])
        shot[first + number] = cv2.blur(view, (min(speed, SIZE[1] // 2), 1))


def _dirt(reel: Reel, shot: list[Picture], first: int, count: int) -> None:
    """Blots that cover a tenth of a frame and more, others in each."""
    for number in range(first, first + count):
        for _ in range(int(reel.random.integers(3, 7))):
            place = int(reel.random.integers(0, SIZE[1])), int(reel.random.integers(0, SIZE[0]))
            axes = int(reel.random.integers(6, 26)), int(reel.random.integers(4, 16))
            code = float(reel.random.choice([8, 245]))
            cv2.ellipse(shot[number], place, axes, float(reel.random.integers(0, 180)), 0, 360, code, -1)


def _tape(_reel: Reel, shot: list[Picture], first: int, _count: int) -> None:
    """Tape over a splice: two frames have a light bar, and the picture jumps."""
    for number in range(first, first + 2):
        bar = slice(0, SIZE[0] // 4) if number == first else slice(-SIZE[0] // 4, None)
        shot[number][bar] = shot[number][bar] * 0.6 + 90
        shot[number] = np.roll(shot[number], 4, axis=0)


def _gate(reel: Reel, shot: list[Picture], first: int, count: int) -> None:
    """Frames that slip in the gate, by up to a seventh of their height."""
    for number in range(first, first + count, 3):
        shot[number] = np.roll(shot[number], int(reel.random.integers(-20, 21)), axis=0)


def _pumping(reel: Reel, shot: list[Picture], first: int, count: int) -> None:
    """Brightness that swings by 30 %."""
    for number in range(first, first + count):
        swing = np.float32(1 + 0.3 * np.sin((number - first) * 2 * np.pi * 4 / float(reel.rate)))
        shot[number] = shot[number] * swing


def _passer(_reel: Reel, shot: list[Picture], first: int, count: int) -> None:
    """Somebody walks past close to the camera, and covers half of the picture."""
    width = SIZE[1] // 2
    for number in range(count):
        left = int((number + 1) / (count + 1) * (SIZE[1] + width)) - width
        shot[first + number][:, max(0, left) : max(0, left + width)] = 30


MISLEADING = {
    "flash": _flash,
    "whip pan": _whip_pan,
    "dirt": _dirt,
    "tape over a splice": _tape,
    "slips in the gate": _gate,
    "pumping": _pumping,
    "passer-by": _passer,
}
MISLEADING_SECONDS = {"flash": 0.1, "whip pan": 0.5, "pumping": 1.5, "passer-by": 1.2}


def make_reel(rate: Fraction, seed: int, rounds: int) -> Reel:
    """A reel of so many rounds of all that there is, in another order each time."""
    reel = Reel(rate, np.random.default_rng(seed))
    makers = [
        lambda: reel.add("cut", reel.shot(reel.random.uniform(1.2, 2.5))),
        lambda: reel.add("cut", reel.shot(reel.random.uniform(1.2, 2.5))),
        lambda: reel.add("cut into a pan", reel.shot(1.5, speed=60.0)),
        lambda: reel.add("short shot", reel.shot(0.5)),
        lambda: reel.dissolve(reel.shot(2.5), reel.random.uniform(0.5, 1.0)),
        lambda: reel.fade(reel.shot(2.0), reel.random.uniform(0.3, 0.8)),
        *(_with_something(reel, kind) for kind in MISLEADING),
    ]
    reel.add("start", reel.shot(1.5))
    for _ in range(rounds):
        for number in reel.random.permutation(len(makers)):
            makers[number]()
    return reel


def _with_something(reel: Reel, kind: str) -> Callable[[], None]:
    """Adds a shot in the middle of which something happens that is no cut."""

    def add() -> None:
        shot = reel.shot(2.2, speed=float(reel.random.choice([0, 6, 20])))
        first, begin = len(shot) // 2, len(reel.frames)
        count = min(reel.count(MISLEADING_SECONDS.get(kind, 0.4)), len(shot) // 3)
        MISLEADING[kind](reel, shot, first, count)
        reel.add("cut", shot)
        reel.events.append(Event(kind, begin + first, begin + first + count, is_shot=False))

    return add


def printed(reel: Reel) -> Iterator[Codes]:
    """The frames as an old print shows them."""
    random = np.random.default_rng(int(reel.rate) + 99)
    for picture in reel.frames:
        gain, weave = random.uniform(0.86, 1.14), random.integers(-1, 2, 2)
        worn = np.roll(picture, weave, axis=(0, 1)) * np.float32(gain)
        worn = worn + random.normal(0, 6, SIZE).astype(np.float32)
        for _ in range(int(random.integers(0, 5))):
            place = int(random.integers(0, SIZE[1])), int(random.integers(0, SIZE[0]))
            cv2.circle(worn, place, int(random.integers(1, 4)), float(random.choice([0, 255])), -1)
        if random.random() < 0.1:
            worn[:, int(random.integers(0, SIZE[1]))] = 240  # a scratch
        yield np.clip(worn, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Judged:
    """What was found of a reel.

    Attributes:
        found: shots that begin, by kind, that were found.
        wanted: all of them, by kind.
        made_up: shots that begin where none does, by what happens there.
        remarks: on each that was missed or made up.
    """

    found: Counter[str]
    wanted: Counter[str]
    made_up: Counter[str]
    remarks: tuple[str, ...]


def judge(reel: Reel, begins: dict[int, str]) -> Judged:
    """Compare where shots begin with where they do; a flash that is called one is neither right nor wrong.

    So is tape over a splice, which hides the picture for as long.
    """
    left = dict(begins)
    found, wanted, made_up = Counter[str](), Counter[str](), Counter[str]()
    remarks = []
    gradual = round(GRADUAL_TOLERANCE * reel.rate)
    for event in (one for one in reel.events if one.is_shot):
        slack = CUT_TOLERANCE if event.first == event.last else gradual
        near = [frame for frame in left if event.first - slack <= frame <= event.last + slack]
        wanted[event.kind] += 1
        found[event.kind] += bool(near)
        for frame in near[-1:]:
            del left[frame]
        if not near:
            remarks.append(f"missed: {event.kind} at {event.first / float(reel.rate):.2f} s")
    for frame, why in left.items():
        here = [one for one in reel.events if one.first - 2 <= frame <= one.last + 2]
        kinds = [one.kind for one in here]
        if "flash" in why and {"flash", "tape over a splice"} & {*kinds}:
            continue
        made_up[kinds[0] if kinds else "nothing"] += 1
        remarks.append(
            f"made up: {why} at {frame / float(reel.rate):.2f} s ({', '.join(kinds) or 'nothing'})"
        )
    return Judged(found, wanted, made_up, tuple(remarks))


def begins_of(reel: Reel) -> dict[int, str]:
    """Where shots begin by the detector of films, and why."""
    detector = GreyShotDetector(reel.rate)
    for picture in printed(reel):
        detector.add(picture, FORMAT)
    return {shot.first: shot.begins for shot in detector.shots() if shot.first}


def rows(options: argparse.Namespace, _folder: Path) -> Iterator[Row]:
    """Recall and precision of every reel and of all, then by kind."""
    rates = RATES[2:3] if options.quick else RATES
    found, wanted, made_up = Counter[str](), Counter[str](), Counter[str]()
    for rate in rates:
        reel = make_reel(rate, seed=options.seed + int(rate), rounds=1 if options.quick else options.rounds)
        judged = judge(reel, begins_of(reel))
        yield from _rates_of(f"at {rate} frames/s", judged.found, judged.wanted, judged.made_up, None)
        found, wanted, made_up = found + judged.found, wanted + judged.wanted, made_up + judged.made_up
        if options.missed:
            print(f"{rate} frames/s:", *judged.remarks, sep="\n  ")
        if options.sheet is not None and rate == rates[0]:
            _draw(reel, options.sheet)
    yield from _rates_of("all", found, wanted, made_up, LEAST)
    for kind, count in sorted(wanted.items()):
        yield Row(f"{kind}: found of {count}", 100 * found[kind] / count, "%")
    for kind in MISLEADING:
        yield Row(f"{kind}: shots made up", made_up[kind], "shots")
    yield Row(
        "elsewhere: shots made up", made_up.total() - sum(made_up[kind] for kind in MISLEADING), "shots"
    )


def _rates_of(
    what: str, found: Counter[str], wanted: Counter[str], made_up: Counter[str], target: Target | None
) -> Iterator[Row]:
    yield Row(f"recall, {what} ({wanted.total()} shots)", 100 * found.total() / wanted.total(), "%", target)
    said = found.total() + made_up.total()
    yield Row(f"precision, {what}", 100 * found.total() / max(1, said), "%", target)


def _draw(reel: Reel, path: Path) -> None:
    """Frames around every event, one event a line."""
    frames = list(printed(reel))
    lines = []
    for event in reel.events[:24]:
        numbers = np.linspace(event.first - 2, event.last + 2, 8).round().astype(int)
        lines.append(np.hstack([frames[min(max(0, number), len(frames) - 1)] for number in numbers]))
    cv2.imwrite(str(path), np.vstack(lines))


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    parser = parser_for(__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="of all kinds, in a reel")
    parser.add_argument("--seed", type=int, default=7, help="of the reels")
    parser.add_argument("--missed", action="store_true", help="name what was missed and made up")
    parser.add_argument("--sheet", type=Path, help="picture to draw frames of the first reel into")
    options = parser.parse_args()
    return measure(options, lambda folder: rows(options, folder))


if __name__ == "__main__":
    sys.exit(main())
