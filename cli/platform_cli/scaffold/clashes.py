"""Whether the generated code has a resource's names for something else already."""

import ast
from dataclasses import replace

from platform_cli.scaffold.render import render
from platform_cli.scaffold.request import Request

# A word that is in no template and in no library.
_NOBODYS = "zyxword"


def is_taken(request: Request) -> bool:
    """Tell whether a file, or a name in one of them, would stand for two things.

    Found by making the same for a word that nobody uses: a list of names would fall behind the
    templates unseen.
    """
    stranger = replace(request, resource=_NOBODYS)
    files = render(stranger)
    modules = [_names(text) for path, text in files.items() if path.endswith(".py")]
    return any(_becoming(names, stranger, request) & names for names in (set(files), *modules))


def _becoming(names: set[str], stranger: Request, request: Request) -> set[str]:
    """Return what the names after the stranger are for this resource."""
    # The plural first: it has the singular in it.
    spelt = (
        (stranger.resources, request.resources),
        (stranger.resource, request.resource),
        (stranger.class_name, request.class_name),
        (stranger.resource.upper(), request.resource.upper()),
    )
    found = set()
    for name in names:
        becoming = name
        for old, new in spelt:
            becoming = becoming.replace(old, new)
        if becoming != name:
            found.add(becoming)
    return found


def _names(code: str) -> set[str]:
    """Return the names that a module binds or uses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=None):
                found.add(name)
            case ast.alias(asname=str(name)):
                found.add(name)
    return found
