"""What became of ad requests, counted: outcomes by minute, and by hour what a line item would have had to beat."""
