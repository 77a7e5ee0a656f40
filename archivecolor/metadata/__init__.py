"""What a derivative says of itself: where it comes from, as facts and as XMP."""
