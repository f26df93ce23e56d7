"""All templates: their texts by language, what may stand in them, and their names at providers."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from notification_service.models.errors import TemplateNotFound
from notification_service.models.messages import Category
from notification_service.models.receivers import Channel
from notification_service.providers.port import ProviderTemplate
from notification_service.templates.params import Variable

LOCALES = ("en", "zh-CN")


class BadTemplate(ValueError):
    """A template's file is wrong; the message names it."""


@dataclass(frozen=True)
class Texts:
    """A template in one language, as Jinja2 reads it. html: made of `text` where it is empty."""

    sms: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""


@dataclass(frozen=True, kw_only=True)
class Template:
    """One message that can be sent; `variables` in the order in which it names them."""

    key: str
    version: int
    category: Category
    description: str
    variables: tuple[Variable, ...]
    texts: Mapping[str, Texts]
    providers: Mapping[str, Mapping[str, ProviderTemplate]] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels that it has a text for, in every language."""
        sms = all(one.sms for one in self.texts.values())
        mail = all(one.subject and one.text for one in self.texts.values())
        return (*((Channel.SMS,) if sms else ()), *((Channel.EMAIL,) if mail else ()))

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages that it is written in."""
        return tuple(sorted(self.texts))

    def locale_for(self, wanted: str | None, default: str) -> str:
        """Return the language to write in: the wanted one, its nearest relative, or the default."""
        if wanted in self.texts:
            return str(wanted)
        language = (wanted or "").partition("-")[0].lower()
        related = [one for one in self.locales if one.partition("-")[0].lower() == language]
        return related[0] if related else default if default in self.texts else self.locales[0]

    def at_provider(self, provider: str, locale: str) -> ProviderTemplate:
        """Return the template as a provider knows it; without an id where it does not."""
        known = self.providers.get(provider, {}).get(locale)
        return known or ProviderTemplate(variables=tuple(one.name for one in self.variables))


class Registry:
    """The templates of the package, with those of a folder above them."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = dict(sorted(templates.items()))

    @classmethod
    def load(cls, folder: str = "") -> "Registry":
        """Read all templates; a file in `folder` is laid over ours of the same name.

        Raises BadTemplate, OSError.
        """
        if folder and not Path(folder).is_dir():
            raise NotADirectoryError(f"{folder} is no folder")
        documents = {
            path.name.removesuffix(".toml"): tomllib.loads(path.read_text(encoding="utf-8"))
            for path in resources.files(__package__).joinpath("catalogue").iterdir()
            if path.name.endswith(".toml")
        }
        for path in sorted(Path(folder).glob("*.toml")) if folder else []:
            ours = documents.get(path.stem, {})
            documents[path.stem] = _laid_over(ours, tomllib.loads(path.read_text("utf-8")))
        return cls({key: read_template(key, document) for key, document in documents.items()})

    def get(self, key: str) -> Template:
        """Return a template; raises TemplateNotFound."""
        try:
            return self._templates[key]
        except KeyError:
            raise TemplateNotFound from None

    def all(self) -> list[Template]:
        """Return all templates by key."""
        return list(self._templates.values())


def read_template(key: str, document: Mapping[str, Any]) -> Template:
    """Read one template from its TOML document; raises BadTemplate."""
    try:
        template = Template(
            key=key,
            version=int(document["version"]),
            category=Category(document["category"]),
            description=str(document["description"]),
            variables=tuple(
                Variable(name=name, **rules) for name, rules in document["variables"].items()
            ),
            texts={one: Texts(**document[one]) for one in LOCALES if one in document},
            providers={
                provider: {
                    locale: ProviderTemplate(
                        **{**known, "variables": tuple(known.get("variables", ()))}
                    )
                    for locale, known in by_locale.items()
                }
                for provider, by_locale in document.get("providers", {}).items()
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadTemplate(f"template {key}: {type(error).__name__}: {error}") from error
    if not template.texts or not template.channels:
        raise BadTemplate(f"template {key}: no language has a whole SMS or mail")
    return template


def _laid_over(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(ours)
    for name, value in theirs.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[name] = _laid_over(below, value)
        else:
            merged[name] = value
    return merged
