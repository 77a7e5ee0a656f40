"""Damage of old film, made one kind at a time, is named; a film without it is not accused."""

import numpy as np
import pytest
from synthetic_films import write_film

from archivecolor.colour.tone import Tone
from archivecolor.film.damage import ConditionDetector, ShotDamage, shot_damage
from archivecolor.film.pixels import SampleFormat

HEIGHT, WIDTH, COUNT = 240, 320, 60


def calm(count=COUNT):
    """A scene in which a disc moves and grain differs, float (h, w), 0..1."""
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    coarse = np.kron(random.uniform(0.25, 0.7, (HEIGHT // 20 + 2, WIDTH // 20)), np.ones((20, 20)))
    frames = []
    for number in range(count):
        frame = coarse[20 : 20 + HEIGHT].copy()
        frame[(rows - 120) ** 2 + (columns - 40 - 3 * number) ** 2 < 900] = 0.8
        frames.append(frame + random.normal(0, 0.01, frame.shape))
    return frames


def damage_of(frames, tone=Tone.GREY):
    detector = ConditionDetector()
    codes = [np.clip(frame * 255 + 0.5, 0, 255).astype(np.uint8) for frame in frames]
    for code in codes:
        detector.add(code, SampleFormat(8, full=True))
    digests = np.array([hash(code.tobytes()) & 0xFFFFFFFF for code in codes], np.uint32)
    return shot_damage(detector.result(), digests, slice(0, len(frames)), tone)


def with_dirt(frames):
    random = np.random.default_rng(2)
    for frame in frames:
        for _ in range(3):
            top, left = random.integers(0, HEIGHT - 12), random.integers(0, WIDTH - 12)
            frame[top : top + 10, left : left + 10] = random.choice([0.02, 0.98])
    return frames


def with_weave(frames):
    shifts = np.random.default_rng(3).integers(-4, 5, len(frames))
    return [np.roll(frame, int(shift), axis=0) for frame, shift in zip(frames, shifts, strict=True)]


def with_splices(frames):
    for number in (15, 40):
        frames[number] = np.roll(frames[number], 12, axis=0)
    return frames


def with_swinging_light(frames):
    return [frame * (1 + 0.15 * np.sin(number / 1.7)) for number, frame in enumerate(frames)]


def with_duplicates(frames):
    return [frames[number - number % 3 // 2] for number in range(len(frames))]


def title(frames):
    card = np.full((HEIGHT, WIDTH), 0.06)
    for left in range(40, 280, 24):
        card[60:180, left : left + 10] = 0.9
    return [card + np.random.default_rng(number).normal(0, 0.01, card.shape) for number in range(len(frames))]


def test_a_film_without_damage_is_not_accused():
    assert damage_of(calm()).found() == {}


@pytest.mark.parametrize(
    ("hurt", "name", "least", "most"),
    [
        (with_dirt, "dirt", 0.5, 1),
        (with_weave, "weave", 0.004, 0.03),
        (with_splices, "splices", 2, 2),
        (with_swinging_light, "light_swing", 0.2, 0.35),
        (with_duplicates, "duplicates", 18, 20),
    ],
)
def test_each_kind_is_named_and_no_other(hurt, name, least, most):
    found = damage_of(hurt(calm())).found()
    assert list(found) == [name]
    assert least <= found[name] <= most


def test_a_tinted_title_card_is_one_and_a_grey_one_is_no_damage():
    assert damage_of(title(calm()), Tone.TONED) == ShotDamage(tinted_title=True)
    assert damage_of(title(calm()), Tone.GREY) == ShotDamage()


def test_short_shots_have_none():
    for count in (1, 2, 3):
        assert damage_of(calm(count)).found() == {}


def test_the_record_names_what_was_seen_shot_by_shot(tmp_path, colour):
    frames = [(frame * 255).clip(0, 255).astype(np.uint8) for frame in with_splices(calm(50))]
    other = [255 - frame[::-1] for frame in frames[:14]]
    record, _ = colour(write_film(tmp_path / "film.mkv", [*frames, *other]))
    assert record["film"]["shots"] == 2
    assert record["film"]["damage"] == [{"shot": 1, "splices": 2}]
