"""One film: its frames, shots, colour and streams, from the source to the finished copy."""
