"""Containers of still pictures, one file each, found by content through `registry`."""
