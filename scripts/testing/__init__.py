"""Parts of `python -m scripts.coverage` and `python -m scripts.fuzz`."""
