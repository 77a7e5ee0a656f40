"""Signed credentials (C2PA, Content Credentials): who signs, what is said, how it is read again."""
