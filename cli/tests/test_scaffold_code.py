"""The code that `new-service` writes, for any name and field."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from platform_cli.folders import ROOT
from platform_cli.manifest import own_services
from platform_cli.scaffold.clashes import is_taken
from platform_cli.scaffold.render import render
from platform_cli.scaffold.request import Request, read_request
from platform_cli.scaffold.words import plural, singular

LONG = "abcdefghijklmnopqrstuvw"
EVERY_TYPE = "a=str,b=int,c=bool,d=date,e=datetime,f=uuid"


def request(name: str, resource: str | None) -> Request:
    return read_request(name, resource, None, root=ROOT, own=own_services())


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("reviews", None),
        ("reviews", "review:rating=int,text=str"),
        ("accessories", f"accessory:{EVERY_TYPE}"),
        ("answers", "price_list:valid_from=date"),
        (f"{LONG}s", f"{LONG}x:{LONG}x=datetime,{LONG}y=str"),
    ],
)
def test_the_code_is_as_the_house_wants_it(tmp_path: Path, name: str, resource: str | None) -> None:
    made = request(name, resource)
    files = render(made)

    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        if path.endswith(".py"):
            ast.parse(text)
        assert "{{" not in text and "{%" not in text, path
    for check in (("check",), ("format", "--check")):
        command = [sys.executable, "-m", "ruff", *check, "--no-cache", "--config"]
        ours = f'src = ["{tmp_path}", "{ROOT}/shared"]'
        config = [str(ROOT / "pyproject.toml"), "--config", ours, str(tmp_path)]
        done = subprocess.run([*command, *config], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_resource_with_another_name_has_a_path_and_a_code_of_its_own() -> None:
    files = render(request("reviews", "comment:text=str"))

    assert 'url_prefix="/api/reviews/comments"' in files["reviews_service/routes/comments.py"]
    assert 'code = "reviews.comment_not_found"' in files["reviews_service/models/errors.py"]
    assert "contracts/events/comment.created.v1.json" in files


@pytest.mark.parametrize(
    "resource",
    ["customer:name=str", "answer:text=str", "location:name=str", "task:done=bool", "date:a=str"],
)
def test_words_of_daily_business_are_free(resource: str) -> None:
    assert not is_taken(request("reviews", resource))


@pytest.mark.parametrize(
    "resource", ["date:a=date", "mapping:a=str", "select:a=str", "error:a=str", "new:a=str"]
)
def test_a_word_that_would_stand_for_two_things_is_taken(resource: str) -> None:
    assert is_taken(request("reviews", resource))


@pytest.mark.parametrize(
    ("one", "several"),
    [("review", "reviews"), ("category", "categories"), ("day", "days"), ("box", "boxes"),
     ("address", "addresses"), ("branch", "branches"), ("price", "prices"), ("key", "keys")],
)  # fmt: skip
def test_plurals(one: str, several: str) -> None:
    assert (plural(one), singular(several)) == (several, one)


def test_what_is_no_plural_has_no_singular() -> None:
    assert [singular(word) for word in ("review", "address", "", "s")] == [None] * 4
