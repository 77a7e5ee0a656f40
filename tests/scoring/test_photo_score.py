import numpy as np
import pytest
from oracle import chroma_of
from skimage import color

from archivecolor.colour.lab import lab_from_rgb
from archivecolor.colour.luma import luma_codes
from archivecolor.datasets.collection import list_members
from archivecolor.errors import ItemError
from archivecolor.scoring.photo_score import (
    PhotoScores,
    PictureScore,
    ReferencePhoto,
    SkinScore,
    compose_rgb,
    constant_ab,
    read_reference,
    score_photo,
    srgb_codes,
)


@pytest.fixture
def truth(photographs):
    return ReferencePhoto.of("coffee", photographs["coffee"], 96)


def test_the_network_sees_luma_alone(truth):
    assert truth.luma.dtype == np.float32
    assert np.allclose(truth.luma, luma_codes(truth.rgb) / 255, atol=1e-6)


def test_it_sees_the_working_size(photographs):
    assert ReferencePhoto.of("coffee", photographs["coffee"], 64).luma.shape == (64, 96)


def test_the_truth_itself_is_right(truth):
    scored = score_photo(truth, truth.lab[..., 1:])
    assert scored.score.ciede2000 < 0.2
    assert scored.score.psnr > 50
    assert scored.score.ssim > 0.999
    assert scored.score.colourfulness == pytest.approx(scored.score.true_colourfulness, rel=0.01)


def test_grey_is_judged_as_scikit_image_would(truth):
    scored = score_photo(truth, constant_ab(truth, 0, 0))
    lab = color.rgb2lab(truth.rgb)
    grey = color.rgb2lab(np.clip(color.lab2rgb(lab * [1, 0, 0]), 0, 1))
    assert scored.score.ciede2000 == pytest.approx(color.deltaE_ciede2000(lab, grey).mean(), abs=0.03)
    assert scored.score.colourfulness < 0.1
    assert scored.difference.shape == truth.rgb.shape[:2]


def test_an_answer_is_composed_with_the_exact_luma(truth):
    rgb = compose_rgb(truth, chroma_of(truth.rgb, step=4))
    assert np.array_equal(luma_codes(rgb), luma_codes(truth.rgb))
    assert score_photo(truth, lab_from_rgb(rgb)[..., 1:]).score.ciede2000 < 3


def test_a_tint_is_one_colour(truth):
    inside = (truth.lab[..., 0] > 20) & (truth.lab[..., 0] < 90)
    ab = constant_ab(truth, 3.0, 7.3)[inside]
    assert np.abs(ab - [3.0, 7.3]).max() < 1.5
    assert ab.mean(axis=0) == pytest.approx([3.0, 7.3], abs=0.1)


def test_what_cannot_be_judged_says_why(folder):
    by_name = {member.name: member for member in list_members([folder]).members}
    assert read_reference(by_name["coffee.png"], 96).name == "coffee.png"
    with pytest.raises(ItemError, match="grey"):
        read_reference(by_name["z-camera.png"], 96)
    with pytest.raises(ItemError, match="decoded"):
        read_reference(by_name["z-broken.jpg"], 96)


def test_skin_like_pixels_are_judged_by_themselves():
    lab = np.zeros((20, 30, 3), np.float32)
    lab[..., 0] = 60.0
    lab[:, :10, 1:] = (15.0, 18.0)  # skin-like
    lab[:, 10:20, 1:] = (40.0, 18.0)  # too red
    lab[:, 20:, 1:] = (-15.0, 18.0)
    truth = ReferencePhoto.of("skin", srgb_codes(lab[..., 0], lab[..., 1:]), 64)
    skin = score_photo(truth, truth.lab[..., 1:] * np.float32(0.5)).score.skin
    assert skin.pixels == 200
    assert skin.true_chroma == pytest.approx(np.hypot(15, 18), abs=0.5)
    assert skin.chroma / skin.true_chroma == pytest.approx(0.5, abs=0.02)
    half = np.concatenate([truth.lab[:, :10, 1:] * np.float32(0.5), truth.lab[:, 10:, 1:]], axis=1)
    whole = score_photo(truth, half).score
    assert whole.ciede2000 == pytest.approx(skin.ciede2000 / 3, abs=0.1)
    grey = ReferencePhoto.of("grey", np.full((20, 30, 3), 128, np.uint8), 64)
    assert score_photo(grey, grey.lab[..., 1:]).score.skin is None


def test_a_set_s_skin_is_that_of_all_its_pixels():
    def scored(pixels, chroma):
        return PictureScore("", 0.0, 0.0, 0.0, 0.0, 0.0, skin=SkinScore(pixels, chroma, 20.0, chroma / 2))

    bare = PictureScore("", 0.0, 0.0, 0.0, 0.0, 0.0)
    assert PhotoScores((scored(100, 10.0), bare, scored(300, 18.0))).skin() == SkinScore(400, 16.0, 20.0, 8.0)
    assert PhotoScores((bare,)).skin() is None
