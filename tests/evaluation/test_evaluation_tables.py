"""Tables of figures as people read them: on a terminal of 80 columns, and in a file."""

import io

import pytest
from rich.console import Console

from archivecolor.cli.evaluation import photograph_table, print_table

NAMES = ("grey", "one warm tint", "archivecolor-default")
ROW = {
    "pictures": 4,
    "ciede2000": 16.77,
    "psnr": 21.34,
    "ssim": 0.912,
    "colourfulness": 31.5,
    "colourfulness_ratio": 0.81,
    "de_at_0.6": 12.11,
    "de_at_0.8": 12.22,
    "de_at_1": 12.33,
    "skin_chroma_share": 0.75,
    "confidence_pictures": 0.41,
    "confidence_regions": 0.42,
    "confidence_worst_found": 0.43,
    "doubt_pictures": 0.44,
    "doubt_worst_found": 0.46,
    "doubt_palest_surest": 0.0,
    "pictures_per_second": 7.5,
    "frechet": 98.76,
}


@pytest.fixture
def table():
    return photograph_table([ROW | {"name": name} for name in NAMES], "squeezenet1_1")


def test_every_number_is_there_in_80_columns(table):
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    shown = console.file.getvalue()
    assert "…" not in shown
    for name in (*NAMES, "16.77", "0.912", "98.76", "worst found"):
        assert name in shown


def test_a_file_gets_plain_text_without_a_frame_or_blanks_at_ends(table, capsys):
    print_table(table)
    out = capsys.readouterr().out
    assert out.isascii()
    assert all(line == line.rstrip() for line in out.splitlines())
    assert max(map(len, out.splitlines())) < 80
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("PSNR")] == ["21.34"]
