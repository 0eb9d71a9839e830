"""Starts the fake Stripe: `python -m tests.stripe_fake --port 12111`."""

import argparse

import uvicorn

from tests.stripe_fake.app import make_app


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=12_111)
    port = arguments.parse_args().port
    app = make_app(f"http://127.0.0.1:{port}")
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
