"""How the networks of `networks.classic` are trained, an objective each."""
