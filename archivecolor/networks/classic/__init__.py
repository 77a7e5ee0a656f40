"""The networks of the write-ups that this project follows, a file each."""
