"""Steps the controllers of pacing, and keeps where they are between steps."""
