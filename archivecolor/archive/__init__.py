"""What an archive trusts: stable walks, plans, manifests, locks, fixity, marking, durable files."""
