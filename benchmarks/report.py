"""The form of what every benchmark prints."""

from __future__ import annotations

from collections.abc import Iterable


def markdown(header: list[str], rows: Iterable[list[str]]) -> str:
    """Format a markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
