"""Making the networks: crops, augmentation, objectives, the loop and what a run leaves."""
