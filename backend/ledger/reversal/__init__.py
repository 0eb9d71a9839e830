"""Gives back what invalid traffic had cost, and charges again what was flagged wrongly. Each once."""
