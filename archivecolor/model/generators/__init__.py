"""The networks that answer with chroma, a file each."""

from archivecolor.model.generators.base import Answer, Generator
from archivecolor.model.generators.registry import build_generator, generator_class, network_names

__all__ = ["Answer", "Generator", "build_generator", "generator_class", "network_names"]
