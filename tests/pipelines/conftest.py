"""Recipes start processes, and those in clusters several at once."""

from built_in_weights import command_words, undisturbed  # noqa: F401
