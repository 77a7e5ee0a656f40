"""The default network: its generator and the encoder it is built on."""
