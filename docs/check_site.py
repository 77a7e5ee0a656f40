"""Checks a built site: every link leads to a file and a place in it, and nothing is loaded from elsewhere.

python docs/check_site.py site/
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class _Page(HTMLParser):
    """What a page links to, loads, and can be linked to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        self.places.add(about.get("id", ""))
        if tag == "a" and "href" in about:
            self.places.add(about.get("name", ""))
            self.links.append(about["href"])
        elif about.get(LOADED.get(tag, "")) and about.get("rel") != "canonical":
            self.loaded.append(about[LOADED[tag]])


def troubles(site: Path) -> list[str]:
    """What is wrong, a sentence each."""
    found, root = [], site.resolve()
    pages = {path: _Page(path) for path in sorted(root.rglob("*.html"))}
    for path, page in pages.items():
        shown = path.relative_to(root)
        found += [f"{shown} loads {one}" for one in page.loaded if urlsplit(one).netloc]
        dead = (one for one in page.links + page.loaded if not _leads(path, one, pages, root))
        found += [f"{shown}: {one} leads nowhere" for one in dead]
    return found


def _leads(path: Path, link: str, pages: dict[Path, _Page], root: Path) -> bool:
    """Whether a link of `path` leads to something that is there; those to other hosts are not followed."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    name = unquote(parts.path)
    above = root if name.startswith("/") else path.parent
    target = (above / name.lstrip("/")).resolve() if name else path
    if target.is_dir():
        target /= "index.html"
    if target in pages:
        return unquote(parts.fragment) in pages[target].places
    return target.is_file()


if __name__ == "__main__":
    found = troubles(Path(sys.argv[1]))
    print("\n".join(found) or "every link leads somewhere, and nothing is loaded from elsewhere")
    sys.exit(bool(found))
