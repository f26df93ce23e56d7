"""Templates: whole in both languages, checked before use, and open to a deployment's own."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, meta

from notification_service.models.errors import ParamsInvalid, TemplateNotFound
from notification_service.models.messages import Category
from notification_service.models.receivers import Channel
from notification_service.models.segments import count_segments
from notification_service.templates.params import Variable, check_params
from notification_service.templates.registry import (
    LOCALES,
    BadTemplate,
    Registry,
    Template,
    read_template,
)
from notification_service.templates.rendering import Surroundings, render_mail, render_sms

AROUND = Surroundings("Teahouse", "https://tea.example")
PACKAGED = Registry.load()


def examples(template: Template) -> dict[str, str]:
    return {one.name: one.example for one in template.variables}


@pytest.mark.parametrize("template", PACKAGED.all(), ids=lambda one: one.key)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_template_can_be_written_in_both_languages(template: Template, locale: str) -> None:
    params = check_params(template.variables, examples(template))
    assert template.channels

    mail = render_mail(template, locale, params, AROUND)

    assert mail.subject and "\n" not in mail.subject
    assert "{{" not in mail.text + mail.html
    if Channel.SMS in template.channels:
        sms = render_sms(template, locale, params, AROUND)
        assert sms.startswith("【Teahouse】" if locale == "zh-CN" else "Teahouse: ")
        assert count_segments(sms, "CN" if locale == "zh-CN" else "GB") <= 2


@pytest.mark.parametrize("template", PACKAGED.all(), ids=lambda one: one.key)
def test_every_template_names_only_what_it_declares(template: Template) -> None:
    declared = {one.name for one in template.variables} | {"shop", "url"}
    for texts in template.texts.values():
        for source in (texts.sms, texts.subject, texts.text, texts.html):
            assert meta.find_undeclared_variables(Environment().parse(source)) <= declared


@pytest.mark.parametrize("template", PACKAGED.all(), ids=lambda one: one.key)
def test_codes_are_secret_and_nothing_else_is(template: Template) -> None:
    secrets = {one.name for one in template.variables if one.secret}

    assert secrets == ({"code"} if template.category is Category.CODE else set())


def test_html_of_a_mail_escapes_what_people_wrote() -> None:
    params = {"subject": "<b>Hi</b>", "text": "<script>alert(1)</script>\nand & more"}

    mail = render_mail(PACKAGED.get("notice"), "en", params, AROUND)

    assert "<script>" not in mail.html and "<b>" not in mail.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>and &amp; more" in mail.html
    assert "<script>alert(1)</script>\nand & more" in mail.text


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"code": "493817"}, "params.minutes"),
        ({"code": "49381a", "minutes": "5"}, "params.code"),
        ({"code": "493817\n", "minutes": "5"}, "params.code"),
        ({"code": "", "minutes": "5"}, "params.code"),
        ({"code": 493817, "minutes": "5"}, "params.code"),
        ({"code": "493817", "minutes": "5", "url": "x"}, "params.url"),
    ],
)
def test_values_that_break_a_rule_are_named_and_not_repeated(
    params: dict[str, Any], field: str
) -> None:
    with pytest.raises(ParamsInvalid) as caught:
        check_params(PACKAGED.get("login_code").variables, params)

    (problem,) = caught.value.errors
    assert problem["field"] == field
    assert "4938" not in problem["message"]


def test_optional_values_may_be_left_out() -> None:
    variables = [Variable("carrier", optional=True), Variable("order")]

    assert check_params(variables, {"order": "7"}) == {"carrier": "", "order": "7"}


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [("zh-CN", "zh-CN"), ("zh-TW", "zh-CN"), ("en-GB", "en"), ("fr", "en"), (None, "en")],
)
def test_language_is_the_nearest_that_there_is(wanted: str | None, locale: str) -> None:
    assert PACKAGED.get("welcome").locale_for(wanted, "en") == locale


def test_unknown_template_is_not_found() -> None:
    with pytest.raises(TemplateNotFound):
        PACKAGED.get("nothing")


def test_folder_maps_ours_to_providers_and_adds_its_own(tmp_path: Path) -> None:
    (tmp_path / "login_code.toml").write_text(
        '[en]\nsms = "Tea: {{ code }}"\n'
        '[providers.aliyun.zh-CN]\ntemplate_id = "SMS_1"\nsign_name = "茶"\nvariables = ["code"]\n'
    )
    (tmp_path / "closing.toml").write_text(
        'version = 1\ncategory = "notice"\ndescription = "We close."\n'
        '[variables]\n[en]\nsubject = "Closing"\ntext = "Soon."\n'
    )

    registry = Registry.load(str(tmp_path))

    login = registry.get("login_code")
    assert render_sms(login, "en", examples(login), AROUND) == "Tea: 493817"
    assert render_sms(login, "zh-CN", examples(login), AROUND).startswith("【Teahouse】")
    known = login.at_provider("aliyun", "zh-CN")
    assert (known.template_id, known.sign_name, known.variables) == ("SMS_1", "茶", ("code",))
    assert login.at_provider("aliyun", "en").template_id == ""
    assert login.at_provider("huawei", "zh-CN").variables == ("code", "minutes")
    assert registry.get("closing").channels == (Channel.EMAIL,)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": 1, "category": "spam", "description": "", "variables": {}, "en": {"sms": "x"}},
        {"version": 1, "category": "notice", "description": "", "variables": {}},
        {"version": 1, "category": "notice", "description": "", "variables": {}, "en": {"x": "x"}},
        {"version": 1, "category": "notice", "description": "", "variables": {"a": {"b": 1}},
         "en": {"sms": "x"}},
    ],
)  # fmt: skip
def test_wrong_template_is_named(document: dict[str, Any]) -> None:
    with pytest.raises(BadTemplate, match="template broken: "):
        read_template("broken", document)
