import numpy as np
import pytest
from PIL import Image, ImageFont

from archivecolor.photo.contact_sheet import CAPTION_HEIGHT, SYSTEM_FONTS, Captioned, caption_font, draw_page
from archivecolor.photo.preview import small_preview


def page_of(caption):
    return np.asarray(draw_page([Captioned(caption, np.zeros((40, 120, 3), np.uint8))], 1, (120, 40)))


def test_a_page_has_its_pictures_under_captions_that_stay_in_their_cells():
    page = page_of("a name that is far too long for a cell of this width.jpg")
    assert page.shape == (40 + CAPTION_HEIGHT + 6, 128, 3)
    caption = page[: CAPTION_HEIGHT + 2]
    assert (caption.min(axis=(0, 2)) < 128).any()
    assert (caption[:, 124:] == 255).all()


def test_without_a_font_of_the_system_accents_go_and_no_letter_is_a_box(monkeypatch):
    monkeypatch.setattr("archivecolor.photo.contact_sheet.SYSTEM_FONTS", ())
    caption_font.cache_clear()
    try:
        assert (page_of("M\u00e4rz") == page_of("Marz")).all()
        assert (page_of("\u5199") == page_of("?")).all()
    finally:
        caption_font.cache_clear()
    assert SYSTEM_FONTS


@pytest.mark.parametrize("folders", ["", ".", "mine", "/nowhere:", "HERE"])
def test_no_font_of_the_current_folder_is_read(tmp_path, monkeypatch, folders):
    planted = ImageFont.load_default(12).path.getvalue()
    for folder in (tmp_path, tmp_path / "fonts", tmp_path / "mine" / "fonts"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in SYSTEM_FONTS:
            (folder / name).write_bytes(planted)
    monkeypatch.chdir(tmp_path)
    for variable in ("XDG_DATA_DIRS", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, folders.replace("HERE", str(tmp_path)))
    caption_font.cache_clear()
    try:
        font, has_all_letters = caption_font()
    finally:
        caption_font.cache_clear()
    assert (font.getname() == ImageFont.load_default(12).getname()) != has_all_letters


def test_a_preview_is_upright_and_fits_its_box(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    codes = np.zeros((200, 300), np.uint8)
    codes[:, 150:] = 255
    Image.fromarray(codes).save(tmp_path / "turned.jpg", exif=turned)
    small = small_preview(tmp_path / "turned.jpg", (90, 60)).rgb
    assert small.shape == (60, 40, 3)
    assert small[:25].max() < 20
    assert small[35:].min() > 235
