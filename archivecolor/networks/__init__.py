"""The networks: generators, discriminators, losses and checkpoints. Importing this package loads no torch."""
