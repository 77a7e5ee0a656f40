"""What people look at in a browser: the report, and the pages that are served."""
