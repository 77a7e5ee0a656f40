"""What mkdocs asks while it builds the site: pages made from the program, and those beside `docs/`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from reference_pages import api_page, exit_codes_page, options_page  # noqa: E402 - it lies beside this file

MADE = {
    "reference/options.md": options_page,
    "reference/exit-codes.md": exit_codes_page,
    "reference/api.md": api_page,
}
BESIDE = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file of `docs/` holds."""
    for path, page in MADE.items():
        files.append(File.generated(config, path, content=page()))
    for name, path in BESIDE.items():
        text = (HERE.parent / name).read_text(encoding="utf-8")
        files.append(File.generated(config, path, content=_with_links_from_docs(text)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links of pages in `docs/` to files beside it lead to their pages."""
    for name, path in BESIDE.items():
        markdown = markdown.replace(f"](../{name}", f"]({path}")
    return markdown


def _with_links_from_docs(text: str) -> str:
    """A page from beside `docs/`, its links as they are from within."""
    text = re.sub(r"\]\(docs/", "](", text)
    for name, path in BESIDE.items():
        text = text.replace(f"]({name}", f"]({path}")
    return text
