"""A Stripe of our own for tests: it checks requests against the SDK's own types, and can misbehave on request.

`python -m tests.stripe_fake --port 12111` starts it; settings.stripe_url or `base_addresses` point there. Its test API
is under /_test (app.py); a person can pay, decline or pass 3-D Secure at the url of a Checkout.
"""
