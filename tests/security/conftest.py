"""Many runs under attack are processes of their own."""

from built_in_weights import command_words, undisturbed  # noqa: F401
