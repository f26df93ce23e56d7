"""English, as far as names of tables and routes need it."""

_HISSING = ("s", "x", "z", "ch", "sh")


def plural(word: str) -> str:
    """Return `reviews` for `review`, `categories` for `category`, `boxes` for `box`."""
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(_HISSING) else f"{word}s"


def singular(word: str) -> str | None:
    """Return the word whose plural this is, or None if it does not look like a plural."""
    candidates = (word[:-3] + "y", word[:-2], word[:-1])
    return next((one for one in candidates if one and plural(one) == word), None)


def with_article(word: str) -> str:
    """Return `a review`, `an order`."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
