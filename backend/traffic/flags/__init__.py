"""Flags as people see them: evidence, objections, decisions."""
