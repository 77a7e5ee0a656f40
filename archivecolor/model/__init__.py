"""The networks: generators, discriminators, losses, checkpoints and the predictor."""
