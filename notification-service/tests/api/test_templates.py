"""Templates as staff finds and tries them."""

from typing import Any

import pytest

Office = Any


def preview(office: Office, key: str = "notice", **body: Any) -> Any:
    return office.call("POST", f"/templates/{key}/preview", {"channel": "sms", **body})


def test_templates_are_listed_with_their_variables(office: Office) -> None:
    listed = office.get("/templates").get_json()["data"]
    notice = office.get("/templates/notice").get_json()["data"]

    assert len(listed) == 14 and notice in listed
    assert (notice["category"], notice["channels"]) == ("notice", ["sms", "email"])
    assert [one["name"] for one in notice["variables"]] == ["subject", "text"]
    assert notice["locales"] == ["en", "zh-CN"]
    assert office.get("/templates/nothing").get_json()["code"] == (
        "notifications.template_not_found"
    )


def test_preview_counts_segments_and_sends_nothing(office: Office) -> None:
    data = preview(office, params={"text": "x" * 100}, locale="zh-CN").get_json()["data"]

    assert data["text"] == f"【Platform】Your report is ready：{'x' * 100}"
    assert (data["segments"], data["segments_in_china"]) == (2, 2)
    assert data["subject"] is None and data["html"] is None
    assert office.listed() == []


def test_preview_of_a_mail_has_all_parts(office: Office) -> None:
    data = preview(office, channel="email", params={"subject": "<Hi>"}).get_json()["data"]

    assert data["subject"] == "<Hi>"
    assert data["text"].startswith("It took 12 minutes.")
    assert "<title>&lt;Hi&gt;</title>" in data["html"]
    assert data["segments"] is None


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("nothing", {}, 404),
        ("notice", {"params": {"more": "x"}}, 422),
        ("security_changed", {}, 422),
        ("notice", {"channel": "fax"}, 422),
    ],
)
def test_preview_of_what_cannot_be_sent_is_refused(
    office: Office, key: str, body: dict[str, Any], status: int
) -> None:
    assert preview(office, key, **body).status_code == status
