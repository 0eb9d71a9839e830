"""We answer exchanges that sell to us, and are told what became of our bids."""
