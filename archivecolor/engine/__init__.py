"""Stages, workers, stopping, progress: the machinery of a long run. Knows nothing of pictures."""
