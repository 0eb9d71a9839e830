"""What a line item would win, told from the opportunities that were recorded."""
