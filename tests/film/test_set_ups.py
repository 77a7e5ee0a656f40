"""Shots of one set-up are found wherever they are in a film, and share their colours."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from synthetic_films import film_from, scene, write_film

from archivecolor.archive.correction import ShotCorrection
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import NO_GUIDANCE, Hint
from archivecolor.colour.kernel import Answer
from archivecolor.colour.lab import cbcr_from_lab
from archivecolor.film.chroma import FrameRange, frame_chromas
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, make_segments
from archivecolor.film.set_ups import colour_sources, find_set_ups, load_set_ups, save_set_ups
from archivecolor.film.shot_guidance import guide_of
from archivecolor.film.shots import shots_from_starts

FRAMES = 12
TURNS = 4  # of the hue, from black to white


class MoodyNetwork:
    """Another colour in every shot, by its mean luma; what it knows of places is the luma around them."""

    def __init__(self):
        self.asked = 0

    def answers(self, lumas, guidance=()):
        self.asked += len(lumas)
        return [self._answer(luma) for luma in lumas]

    def predict(self, lumas, guidance=()):
        wishes = [*guidance, *[NO_GUIDANCE] * (len(lumas) - len(guidance))]
        return [
            Chroma(cbcr_from_lab(np.dstack((answer.lightness, wish.laid_in(answer)))), answer.certainty, 0.6)
            for answer, wish in zip(self.answers(lumas), wishes, strict=True)
        ]

    def _answer(self, luma):
        height, width = luma.shape[0] // 4, luma.shape[1] // 4
        small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        hue = TURNS * 2 * np.pi * float(luma.mean())
        ab = np.broadcast_to(30 * np.array([np.cos(hue), np.sin(hue)]), (height, width, 2))
        certainty = np.full(small.shape, 0.3 + luma.mean() / 4, np.float32)
        return Answer(ab.astype(np.float32), certainty, small * 100, _surroundings(small))


def _surroundings(luma):
    """The contrasts around each place: the same wherever it is, and however bright the picture."""
    even = (luma - luma.mean()) / luma.std()
    padded = np.pad(even, 3, mode="reflect")
    height, width = luma.shape
    return np.dstack([padded[y : y + height, x : x + width] for y in range(7) for x in range(7)]).astype(
        np.float32
    )


def seen(seed, brightness):
    """A shot of a set-up, by its seed; the camera stands, and the exposure is its own."""
    still = scene(seed, 1, 96, 128)[0]
    grain = np.random.default_rng(round(1000 * brightness))
    return [
        np.clip(still * 0.6 + 255 * brightness + grain.normal(0, 1, still.shape), 0, 255).astype(np.uint8)
        for _ in range(FRAMES)
    ]


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory):
    """Two set-ups by turns, and one that is not seen again: A B A C B A."""
    shots = [(1, 0.02), (2, 0.05), (1, 0.08), (3, 0.11), (2, 0.14), (1, 0.17)]
    pictures = [picture for seed, brightness in shots for picture in seen(seed, brightness)]
    film = film_from(write_film(tmp_path_factory.mktemp("dialogue") / "film.mkv", pictures))
    begins = dict.fromkeys(range(0, len(pictures), FRAMES), "cut")
    return replace(film, shots=shots_from_starts(begins, len(pictures)))


def shots_of(set_ups):
    return sorted(sorted({view.shot for view in views}) for views in set_ups)


def mean_colours(film, network):
    """Mean Cb and Cr of each shot's middle frame."""
    last = len(film.first_pass) - 1
    colours = [
        chroma.cbcr.mean(axis=(0, 1)) for chroma in frame_chromas(film, network, FrameRange(0, last, None))
    ]
    return np.array(colours[FRAMES // 2 :: FRAMES])


def shared(film, network):
    set_ups = find_set_ups(film, network, lambda _: None)
    return replace(film, colour_sources=colour_sources(film, set_ups))


def apart(colours, *shots):
    return max(np.linalg.norm(colours[one] - colours[other]) for one in shots for other in shots)


def test_shots_of_one_set_up_have_one_colour_and_others_keep_their_own(dialogue):
    network = MoodyNetwork()
    assert shots_of(find_set_ups(dialogue, network, lambda _: None)) == [[0, 2, 5], [1, 4]]
    before, after = mean_colours(dialogue, network), mean_colours(shared(dialogue, network), network)
    for shots in ((0, 2, 5), (1, 4)):
        assert apart(after, *shots) < 0.2 * apart(before, *shots)
    np.testing.assert_array_equal(after[3], before[3])
    # The surest shot gives the colours: it has those that it had.
    np.testing.assert_allclose(after[5], before[5], atol=0.005)
    np.testing.assert_allclose(after[4], before[4], atol=0.005)


def test_shots_that_only_look_alike_stay_as_they_are(tmp_path):
    """The same brightness and the same shapes in large, of other things, and in opposite colours."""
    large = cv2.GaussianBlur(scene(5, 1, 96, 128)[0], (0, 0), 12)
    shots = []
    for seed, brightness in ((6, 0.0), (7, 0.5 / TURNS)):
        details = scene(seed, 1, 96, 128)[0].astype(float) - 128
        shots += [np.clip(large * 0.5 + details * 0.3 + 255 * brightness, 0, 255).astype(np.uint8)] * FRAMES
    film = film_from(write_film(tmp_path / "film.mkv", shots))
    film = replace(film, shots=shots_from_starts({FRAMES: "cut"}, len(shots)))
    network = MoodyNetwork()
    assert find_set_ups(film, network, lambda _: None) == ()
    before, after = mean_colours(film, network), mean_colours(shared(film, network), network)
    assert apart(before, 0, 1) > 0.2
    np.testing.assert_array_equal(before, after)


def test_a_corrected_shot_leads_its_set_up_and_changes_no_other(dialogue):
    network = MoodyNetwork()
    set_ups = find_set_ups(dialogue, network, lambda _: None)
    hints = tuple(Hint(x, y, (40, 160, 40)) for x in (0.2, 0.5, 0.8) for y in (0.2, 0.5, 0.8))
    corrections = {0: (ShotCorrection(0.2, hints),)}
    corrected = replace(dialogue, corrections=corrections)
    corrected = replace(corrected, colour_sources=colour_sources(corrected, set_ups))
    assert {number: [view.shot for view in views] for number, views in corrected.colour_sources.items()} == {
        1: [4],
        2: [0],
        4: [4],
        5: [0],
    }
    guide = guide_of(corrected, network, corrected.shots[0], corrections[0], lambda: None)
    corrected = replace(corrected, guides={0: guide})
    plain, after = mean_colours(shared(dialogue, network), network), mean_colours(corrected, network)
    assert apart(after, 0, 2, 5) < 0.2 * np.linalg.norm(after[2] - plain[2])
    np.testing.assert_array_equal(after[[1, 3, 4]], plain[[1, 3, 4]])
    # Pieces with the shots that follow are other pieces than before, and none else.
    names = [
        [segment.name for segment in plan_segments(film, FRAMES)]
        for film in (shared(dialogue, network), corrected)
    ]
    assert [one != other for one, other in zip(*names, strict=True)] == [
        True,
        False,
        True,
        False,
        False,
        True,
    ]


def test_what_was_found_is_kept_and_found_again(dialogue, tmp_path, caplog):
    kept = tmp_path / "set-ups.npz"
    assert load_set_ups(kept) is None
    for set_ups in (find_set_ups(dialogue, MoodyNetwork(), lambda _: None), ()):
        save_set_ups(kept, set_ups)
        again = load_set_ups(kept)
        assert shots_of(again) == shots_of(set_ups)
        for views, others in zip(set_ups, again, strict=True):
            for view, other in zip(views, others, strict=True):
                assert (view.frame, view.certainty) == (other.frame, other.certainty)
                np.testing.assert_array_equal(view.seen, other.seen)
    kept.write_bytes(kept.read_bytes()[:50])
    assert load_set_ups(kept) is None
    assert "damaged" in caplog.text


def test_pieces_that_are_missing_come_out_as_in_one_go(dialogue, tmp_path):
    """Shots are two pieces long, so some begin in the middle of one; what was found comes from its file."""
    network, folder = MoodyNetwork(), WorkFolder(tmp_path / "work")
    folder.path.mkdir()
    film = shared(dialogue, network)
    segments = plan_segments(film, FRAMES - 4)
    make_segments(SegmentContext(film, network, folder, lambda _: None, lambda: True), segments)
    whole = [folder.segment(segment).read_bytes() for segment in segments]
    save_set_ups(folder.set_ups, find_set_ups(dialogue, network, lambda _: None))
    for number in (1, 3, len(segments) - 2):
        folder.segment(segments[number]).unlink()
    again = replace(dialogue, colour_sources=colour_sources(dialogue, load_set_ups(folder.set_ups)))
    assert plan_segments(again, FRAMES - 4) == segments
    make_segments(SegmentContext(again, network, folder, lambda _: None, lambda: True), segments)
    assert [folder.segment(segment).read_bytes() for segment in segments] == whole


def test_a_frame_that_gives_several_shots_their_colours_is_looked_at_once(dialogue):
    network = MoodyNetwork()
    film = shared(dialogue, network)
    asked = []
    for one in (dialogue, film):
        network.asked = 0
        mean_colours(one, network)
        asked.append(network.asked)
    assert len(film.colour_sources) == 5
    assert asked[1] - asked[0] == 2


def test_a_film_of_one_shot_costs_nothing(dialogue):
    network = MoodyNetwork()
    whole = replace(dialogue, shots=shots_from_starts({}, len(dialogue.first_pass)))
    assert find_set_ups(whole, network, lambda _: None) == ()
    assert network.asked == 0


def test_the_record_names_the_shots_of_a_set_up(tmp_path, colour):
    pictures = [picture for seed in (1, 2, 1) for picture in seen(seed, 0.1)]
    film = write_film(tmp_path / "film.mkv", pictures)
    record, _ = colour(film)
    (set_up,) = record["film"]["set_ups"]
    assert set_up["shots"] == [1, 3]
    assert 0 <= set_up["seconds"] < len(pictures) / 25
    record, _ = colour(film, "--no-same-colours", "--overwrite")
    assert record["film"]["set_ups"] == []
