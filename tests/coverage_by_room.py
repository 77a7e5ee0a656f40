"""Prints branch coverage by room: python coverage_by_room.py coverage.json.

A room under 80 % needs a sentence here that says why.
"""

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 80.0
# Why a room may have less.
REASONS: dict[str, str] = {}


def room_of(path: str) -> str:
    """The folder below the package, or the file itself."""
    parts = Path(path).parts[1:]
    return parts[0] if len(parts) == 1 else parts[0] + "/"


def by_room(report: dict) -> dict[str, float]:
    """Per cent of statements and branches that the tests reach."""
    covered, total = Counter(), Counter()
    for path, file in report["files"].items():
        summary = file["summary"]
        room = room_of(path)
        covered[room] += summary["covered_lines"] + summary["covered_branches"]
        total[room] += summary["num_statements"] + summary["num_branches"]
    return {room: 100 * covered[room] / total[room] for room in sorted(total) if total[room]}


def main(path: str) -> int:
    """Print the table; 1 where a room has too little and no reason."""
    unexplained = []
    for room, percent in by_room(json.loads(Path(path).read_text())).items():
        reason = REASONS.get(room, "") if percent < LEAST else ""
        if percent < LEAST and not reason:
            unexplained.append(room)
        sys.stdout.write(f"{room:20} {percent:5.1f} %  {reason}".rstrip() + "\n")
    if unexplained:
        sys.stdout.write(f"under {LEAST:g} % without a reason: {', '.join(unexplained)}\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
