"""Texts with their selected words highlighted, as an HTML page."""

from collections.abc import Sequence
from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rationales</title>
<style>
.rationales {{ font: 16px/1.6 Georgia, serif; color: #1c1c1c; background: #fff;
  max-width: 46rem; margin: 1.5rem auto; padding: 0 1rem; }}
.rationales article {{ margin: 0 0 1.6rem; padding: 0 0 1.2rem; border-bottom: 1px solid #ddd; }}
.rationales header {{ font: 600 13px/1.6 system-ui, sans-serif; color: #555; }}
.rationales p {{ margin: .3rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
.rationales .unread {{ color: #999; }}
.rationales mark {{ background: #ffd54d; color: inherit; padding: .05em .15em;
  border-radius: .2em; }}
</style>
</head>
<body>
<main class="rationales">
{articles}
</main>
</body>
</html>
"""


class HighlightedTexts(str):
    """An HTML page that a notebook renders."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def highlighted_page(headers: Sequence[str], bodies: Sequence[str]) -> HighlightedTexts:
    """A page of texts in HTML, see :func:`highlighted`, with an unescaped line above each."""
    articles = [
        f"<article>\n<header>{escape(header)}</header>\n<p>{body}</p>\n</article>"
        for header, body in zip(headers, bodies, strict=True)
    ]
    return HighlightedTexts(PAGE.format(articles="\n".join(articles)))


def highlighted(
    text: str, spans: Sequence[tuple[int, int]], selected: Sequence[int], kept: tuple[int, int]
) -> str:
    """A text in escaped HTML in which some words are marked.

    ``spans`` is where each word starts and stops, ``selected`` the positions of the words to mark,
    in order. The model has read the words from ``kept[0]`` to before ``kept[1]``; the others are
    grey.

    Examples
    --------
    >>> from skid.text._html import highlighted
    >>> highlighted("a <good> film", [(0, 1), (3, 7), (9, 13)], [1], (0, 3))
    'a &lt;<mark title="word 1">good</mark>&gt; film'
    """
    first, last = kept
    start = spans[first][0] if 0 < first < len(spans) else 0
    stop = spans[last - 1][1] if last < len(spans) else len(text)
    if last <= first:
        start = stop = 0 if first == 0 else start
    parts, place = [_unread(text[:start])], start
    for position in selected:
        begin, end = spans[position]
        parts.append(escape(text[place:begin]))
        parts.append(f'<mark title="word {position}">{escape(text[begin:end])}</mark>')
        place = end
    parts += [escape(text[place:stop]), _unread(text[stop:])]
    return "".join(parts)


def joined(words: Sequence) -> tuple[str, list[tuple[int, int]]]:
    """Words joined by spaces, and the start and end of each."""
    spans, place = [], 0
    words = [str(word) for word in words]
    for word in words:
        spans.append((place, place + len(word)))
        place += len(word) + 1
    return " ".join(words), spans


def _unread(text: str) -> str:
    return f'<span class="unread">{escape(text)}</span>' if text else ""
