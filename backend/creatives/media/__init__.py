"""Readers of what advertisers upload: each takes bytes and gives facts, or refuses with a code. No file is trusted."""
