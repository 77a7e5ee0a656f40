"""Draws the floors of the house, as import-linter holds them: docs/images/house.svg.

python docs/draw_house.py
"""

from __future__ import annotations

import configparser
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
CONTRACT = "importlinter:contract:floors"
WIDTH, FLOOR, GAP, MARGIN = 880, 44, 10, 14
HUES = (205, 190, 170, 150, 130, 100, 70, 45, 30, 15, 0, 340)


def floors() -> list[list[str]]:
    """The rooms of every floor, from the top."""
    parser = configparser.ConfigParser()
    parser.read(HERE.parent / "setup.cfg", encoding="utf-8")
    lines = parser[CONTRACT]["layers"].strip().splitlines()
    return [[room.strip().removeprefix("archivecolor.") for room in line.split("|")] for line in lines]


def drawing() -> str:
    """The house as SVG: a row for each floor, a box for each room, and the one way that imports go."""
    house = floors()
    height = 2 * MARGIN + len(house) * (FLOOR + GAP) - GAP
    inside = WIDTH - 2 * MARGIN - 40
    boxes = []
    for level, rooms in enumerate(house):
        top = MARGIN + level * (FLOOR + GAP)
        wide = (inside - GAP * (len(rooms) - 1)) / len(rooms)
        hue = HUES[level % len(HUES)]
        for place, room in enumerate(rooms):
            left = MARGIN + place * (wide + GAP)
            boxes.append(
                f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{FLOOR}" rx="6" '
                f'fill="hsl({hue} 45% 88%)" stroke="hsl({hue} 30% 45%)"/>'
                f'<text x="{left + wide / 2:.1f}" y="{top + FLOOR / 2 + 5}">{escape(room)}</text>'
            )
    arrow = WIDTH - MARGIN - 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="sans-serif" font-size="15" text-anchor="middle">'
        "<title>The floors of the house; imports go down</title>"
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        + "".join(boxes)
        + f'<path d="M{arrow} {MARGIN} V{height - MARGIN - 4} m-7 -9 l7 10 l7 -10" fill="none" stroke="#555" '
        'stroke-width="2"/>'
        "</svg>\n"
    )


if __name__ == "__main__":
    (HERE / "images" / "house.svg").write_text(drawing(), encoding="utf-8")
