"""Making the networks: data, augmentation, recipes, the loop and its samples."""
