"""Nothing is kept longer than it says here."""
