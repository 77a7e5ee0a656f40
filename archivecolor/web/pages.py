"""Templates filled in: the one place that makes HTML."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from archivecolor.errors import UnavailableError
from archivecolor.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MISSING = "this needs {name}: pip install 'archivecolor[web]'"


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Every word that pages show, by part and name."""
    text = (resources.files("archivecolor.web") / "words.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


@cache
def static_text(name: str) -> str:
    """A file that travels with the pages: styles or script."""
    return (resources.files("archivecolor.web") / "static" / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """The templates, all that is put in escaped and printable.

    Raises:
        UnavailableError: jinja2 is not installed.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise UnavailableError(MISSING.format(name="jinja2")) from error
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("archivecolor.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        # Whatever a template forgets: no mark of direction and no control gets into a page.
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["w"] = words()
    made.filters |= {
        "say": say,
        "name": printable,
        "percent": percent,
        "number": number,
        "address": address,
        "duration": duration,
    }
    return made


def markup(text: str) -> Markup:
    """Text of our own that is to stand in a page as it is."""
    from markupsafe import Markup

    return Markup(text)


def render(template: str, **values: object) -> str:
    """A template with values put in."""
    return environment().get_template(template).render(**values)


def say(text: str, **values: object) -> str:
    """Words with values put in."""
    return text.format(**values)


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{share:.1%}".replace("%", "\N{NO-BREAK SPACE}%")


def number(value: float) -> str:
    """A number with its thousands apart."""
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}")


def duration(seconds: float) -> str:
    """A time span: 0:07, 12:31, 2:07:05."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def address(path: str) -> str:
    """A relative path as an address; one that begins like a scheme cannot."""
    quoted = quote_from_bytes(os.fsencode(path), safe="/")
    return quoted if quoted.startswith((".", "/")) else f"./{quoted}"
