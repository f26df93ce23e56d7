"""Texts with their values in place."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import jinja2
from markupsafe import Markup

from notification_service.templates.registry import Template, Texts

_TEXT = jinja2.Environment(
    undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
)
_HTML = jinja2.Environment(
    undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Surroundings:
    """What every template may name besides its variables: `shop`, `url`; the rest is the layout's.

    unsubscribe: link to be spared such messages; empty where that is not offered.
    """

    shop: str
    url: str
    unsubscribe: str = ""


@dataclass(frozen=True)
class RenderedMail:
    """A mail's subject, text and HTML."""

    subject: str
    text: str
    html: str


def render_sms(
    template: Template, locale: str, params: Mapping[str, str], around: Surroundings
) -> str:
    """Return the text of an SMS, its signature included."""
    return _compiled(_TEXT, template.texts[locale].sms).render(**_names(params, around)).strip()


def render_mail(
    template: Template, locale: str, params: Mapping[str, str], around: Surroundings
) -> RenderedMail:
    """Return a mail's parts; the HTML stands in the common layout."""
    texts = template.texts[locale]
    names = _names(params, around)
    subject = " ".join(_compiled(_TEXT, texts.subject).render(**names).split())
    text = _compiled(_TEXT, texts.text).render(**names).strip()
    inner = _inner_html(texts, text, names)
    html = _compiled(_HTML, _layout()).render(
        shop=around.shop,
        url=around.url,
        locale=locale,
        title=subject,
        inner=inner,
        unsubscribe=around.unsubscribe,
    )
    foot = f"\n\n--\n{around.shop} {around.url}\n"
    if around.unsubscribe:
        word = "退订" if locale == "zh-CN" else "Unsubscribe"
        foot += f"{word}: {around.unsubscribe}\n"
    return RenderedMail(subject, text + foot, html)


def _names(params: Mapping[str, str], around: Surroundings) -> dict[str, str]:
    return {**params, "shop": around.shop, "url": around.url}


def _inner_html(texts: Texts, text: str, names: Mapping[str, str]) -> Markup:
    if texts.html:
        return Markup(_compiled(_HTML, texts.html).render(**names))
    paragraphs = [part.strip().split("\n") for part in text.split("\n\n") if part.strip()]
    joined = "".join("<p>{}</p>" for _ in paragraphs)
    lines = (Markup("<br>").join(one) for one in paragraphs)
    return Markup(joined).format(*lines)


@lru_cache(maxsize=512)
def _compiled(environment: jinja2.Environment, source: str) -> jinja2.Template:
    return environment.from_string(source)


@lru_cache(maxsize=1)
def _layout() -> str:
    path = resources.files(__package__).joinpath("catalogue").joinpath("layout.html")
    return path.read_text(encoding="utf-8")
