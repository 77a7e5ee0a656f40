"""Help in two lengths, and by topic."""

import pytest

from archivecolor.cli.commands import COMMANDS
from archivecolor.cli.main import main
from archivecolor.cli.topics import EXIT_CODES, TOPICS
from archivecolor.errors import ExitCode
from archivecolor.photo.containers.registry import FORMATS, WRITABLE


@pytest.fixture
def shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words):
        assert main(list(words)) == ExitCode.OK
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("job", ["photo", "dir", "video"])
def test_short_help_has_the_dozen_that_matter_each_on_a_line(shown, job):
    lines = shown(job, "-h").splitlines()
    options = [line for line in lines if line.startswith("-") and not line.startswith("--help")]
    assert 8 <= len(options) <= 20
    assert not any(line.startswith("      ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_long_help_has_groups_and_says_a_switch_once(shown):
    text = shown("dir", "--help")
    headings = [
        line[:-1]
        for line in text.splitlines()
        if line[:1].isupper() and line.endswith(":") and " " not in line
    ]
    assert headings == ["Input", "Output", "Colour", "Machine", "Reports"]
    assert "--no-" not in text.replace("--no-x", "")
    assert "--overwrite" in text
    assert "Film" in shown("video", "--help")


def test_arguments_are_told_of_once_and_in_words(shown):
    lines = shown("dir", "--help").splitlines()
    told = [line.split() for line in lines if line.startswith(("  IN", "  OUT"))]
    assert told == [
        ["IN", "Folder", "of", "photographs,", "or", "s3://BUCKET/PREFIX."],
        ["OUT", "Folder", "for", "the", "coloured", "tree."],
    ]


def test_every_topic_and_command_has_help(shown, capsys):
    for topic in TOPICS:
        assert shown("help", topic).strip() == TOPICS[topic]().strip()
    for name in COMMANDS:
        assert "Usage: archivecolor" in shown("help", name)
    assert "exit-codes" in shown("help")
    assert main(["help", "exitcodes"]) == ExitCode.USAGE
    assert "did you mean 'exit-codes'" in capsys.readouterr().err


def test_every_exit_code_is_told_of():
    assert set(EXIT_CODES) == set(ExitCode)


def test_the_version_in_short(shown):
    assert shown("-V") == shown("--version")


def test_formats_are_those_that_are_read(shown):
    written, read = (line for line in shown("help", "formats").splitlines()[:2])
    assert len(FORMATS) > len(WRITABLE) > 5
    for one in FORMATS:
        assert one.title in (written if one.name in WRITABLE else read)
    for name in ("GIF", "AVIF", "JPEG XL", "PSD", "PFM", "HEIC"):
        assert name in read


@pytest.mark.parametrize("words", [[], ["manifest"], ["decisions"], ["credentials"]])
def test_a_command_without_words_shows_its_help_as_it_is(shown, capsys, words):
    helped = shown(*words, "-h" if not words else "--help")
    assert main(words) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip() == helped.strip()
    assert "\\n" not in err


@pytest.mark.parametrize(
    ("job", "wanted"),
    [
        ("correct", ["--hint", "--like", "--at", "--accept", "--reject", "--reset"]),
        ("train", ["--output", "--network", "--resume", "--max-steps"]),
        ("shots", ["--output", "--cuts", "--overwrite"]),
        ("evaluate", ["--checkpoint", "--output", "--limit"]),
    ],
)
def test_short_help_shows_what_somebody_would_look_for(shown, job, wanted):
    lines = [line.split("  ")[0] for line in shown(job, "-h").splitlines()]
    for name in wanted:
        assert any(name in line for line in lines), name


def test_short_help_cuts_no_text_within_a_name_or_at_a_bracket(shown):
    assert "Certificates that are trusted" in shown("verify", "-h")
    assert "Write records.parquet beside records.csv" in shown("report", "-h")
    assert "One file, index\n" not in shown("report", "-h")


def test_short_help_of_few_options_does_not_promise_more_of_them(shown):
    assert "all 1 options" not in shown("models", "-h")
    assert "--help tells more of each" in shown("prune", "-h")
    assert "--help shows all" in shown("dir", "-h")


def test_help_knows_commands_within_commands(shown, capsys):
    for words in (["manifest export"], ["manifest", "export"]):
        assert shown("help", *words) == shown("manifest", "export", "--help")
    assert main(["help", "manifest", "exprot"]) == ExitCode.USAGE
    assert "no command 'exprot' in archivecolor manifest" in capsys.readouterr().err
    assert main(["help", "nonsense"]) == ExitCode.USAGE
    assert "archivecolor help lists what there is" in capsys.readouterr().err
