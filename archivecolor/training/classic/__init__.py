"""How the networks of `networks.classic` are trained, a recipe each."""
