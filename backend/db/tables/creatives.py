"""Assets and what moderators and publishers said of them."""
