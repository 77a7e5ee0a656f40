"""The names of all commands."""

from __future__ import annotations

# In the order help shows them. Each is a module here with a click command named `command`.
COMMANDS = (
    "photo",
    "dir",
    "video",
    "shots",
    "run",
    "correct",
    "decisions",
    "report",
    "review",
    "serve",
    "grey",
    "verify",
    "merge",
    "prune",
    "identify",
    "detect",
    "manifest",
    "credentials",
    "evaluate",
    "train",
    "models",
    "export",
    "doctor",
    "help",
)
