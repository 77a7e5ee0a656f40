"""`archivecolor credentials`: what outputs are signed with."""

from __future__ import annotations

import click

from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode
from archivecolor.printable import printable
from archivecolor.settings import NewCredentialsSettings


@command_for(NewCredentialsSettings, "new")
def new(settings: NewCredentialsSettings) -> ExitCode:
    r"""Make a root and a signing certificate of your own, for --credentials FOLDER/credentials.toml.

    Where FOLDER has a root already, it issues a new signing certificate; what was signed stays valid.

    \b
    Example:
      archivecolor credentials new keys/ --name "City Archive"
    """
    from archivecolor.jobs.credentials import new_credentials

    made = new_credentials(settings)
    expires = f"{made.credentials.expires:%Y-%m-%d}"
    root = "a new root" if made.root_is_new else "the root that was there"
    words = [
        f"credentials: {made.file} signs until {expires}, under {root}, {made.root}",
        f"Nobody trusts it yet: hand {made.root} out, to all who are to trust what you sign.",
        "Keep the keys to yourself, that of the root away from any network until you need it again.",
    ]
    if not settings.quiet:
        click.echo(printable("\n".join(words[:1])))
        for line in words[1:]:
            click.echo(printable(line))
    return ExitCode.OK


command = click.Group(
    "credentials",
    commands={"new": new},
    help="Make what outputs are signed with (Content Credentials).",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
