"""Shots of a made reel with all that makes old film hard; `benchmarks/shots.py` judges longer ones."""

from fractions import Fraction
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("rate", [16, 24])
def test_shots_of_a_worn_reel_are_found_and_none_is_made_up(monkeypatch, rate):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import shots

    reel = shots.make_reel(Fraction(rate), seed=7 + rate, rounds=1)
    judged = shots.judge(reel, shots.begins_of(reel))
    assert judged.wanted.total() == 13
    assert judged.found.total() >= 12, judged.remarks
    assert judged.made_up.total() <= 1, judged.remarks
    # What the reel is there for.
    assert judged.found["fade"] == judged.wanted["fade"] == 1
    assert judged.made_up["whip pan"] == judged.made_up["flash"] == judged.made_up["pumping"] == 0


def test_a_detector_that_finds_nothing_or_everything_is_told_so(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import shots

    reel = shots.make_reel(Fraction(16), seed=23, rounds=1)
    nothing = shots.judge(reel, {})
    assert not nothing.found.total() and nothing.wanted.total() == 13 == len(nothing.remarks)
    everything = shots.judge(reel, dict.fromkeys(range(1, len(reel.frames)), "cut"))
    assert everything.found.total() == 13
    assert everything.made_up.total() > 300
