from colour_photographs import folder, photographs  # noqa: F401
