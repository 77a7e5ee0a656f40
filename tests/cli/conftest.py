"""What a process of its own does with signals, pipes and terminals is the same with any weights."""

from built_in_weights import command_words, undisturbed  # noqa: F401
