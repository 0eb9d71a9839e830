"""What is sold and bought, as the tables describe it."""
