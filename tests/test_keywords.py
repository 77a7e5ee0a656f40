"""Keywords of the API's functions are the options of the settings, but for those of a command line alone."""

from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from archivecolor.settings import (
    CorrectSettings,
    DirSettings,
    NetworkOptions,
    VideoSettings,
    fields_of,
    option_of,
)
from archivecolor.settings.keywords import (
    CorrectKeywords,
    FilmKeywords,
    FolderKeywords,
    PhotoKeywords,
    PredictorKeywords,
)

COMMAND_LINE_ALONE = {
    "from_time",
    "to_time",
    "only_shots",
    "input",
    "output",
    "quiet",
    "verbose",
    "json",
    "log_file",
    "dry_run",
    "nice",
    "open",
    "watch",
    "report",
}


@pytest.mark.parametrize(
    ("keywords", "settings", "left_out"),
    [
        (PredictorKeywords, NetworkOptions, {"checkpoint"}),
        (FolderKeywords, DirSettings, COMMAND_LINE_ALONE),
        (FilmKeywords, VideoSettings, COMMAND_LINE_ALONE),
        (CorrectKeywords, CorrectSettings, {*COMMAND_LINE_ALONE, "path", "hint"} - {"input"}),
    ],
)
def test_every_option_is_a_keyword(keywords, settings, left_out):
    assert set(get_type_hints(keywords)) == {field.name for field in fields_of(settings)} - left_out


@pytest.mark.parametrize(
    ("keywords", "settings"),
    [
        (PredictorKeywords, NetworkOptions),
        (PhotoKeywords, DirSettings),
        (FolderKeywords, DirSettings),
        (FilmKeywords, VideoSettings),
        (CorrectKeywords, CorrectSettings),
    ],
)
def test_keywords_have_the_types_and_choices_of_the_options(keywords, settings):
    declared = get_type_hints(settings)
    choices = {field.name: option_of(field).choices for field in fields_of(settings)}
    for name, hint in get_type_hints(keywords).items():
        if get_origin(hint) is Literal:
            assert get_args(hint) == choices[name], name
        else:
            assert hint == declared[name], name
            assert not choices[name], name
