"""How many requests of which kind somebody may make."""
