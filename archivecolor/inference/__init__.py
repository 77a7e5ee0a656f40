"""Asking a trained network for colour: the predictor, and the runtimes that it stands on."""
