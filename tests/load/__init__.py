"""Tests under load. A package, so that the site they share ends with them and not with all tests."""
