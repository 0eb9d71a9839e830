"""Keeps a process's market in step with what is described, paid for and spent: only what has changed is read."""
