"""The tests; a package so that `python -m tests.stripe_fake` finds them and not some library's."""
