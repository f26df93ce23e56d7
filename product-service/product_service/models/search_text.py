"""What full-text search indexes and looks up, for scripts with and without spaces.

Postgres' parser takes a run of Chinese for one word, its pg_trgm sees nothing in words of one or
two characters, and dictionaries for Chinese need extensions that a plain server lacks. So the terms
are made here: a word as it is for scripts with spaces; each character and each pair of neighbours
for Chinese, Japanese and Korean. A longer Chinese word is then a phrase of overlapping pairs, found
exactly and from an ordinary GIN index.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

# Han with its extensions, kana, and Hangul: scripts in which a word is not marked by spaces, or
# (Korean) carries its particles without one.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\U00020000-\U000323af"
)
_TOKENS = re.compile(f"(?P<unspaced>[{_UNSPACED}]+)|(?P<word>[^\\W_{_UNSPACED}]+)")
# Limits of tsvector: a lexeme below 2 kB, positions up to 16,383.
_LONGEST_WORD = 255
_LAST_POSITION = 16_000
MOST_QUERY_TERMS = 32


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    # NFKC folds full-width letters and compatibility ideographs into what people type.
    folded = unicodedata.normalize("NFKC", text).casefold()
    for match in _TOKENS.finditer(folded):
        yield match.group(), match.lastgroup == "unspaced"


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def search_vector(sku: str, name: str, description: str, attributes: Mapping[str, Any]) -> str:
    """Return the text of a tsvector: SKU and name weigh most, then attributes, then description."""
    values = " ".join(str(value) for value in attributes.values() if isinstance(value, str))
    places: dict[str, list[str]] = {}
    position = 1
    for part, weight in ((f"{sku} {name}", "A"), (values, "B"), (description, "D")):
        for token, unspaced in _tokens(part):
            if position > _LAST_POSITION:
                break
            for offset, lexeme in _lexemes(token, unspaced):
                places.setdefault(lexeme, []).append(f"{position + offset}{weight}")
            position += len(token) if unspaced else 1
        # A gap, so that no phrase spans the end of one field and the start of the next.
        position += 1
    # The casefolded SKU as a whole too: "85123A-X" is asked for as it is printed.
    places.setdefault(sku.casefold()[:_LONGEST_WORD], ["1A"])
    return " ".join(f"{_quoted(lexeme)}:{','.join(at)}" for lexeme, at in places.items())


def _lexemes(token: str, unspaced: bool) -> Iterator[tuple[int, str]]:
    if not unspaced:
        yield 0, token[:_LONGEST_WORD]
        return
    for offset, character in enumerate(token):
        yield offset, character
        if offset + 1 < len(token):
            yield offset, token[offset : offset + 2]


def search_query(text: str) -> str | None:
    """Return the text of a tsquery that wants every term of `text`, or None if it has no term.

    The last word matches as a prefix, so that a search box finds things while someone types.
    """
    terms: list[str] = []
    tokens = list(_tokens(text))[:MOST_QUERY_TERMS]
    for index, (token, unspaced) in enumerate(tokens):
        if not unspaced:
            suffix = ":*" if index == len(tokens) - 1 else ""
            terms.append(_quoted(token[:_LONGEST_WORD]) + suffix)
        elif len(token) == 1:
            terms.append(_quoted(token))
        else:
            pairs = [token[at : at + 2] for at in range(min(len(token) - 1, MOST_QUERY_TERMS))]
            terms.append("(" + " <-> ".join(_quoted(pair) for pair in pairs) + ")")
    if not terms:
        return None
    return " & ".join(terms)
