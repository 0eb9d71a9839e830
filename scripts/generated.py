"""Rewrites what is made from code: tables of docs and legal pages. `--check` only fails when one is old.

Each page is a function of the code; PAGES lists them by path.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from backend.api.codes import codes_table
from backend.api.guards import guarded_routes, permissions_page
from backend.core.notice_kinds import kinds_table
from backend.operation.rates.table import limits_table
from backend.placements.explanations.reasons import NO_AD_HEADING, tables
from backend.privacy.record import Rows, filled, markdown, page_table
from scripts.described import described_app

ROOT = Path(__file__).resolve().parents[1]


def errors_page() -> str:
    """docs/errors.md with its table anew; the words above it are written by hand."""
    page = (ROOT / "docs/errors.md").read_text()
    return page[: page.index("| Status | Code |")] + codes_table()


def notices_page() -> str:
    """docs/notices.md with its table anew."""
    page = (ROOT / "docs/notices.md").read_text()
    return page[: page.index("| Kind | What it tells |")] + kinds_table()


def privacy_page(name: str, render: Callable[[Rows], str]) -> Callable[[], str]:
    """A page about privacy with the tables of backend/privacy/record.py anew."""
    return lambda: filled((ROOT / name).read_text(), render)


def operating_page() -> str:
    """docs/operating.md, which ends with the table of limits."""
    page = (ROOT / "docs/operating.md").read_text()
    return page[: page.index("| Class |")] + limits_table()


def reasons_page() -> str:
    """docs/reasons.md with its tables anew."""
    page = (ROOT / "docs/reasons.md").read_text()
    return page[: page.index(NO_AD_HEADING)] + tables()


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/errors.md": errors_page, "docs/notices.md": notices_page, "docs/operating.md": operating_page,
    "docs/reasons.md": reasons_page,
    "docs/permissions.md": lambda: permissions_page(guarded_routes(described_app())),
    "docs/privacy.md": privacy_page("docs/privacy.md", markdown),
    "web/legal/privacy.html": privacy_page("web/legal/privacy.html", page_table),
    "web/legal/processing.html": privacy_page("web/legal/processing.html", page_table),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which pages are old, and fail if any is")
    check = parser.parse_args().check
    old = []
    for name, make in PAGES.items():
        path, content = ROOT / name, make()
        if not path.exists() or path.read_text() != content:
            old.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
    print("\n".join(f"{'old' if check else 'written'}: {name}" for name in old) or "everything is up to date")
    if check and old:
        sys.exit(1)


if __name__ == "__main__":
    main()
