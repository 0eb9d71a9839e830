"""What `sightline serve` and `sightline worker` are made of, one file an area of the product.

An area has `include(app, parts)`, which adds its routes, and where it has jobs `loops(parts)`. AREAS lists them.
"""
