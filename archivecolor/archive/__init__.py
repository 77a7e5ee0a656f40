"""What an archive trusts: stable walks, plans, manifests, locks, fixity, files written atomically."""
