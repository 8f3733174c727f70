from copy import deepcopy
from html.parser import HTMLParser

import pytest

from skid.text._html import HighlightedTexts, highlighted


class Page(HTMLParser):
    """What a browser would make of a page: its text, its tags, its marked words."""

    def __init__(self, page):
        super().__init__()
        self.text, self.marked, self.unread, self.tags, self._open = "", [], "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self._open.append((tag, dict(attributes)))
        self.tags.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = [tag for tag, _ in self._open]
        if "p" in tags or not tags:
            self.text += data
        if "mark" in tags:
            self.marked.append((data, self._open[-1][1]["title"]))
        if any(attributes.get("class") == "unread" for _, attributes in self._open):
            self.unread += data


def test_page_shows_the_texts_and_marks_the_selected_words(fitted):
    texts = [
        "A <b>superb</b> & moving word1, she said",
        "",
        "Dull! <script>alert(1)</script> dull?",
    ]
    page = fitted.explain(texts, as_html=True)
    parsed = Page(page)
    assert "".join(parsed.text.split("\n")) == "".join(texts)
    assert not {"script", "b"} & {*parsed.tags}
    expected = [pair for words in fitted.explain(texts) for pair in words]
    marked = [(word.lower(), f"word {position}") for word, position in expected]
    assert [(word.lower(), title) for word, title in parsed.marked] == marked
    assert parsed.tags.count("article") == 3
    assert isinstance(page, HighlightedTexts)
    assert page._repr_html_() == page


@pytest.mark.parametrize(("keep", "unread"), [("start", " c d"), ("end", "a b ")])
def test_what_was_not_read_is_greyed(keep, unread, fitted):
    model = deepcopy(fitted).set_params(max_length=2, keep=keep)
    assert Page(model.explain(["a b c d"], as_html=True)).unread == unread


def test_long_text_of_which_nothing_is_read():
    assert Page(highlighted("a b", [(0, 1), (2, 3)], [], (0, 0))).unread == "a b"


def test_words_that_are_not_in_the_text_as_they_are_stand_in_its_place(fitted):
    model = deepcopy(fitted)
    model.tokenizer = lambda text: [word.strip("<>") + "!" for word in text.split()]
    assert Page(model.explain(["a <Superb> film"], as_html=True)).text.strip() == "a! superb! film!"
