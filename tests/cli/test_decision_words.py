"""What a list of decisions says of the shots of a film."""

from archivecolor.archive.correction import KEEP, Correction, ShotCorrection
from archivecolor.archive.decision import Decision
from archivecolor.cli.decisions import words_of
from archivecolor.colour.guidance import Hint


def test_all_that_is_decided_about_a_shot_is_listed():
    likely = Hint(0.5, 0.5, (200, 30, 30), soft=True)
    shots = (
        ShotCorrection(0.5, colour=KEEP),
        ShotCorrection(1.5, (likely, likely), reference="paint.png (0123456789abcdef)"),
        ShotCorrection(2.5, (Hint(0.5, 0.5, (200, 30, 30)),), saturation=0.5, smoothing=0.0),
    )
    told = words_of(Decision("film.mkv", correction=Correction(shots=shots)))
    assert "shot at 0.500 s: as the source has it, shot at 1.500 s: 2 places like paint.png" in told
    assert "shot at 2.500 s: 1 hint and saturation 0.5 and smoothing 0.0" in told
