"""JPEG: its segments, scans, coefficients and metadata."""
