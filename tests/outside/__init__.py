"""Stories from outside. A package, so that the system they share ends with them and not with all tests."""
