"""What the tests of the contracts share: signatures, a deployed pair, an epoch to settle."""
