"""How the panels ask Prometheus: rates, counts in a window, quantiles."""

from __future__ import annotations

from panels import Panel, Query

RATE = "[$__rate_interval]"


def per_second(metric: str, *by: str, where: str = "") -> str:
    """How often a second, by labels."""
    return f"sum by ({', '.join(by)}) (rate({metric}{where}{RATE}))"


def within(metric: str, window: str, *by: str, where: str = "") -> str:
    """How many in a window, by labels."""
    grouped = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouped} (increase({metric}{where}[{window}]))"


def quantile(share: float, metric: str, *by: str, where: str = "") -> str:
    """A quantile of a histogram, by labels."""
    return f"histogram_quantile({share}, {per_second(f'{metric}_bucket', 'le', *by, where=where)})"


def quantiles(metric: str) -> list[Query]:
    """The three that are asked for, over everything."""
    return [Query(quantile(s, metric), f"p{s * 100:g}") for s in (0.5, 0.95, 0.99)]


def stat(
    title: str, says: str, expr: str, *, bad_from: float | None = None, is_bad_below: bool = False
) -> Panel:
    """One number."""
    return Panel(
        title,
        says,
        [Query(expr)],
        kind="stat",
        width=4,
        bad_from=bad_from,
        is_bad_below=is_bad_below,
    )
