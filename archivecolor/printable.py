"""Text as it can be shown: names come from others, and must steer neither a terminal nor a table."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

# A newline that begins the next line of one message of ours, never one of somebody's choice alone.
_CONTINUATION = re.compile(r"\n(?=  )")
_MAX_SHOWN = 80
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")  # noqa: RUF001 - the wide forms count too


def printable(text: str | Path) -> str:
    """`text` on one line: controls, line ends, marks of direction and bytes that are not UTF-8 as escapes."""
    known = str(text).encode("utf-8", "surrogateescape" if _is_decoded(str(text)) else "surrogatepass")
    shown = known.decode("utf-8", "backslashreplace")
    if shown.isprintable():
        return shown
    return "".join(part if _is_harmless(part) else _escaped(part) for part in shown)


def shortened(text: str) -> str:
    """`text` for a message, harmless as `printable` has it, of which a crafted value does not make a page."""
    return printable(text) if len(text) <= _MAX_SHOWN else f"{printable(text[:_MAX_SHOWN])}..."


def quoted(text: str) -> str:
    """A word that was typed, in quotes for a message, shortened and harmless."""
    return f"'{shortened(text)}'"


def some_names(names: Sequence[str | Path], shown: int = 5) -> str:
    """The first of some names for a message, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(printable, names[:shown])) + more


def printable_lines(text: str) -> str:
    """A message of several lines: each as `printable`, those behind the first indented."""
    return "\n".join(printable(line) for line in _CONTINUATION.split(text))


def json_line(values: Mapping[str, object]) -> bytes:
    """`values` as one line of compact JSON in UTF-8, newline included: the same to read, safe to see."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    if not text.isprintable():
        text = "".join(part if _is_harmless(part) else _escaped_in_json(part) for part in text)
    return text.encode() + b"\n"


def json_text(values: object) -> str:
    """`values` as JSON on one line of plain ASCII, for terminals and logs; other objects as their words."""
    return json.dumps(values, default=str).replace("\x7f", "\\u007f")


def _escaped_in_json(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]


def table_cell(text: str) -> str:
    """`text` as a cell that a spreadsheet shows: what begins like a formula gets a quote in front."""
    shown = printable(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _is_decoded(text: str) -> bool:
    """Whether surrogates in `text` stand for bytes that are not UTF-8, as in names from the system."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
