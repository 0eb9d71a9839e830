"""What the terminal shows: a line for each stage with its time while the demo works, tables at its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from backend.core.money import usdc
from backend.demo.books import Outcome, laws


class Screen:
    """Progress goes to stderr, so that stdout stays free for the report."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def stage(self, title: str) -> Iterator[list[str]]:
        """Show `title` while the block runs; what it appends to the list is told when it is done."""
        told: list[str] = []
        started = time.monotonic()
        with self._console.status(f"[bold]{title}[/] …"):
            try:
                yield told
            except BaseException:
                self._line("[red]✗[/]", title, time.monotonic() - started, "")
                raise
        self._line("[green]✓[/]", title, time.monotonic() - started, ", ".join(told))

    def say(self, text: str) -> None:
        """A line between the stages."""
        self._console.print(text)

    def problem(self, text: str) -> None:
        """A line that must not be overlooked; `text` may contain anything."""
        self._console.print(text, style="red", markup=False)

    def crash(self) -> None:
        """The exception that is being handled, with its traceback: something nobody foresaw."""
        self._console.print_exception()

    def report(self, outcome: Outcome) -> None:
        """Everything as tables."""
        self._console.print()
        self._console.print(_money_table(outcome))
        self._console.print(_traffic_table(outcome))
        self._console.print(_laws_table(outcome))

    def _line(self, mark: str, title: str, seconds: float, told: str) -> None:
        self._console.print(f"{mark} {title:<46} [cyan]{seconds:5.1f} s[/]  [dim]{told}[/]", soft_wrap=True)


def _money_table(outcome: Outcome) -> Table:
    totals = outcome.totals
    table = Table(title="Where every USDC is, read from the chain", title_justify="left", min_width=64)
    table.add_column("what")
    table.add_column("USDC", justify="right")
    table.add_row("[bold]deposited[/]", f"[bold]{usdc(totals.deposited)}[/]")
    parts = {
        "withdrawn by advertisers": totals.withdrawn, "remaining in campaigns": totals.remaining,
        "fee of the platform": totals.fee, "paid to publishers": totals.paid,
        "unclaimed, waiting for publishers": totals.unclaimed,
    }
    for name, amount in parts.items():
        table.add_row(f"  {name}", usdc(amount))
    table.add_section()
    table.add_row("sum of the five", usdc(sum(parts.values())))
    table.add_row("charged in the ledger", usdc(outcome.charged))
    return table


def _traffic_table(outcome: Outcome) -> Table:
    table = Table(title="What viewers did", title_justify="left", min_width=64)
    table.add_column("what")
    table.add_column("number", justify="right")
    table.add_row("decisions", f"{outcome.diary.decisions:,}")
    table.add_row("viewable impressions", f"{outcome.viewable_impressions:,}")
    table.add_row("clicks", f"{outcome.clicks:,}")
    table.add_section()
    for reason, number in sorted(outcome.dropped.items(), key=lambda item: -item[1]):
        table.add_row(f"not charged: {reason.replace('_', ' ')}", f"{number:,}")
    return table


def _laws_table(outcome: Outcome) -> Table:
    table = Table(title="Laws", title_justify="left", min_width=64)
    table.add_column("holds")
    table.add_column("law")
    for law, holds in laws(outcome).items():
        table.add_row("[green]✓[/]" if holds else "[red]✗[/]", law)
    totals = outcome.totals
    table.add_section()
    table.add_row("", f"{totals.epochs_finalised} epochs final, {totals.epochs_vetoed} vetoed, "
                      f"reorganisations survived: {outcome.reorgs_survived}")
    table.add_row("", f"{outcome.seconds:.0f} s, {outcome.memory_bytes / 1e6:,.0f} MB in all processes together")
    return table
