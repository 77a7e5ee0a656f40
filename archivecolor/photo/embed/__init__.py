"""Metadata blocks in picture files: read out and laid in byte for byte, the picture untouched.

A file per container, each with `read(path) -> Blocks` and `embed(part, blocks) -> lost`.
"""
