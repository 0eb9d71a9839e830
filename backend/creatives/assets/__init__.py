"""Uploads: inspected, stored under their hash, served."""
