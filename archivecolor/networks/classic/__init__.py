"""The networks of the write-ups that this project follows, a file each; docs/networks.md is their page.

They are reached by name alone, through `networks.registry`: nothing but their objectives imports them.
"""
