"""How often a viewer was shown which line item today, where that may be counted."""
