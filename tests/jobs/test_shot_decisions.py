"""What was decided about shots holds for the film that it was said of."""

import dataclasses

from archivecolor.archive.decision import Decision, line_of, parse_decision
from archivecolor.jobs.shot_decisions import ShotWish, Span, decided_shot, with_accepted, with_wish

OLD, NEW = "a" * 64, "b" * 64
FIRST, SECOND = Span(1, 0.0, 1.0), Span(2, 1.0, 2.0)


def accepted(decision, source):
    return [decided_shot(span, decision, source).accepted for span in (FIRST, SECOND)]


def test_a_shot_of_a_film_that_took_its_place_is_not_accepted():
    decision = with_accepted(Decision("reel.mkv"), FIRST, OLD, accepted=True)
    assert accepted(decision, OLD) == [True, False]
    assert accepted(decision, NEW) == [False, False]
    assert accepted(parse_decision(line_of(decision)), NEW) == [False, False]
    of_new = with_accepted(decision, SECOND, NEW, accepted=True)
    assert accepted(of_new, NEW) == [False, True]
    mended = with_wish(decision, SECOND, ShotWish(1.5, (), 0.5), NEW)
    assert accepted(mended, NEW) == [False, False]
    assert accepted(with_wish(decision, SECOND, ShotWish(1.5, (), 0.5), OLD), OLD) == [True, False]


def test_what_earlier_versions_accepted_holds():
    decision = with_accepted(Decision("reel.mkv"), FIRST, OLD, accepted=True)
    of_before = dataclasses.replace(decision, accepted_source="")
    assert parse_decision(line_of(of_before)) == of_before
    assert accepted(of_before, NEW) == [True, False]


def test_an_accepted_shot_that_is_taken_back_leaves_nothing():
    decision = with_accepted(Decision("reel.mkv"), FIRST, OLD, accepted=True)
    assert with_accepted(decision, FIRST, OLD, accepted=False) == Decision("reel.mkv")
