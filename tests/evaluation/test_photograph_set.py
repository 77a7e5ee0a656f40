import numpy as np
import pytest
from oracle import Oracle

from archivecolor.datasets.collection import list_members
from archivecolor.evaluation.entrants import BASELINES, NetworkEntrant
from archivecolor.evaluation.figures import csv_text, picture_figures, row_figures
from archivecolor.evaluation.photographs import EvaluationConfig, evaluate_photographs
from archivecolor.evaluation.tables import paired_differences


@pytest.fixture(scope="module")
def evaluated(folder, photographs):
    networks = (
        NetworkEntrant("right", Oracle(photographs.values(), step=4)),
        NetworkEntrant("timid", Oracle(photographs.values(), gain=0.5, step=4)),
        NetworkEntrant("wrong", Oracle(photographs.values(), gain=-0.5, step=4)),
    )
    seen = []
    config = EvaluationConfig((*BASELINES, *networks), working_size=96, draw=True, report=seen.append)
    found = evaluate_photographs(list_members([folder]).members, config)
    assert seen == [4]
    return found


@pytest.fixture(scope="module")
def rows(evaluated):
    return {row.name: row for row in evaluated.rows}


def test_references_come_first(evaluated):
    assert [row.name for row in evaluated.rows] == ["grey", "one warm tint", "right", "timid", "wrong"]


def test_what_cannot_be_judged_is_named(evaluated):
    assert {left.name for left in evaluated.excluded} == {"z-camera.png", "z-broken.jpg"}
    assert all(len(row.pictures) == 4 for row in evaluated.rows)


def test_right_is_better_than_grey_and_grey_than_wrong(rows):
    differences = [rows[name].means()["ciede2000"] for name in ("right", "timid", "grey", "wrong")]
    assert differences == sorted(differences)
    assert rows["right"].means()["psnr"] > rows["grey"].means()["psnr"] > rows["wrong"].means()["psnr"]
    assert rows["grey"].means()["colourfulness_ratio"] < 0.01
    assert 0.4 < rows["timid"].means()["colourfulness_ratio"] < 0.6


def test_at_equal_colourfulness_timid_is_nearly_right(rows):
    right, timid, wrong = (rows[name].difference_at(0.8).mean for name in ("right", "timid", "wrong"))
    assert timid == pytest.approx(right, abs=0.5)
    assert wrong > 2 * right
    assert rows["grey"].difference_at(0.8).mean is None


def test_confidence_and_speed_are_the_networks_own(rows):
    # The oracle is the surer the less chroma there is; what the timid one lacks is chroma.
    assert rows["timid"].confidence.regions > 0.5
    assert rows["timid"].confidence.pictures > 0.5
    assert rows["timid"].doubt.pictures > 0.5
    assert rows["grey"].doubt is None
    assert rows["timid"].pictures_per_second > 0
    assert rows["grey"].confidence is None
    assert rows["grey"].pictures_per_second is None


def test_paired_differences_by_hand(rows):
    first, second = rows["right"], rows["timid"]
    found = {one.measure: one for one in paired_differences([first, second])}
    by_picture = np.array(
        [b.ciede2000 - a.ciede2000 for a, b in zip(first.pictures, second.pictures, strict=True)]
    )
    assert found["CIEDE2000"].mean == pytest.approx(by_picture.mean())
    assert found["CIEDE2000"].standard_error == pytest.approx(by_picture.std(ddof=1) / 2)
    assert set(found) == {"CIEDE2000", "dE@0.6", "dE@0.8", "dE@1"}


def test_rows_without_a_share_are_compared_on_the_rest(rows):
    found = paired_differences([rows["right"], rows["grey"]])
    assert [one.measure for one in found] == ["CIEDE2000"]
    assert paired_differences([]) == ()
    assert paired_differences([rows["right"]]) == ()


def test_figures_name_every_measure(rows):
    figures = row_figures(rows["right"])
    assert figures["pictures"] == 4
    assert figures["ciede2000"] == pytest.approx(
        np.mean([score.ciede2000 for score in rows["right"].pictures])
    )
    assert 0.9 < figures["skin_chroma_share"] < 1.1
    assert row_figures(rows["timid"])["skin_chroma_share"] < 0.7
    assert row_figures(rows["grey"])["skin_chroma_share"] < 0.02
    assert figures["skin_ciede2000"] < row_figures(rows["grey"])["skin_ciede2000"]
    assert figures["de_at_0.8"] == rows["right"].difference_at(0.8).mean
    lines = csv_text(picture_figures(rows.values())).splitlines()
    assert lines[0].startswith("row,name,ciede2000,psnr,ssim")
    assert len(lines) == 1 + 5 * 4
    assert lines[1].startswith("grey,astronaut.png,")
    assert csv_text([]) == ""


def test_every_network_has_its_strips_and_no_reference(evaluated, photographs):
    assert set(evaluated.strips) == {"right", "timid", "wrong"}
    assert {strip.name for strip in evaluated.strips["wrong"]} == {f"{name}.png" for name in photographs}
