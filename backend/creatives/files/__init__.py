"""Where the bytes of assets are kept."""
