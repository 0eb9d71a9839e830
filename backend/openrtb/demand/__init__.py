"""We ask bidders on servers of their own for our placements."""
