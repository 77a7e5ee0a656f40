"""Names that would steer a terminal, a log or a table are shown, not obeyed."""

import csv
import io
import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.printable import printable, printable_lines, table_cell


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain ünïcode 写真.jpg", "plain ünïcode 写真.jpg"),
        ("a\x1b[2Jb\nc", "a\\x1b[2Jb\\nc"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj.\u202egpj", "gpj.\\u202egpj"),
        ("\u2066x\u2069\u200f", "\\u2066x\\u2069\\u200f"),
        ("a\u2028b", "a\\u2028b"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("half \ud800", "half \\xed\\xa0\\x80"),
        ("wide\u3000space", "wide\u3000space"),
    ],
)
def test_what_is_shown(name, shown):
    assert printable(name) == shown


@given(st.text())
def test_nothing_hidden_is_left_and_it_can_be_written_anywhere(text):
    shown = printable(text)
    shown.encode()
    assert not [part for part in shown if unicodedata.category(part)[0] == "C" or part in "\u2028\u2029"]


def test_a_message_keeps_its_own_lines_and_no_others():
    assert printable_lines("two names:\n  a\nb\n  c") == "two names:\n  a\\nb\n  c".replace("\n  ", "\n  ")


@given(st.sampled_from("=+-@\t\r\nx"), st.text())
def test_no_cell_begins_like_a_formula(first, text):
    cell = table_cell(first + text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([cell])
    assert buffer.getvalue().count("\n") == 1
