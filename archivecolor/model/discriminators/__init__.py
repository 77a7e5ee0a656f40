"""The networks that judge colour during training, a file each."""
