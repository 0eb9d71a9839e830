"""Erasure of an account: what stands against it, what is shredded, what the law keeps."""
