"""What accounts are told."""
