"""A whole settlement on real servers: contracts on a real chain, tables in PostgreSQL, bundles on disk."""
