"""Fuzzes one parser with atheris, which looks for inputs that take new branches.

    python -m scripts.testing.fuzz_parser NAME|any [libFuzzer options] [corpus folders]

Ends with 0 when the time is up, else prints the input that broke it.
"""

import sys

import atheris

with atheris.instrument_imports(include=["backend"]):
    from scripts.testing.parsers import PARSERS


def any_of_them(data: bytes) -> None:
    """The first byte chooses the parser: one short run for all of them."""
    parsers = list(PARSERS.values())
    parsers[(data[0] if data else 0) % len(parsers)](data[1:])


def main() -> None:
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], any_of_them if name == "any" else PARSERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
