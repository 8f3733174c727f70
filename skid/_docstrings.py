"""Docstrings of estimators that share some of their parameters."""

import re
from inspect import cleandoc
from textwrap import indent


def documented(paragraphs: dict[str, str], **words: str):
    """Decorator that fills texts into the docstring of a class, in place of ``%(name)s``.

    Parameters
    ----------
    paragraphs : dict of str to str
        They take the indentation of their place, a line of its own.
    **words : str
        What differs from class to class, also inside the paragraphs.
    """

    def paragraph(match: re.Match) -> str:
        margin, name = match.groups()
        return indent(cleandoc(paragraphs[name]), margin)

    def fill(cls):
        if cls.__doc__ is not None:  # Python drops docstrings with -OO.
            text = re.sub(r"^( *)%\((\w+)\)s$", paragraph, cls.__doc__, flags=re.MULTILINE)
            cls.__doc__ = re.sub(r"%\((\w+)\)s", lambda match: words[match[1]], text)
        return cls

    return fill
