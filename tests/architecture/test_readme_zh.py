"""README.zh-CN.md says what README.md says: the same shape, commands, figures, names and links."""

import re
from pathlib import Path

import pytest

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
LANGUAGES = {"README.md", "README.zh-CN.md"}


@pytest.fixture(scope="module")
def texts(repository: Path) -> tuple[str, str]:
    """The English README and the Chinese one."""
    english = (repository / "README.md").read_text(encoding="utf-8")
    return english, (repository / "README.zh-CN.md").read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Return the text without what stands in fences."""
    return FENCED.sub("", text)


def tables(text: str) -> list[list[int]]:
    """Return each table as the numbers of cells in its rows."""
    blocks = re.findall(r"(?:^\|.*\n?)+", prose(text), re.MULTILINE)
    return [[row.count("|") - 1 for row in block.splitlines()] for block in blocks]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return what stands in fences, with its language."""
    return FENCED.findall(text)


def test_headings_have_the_same_levels_in_the_same_order(texts: tuple[str, str]) -> None:
    english, chinese = (HEADING.findall(prose(text)) for text in texts)

    assert chinese == english


def test_commands_answers_and_pictures_are_the_same(texts: tuple[str, str]) -> None:
    english, chinese = map(blocks, texts)

    assert chinese == english


def test_tables_have_the_same_shape(texts: tuple[str, str]) -> None:
    english, chinese = map(tables, texts)

    assert chinese == english


def test_the_same_names_and_links_are_in_the_same_sections(texts: tuple[str, str]) -> None:
    sections = [re.split(r"^#+ ", prose(text), flags=re.MULTILINE) for text in texts]
    english, chinese = (
        [(sorted(CODE.findall(one)), sorted(set(LINK.findall(one)) - LANGUAGES)) for one in section]
        for section in sections
    )

    assert chinese == english


def test_paragraphs_are_as_many_and_in_chinese(texts: tuple[str, str]) -> None:
    english, chinese = (prose(text).strip().split("\n\n") for text in texts)

    assert len(chinese) == len(english)
    untranslated = [
        one
        for one in chinese
        if one in english and re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", one)
    ]
    assert untranslated == []
