"""TIFF: its directories, pages, samples and strips, read and written."""
