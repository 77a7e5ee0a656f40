import numpy as np

from archivecolor.scoring.contact_sheets import COLUMNS, ROWS, ComparisonStrip, contact_sheet, contact_sheets
from archivecolor.scoring.photo_score import ReferencePhoto, score_photo


def strip(name, ciede2000, colour):
    return ComparisonStrip(name, ciede2000, np.full((132, 300, 3), colour, np.uint8))


def test_sheets_show_the_worst_first():
    many = [strip(f"{n}", float(n), (9, 9, 9)) for n in range(COLUMNS * ROWS + 1)]
    pages = list(contact_sheets(many))
    assert len(pages) == 2
    assert pages[1].height < pages[0].height / 5
    (page,) = contact_sheets([strip("best", 0.0, (0, 255, 0)), strip("worst", 9.0, (255, 0, 0))])
    assert page.getpixel((40, 60)) == (255, 0, 0)
    assert page.getpixel((page.width // 2 + 40, 60)) == (0, 255, 0)


def test_a_sheet_keeps_the_order_it_is_given_and_its_columns():
    page = contact_sheet([strip(str(n), float(n), (80 * n, 0, 0)) for n in range(3)], columns=2)
    places = ((40, 60), (page.width // 2 + 40, 60), (40, page.height - 40))
    assert [page.getpixel(place) for place in places] == [(0, 0, 0), (80, 0, 0), (160, 0, 0)]


def test_a_strip_is_grey_answer_and_truth(photographs):
    truth = ReferencePhoto.of("coffee", photographs["coffee"], 96)
    shown = ComparisonStrip.of(truth, score_photo(truth, truth.lab[..., 1:] * np.float32(0.0))).picture
    grey, answer, true = np.split(shown[:, : shown.shape[1] // 3 * 3].astype(int), 3, axis=1)
    spread = [float(np.ptp(part, axis=2).mean()) for part in (grey, answer, true)]
    assert spread[0] < 1
    assert spread[1] < 2
    assert spread[2] > 20
