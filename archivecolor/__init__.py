"""Puts colour into grey photographs and black-and-white films, and never touches their grey."""
