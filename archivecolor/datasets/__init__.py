"""Collections of colour photographs to train and evaluate on."""
