"""Whether a publisher controls the world that it sells."""
