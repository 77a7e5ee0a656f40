"""Whether the tree is what a release's tag should be put on: version, changelog, addresses."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def problems(tag: str, project: str, changelog: str) -> list[str]:
    """What stands against the tag, a sentence each.

    Args:
        tag: such as "v1.2.3".
        project: text of pyproject.toml.
        changelog: text of CHANGELOG.md.
    """
    found = []
    stated = re.search(r'^version = "([^"]+)"$', project, re.MULTILINE)
    version = stated.group(1) if stated else ""
    if tag != f"v{version}":
        found.append(f"the tag is {tag or 'not given'}, and the version of pyproject.toml is {version}")
    if not re.search(rf"^## {re.escape(version)}, \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no heading '## {version}, YYYY-MM-DD'")
    unreleased = re.search(r"^## Unreleased$(.*?)^## ", changelog, re.MULTILINE | re.DOTALL)
    if unreleased and re.search(r"^- ", unreleased.group(1), re.MULTILINE):
        found.append(f"CHANGELOG.md has lines under Unreleased: they belong under {version}")
    if "[project.urls]" not in project:
        found.append("pyproject.toml has no [project.urls]: where source, documentation and issues are")
    return found


if __name__ == "__main__":
    about = [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md")]
    found = problems(sys.argv[1] if len(sys.argv) > 1 else "", *about)
    print("\n".join(found) or "ready to be tagged")
    sys.exit(bool(found))
