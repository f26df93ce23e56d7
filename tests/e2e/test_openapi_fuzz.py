"""The platform keeps to its document, whatever schemathesis makes of it.

`OPENAPI_CASES=2500 ./platform test tests/e2e/test_openapi_fuzz.py -s` sends more requests than the
normal run, and tells what came back. They are the same each time.
"""

import copy
import math
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from platform_cli.audit import settle
from platform_cli.replay.plan import Goods
from platform_cli.replay.shop import PASSWORD, Shop
from platform_cli.shop_client import ShopClient

CASES = int(os.environ.get("OPENAPI_CASES", "250"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
    # Without `positive_data_acceptance`: JSON Schema cannot say all that is asked of a request, as
    # the checksum of a cursor, or that two members exclude each other.
]
# How often something random is replaced by what exists: without that, all would be a 404 or a 412.
KNOWN = 0.7
# How often the body is the documented example, about what exists: such a request does something.
EXAMPLES = 0.4
# Ends the session whose token it is sent with: each request brings one of its own.
ENDS_SESSION = "users.logout"
# Limited by address, which all tests share; the limits make room for staff.
LIMITED = {"users.register", "users.login", "users.refresh"}
ADDRESS = {
    "recipient": "Ada", "line1": "12 St James's Square", "city": "London",
    "postal_code": "SW1Y 4JH", "country": "GB",
}  # fmt: skip


@dataclass
class World:
    """Who calls, and what exists by the name that operations give to its id."""

    client: ShopClient
    logins: dict[str, tuple[str, str]]
    tokens: dict[str, str]
    ids: dict[str, list[str]]
    dice: random.Random = field(default_factory=lambda: random.Random(20101201))

    def token(self, role: str, operation: str) -> str:
        """Return the token to send an operation with."""
        if operation == ENDS_SESSION:
            return self.client.login(*self.logins[role], staff=self.tokens["admin"])
        return self.tokens["admin" if operation in LIMITED else role]

    def lead(self, case: Case) -> None:
        """Make a random request one about something that exists, most of the time."""
        for name in case.path_parameters or {}:
            case.path_parameters[name] = self._known(name, case.path_parameters[name])
        for name, known in (("If-Match", '"1"'), ("Idempotency-Key", self._key())):
            if name in (case.headers or {}) and self.dice.random() < KNOWN:
                case.headers[name] = known
        example = _example(case)
        if example is not None and self.dice.random() < EXAMPLES:
            case.body = copy.deepcopy(example)
        self._lead_body(case.body)

    def _lead_body(self, body: Any) -> None:
        if isinstance(body, list):
            for item in body:
                self._lead_body(item)
        elif isinstance(body, dict):
            for name, value in body.items():
                body[name] = self._known(name, value)
                self._lead_body(value)

    def _known(self, name: str, value: Any) -> Any:
        found = self.ids.get(name)
        wanted = found and isinstance(value, str) and self.dice.random() < KNOWN
        return self.dice.choice(found) if found and wanted else value

    def _key(self) -> str:
        return str(UUID(int=self.dice.getrandbits(128)))


def _example(case: Case) -> Any:
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    return content.get(case.media_type, {}).get("example")


def _varies(operation: APIOperation) -> bool:
    parts = (operation.path_parameters, operation.query, operation.headers, operation.body)
    return any(len(part) for part in parts)


@pytest.fixture(scope="module")
def world(platform: Any) -> World:
    """A shop with goods, a paid and two unpaid orders, and accounts that may be changed."""
    shop, call = Shop(platform.client, "fuzz", platform.admin), platform.client.call
    products = shop.offer([Goods(f"FUZZ-{n}", f"Thing {n}", 250 * n, 1000) for n in (1, 2, 3)])
    token, staff = shop.sign_in("fuzz"), shop.admin
    orders = [
        call("POST", "/api/orders", token=token, key=f"fuzz-{product_id}", wait=10,
             json={"items": [{"product_id": product_id, "quantity": 2}]})
        for product_id in products.values()
    ]  # fmt: skip
    payment = shop.pay(orders[0], token)
    addresses, categories = "/api/users/me/addresses", "/api/products/categories"
    address = call("POST", addresses, token=token, json=ADDRESS, key="fuzz-address")
    fuzz = {"name": "Fuzz", "slug": "fuzz"}
    category = call("POST", categories, token=staff, json=fuzz, key="fuzz-category")
    for name in ("fuzz-other-1", "fuzz-other-2"):
        shop.sign_in(name)
    others = platform.client.pages("/api/users", staff, search="fuzz-other")
    return World(
        client=platform.client,
        logins={"customer": ("fuzz@replay.example", PASSWORD), "admin": platform.admin},
        tokens={"customer": token, "admin": staff},
        ids={
            "product_id": list(products.values()),
            "order_id": [order["id"] for order in orders],
            "payment_id": [payment["id"]],
            "address_id": [address["id"]],
            "category_id": [category["id"]],
            "user_id": [user["id"] for user in others],
            "source": ["tok_success", "tok_declined", "tok_slow"],
        },
    )


@dataclass
class Trial:
    """All requests of one run and what was wrong with their answers."""

    world: World
    base_url: str
    session: requests.Session = field(default_factory=requests.Session)
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    findings: dict[tuple[str, ...], str] = field(default_factory=dict)

    def ask(self, operation: APIOperation, role: str, mode: GenerationMode, examples: int) -> None:
        """Send `examples` requests of one kind."""

        def send(case: Case) -> None:
            if mode is GenerationMode.POSITIVE:
                self.world.lead(case)
            self._send(case, role)

        strategy = operation.as_strategy(generation_mode=mode)
        try:
            settings(
                max_examples=examples, derandomize=True, database=None, deadline=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )(given(case=strategy)(send))()  # fmt: skip
        except Unsatisfiable:
            # Nothing can be wrong with a request that has neither parameters nor a body.
            assert mode is GenerationMode.NEGATIVE

    def _send(self, case: Case, role: str) -> None:
        name = str(case.operation.definition.raw["operationId"])
        headers = {"Authorization": f"Bearer {self.world.token(role, name)}"}
        answer = case.call(self.base_url, self.session, headers=headers)
        self.statuses[answer.status_code] += 1
        if answer.status_code < 300:
            self.accepted.add(name)
        try:
            case.validate_response(answer, checks=CHECKS, headers=headers)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                if "got `429 " in str(failure):
                    continue  # Asked again without a token: the limit refused it, as well.
                kind = (name, role, type(failure).__name__, str(answer.status_code))
                self.findings.setdefault(kind, f"{failure}\n{case.as_curl_command()}")

    def report(self) -> str:
        """Tell each kind of finding once, with a request that shows it."""
        return "\n\n".join(f"{' '.join(kind)}: {text}" for kind, text in self.findings.items())


@pytest.mark.slow
@pytest.mark.timeout(120 + CASES)
def test_no_request_has_an_answer_that_the_document_does_not_know(
    platform: Any, world: World
) -> None:
    base_url = platform.client.base_url
    document = requests.get(f"{base_url}/openapi.json", timeout=10).json()
    assert document["x-unavailable"] == []
    schema = schemathesis.openapi.from_dict(document)
    # We sign in ourselves; what is random there would only be refused at the door.
    schema.config.generation.update(with_security_parameters=False)
    # Values that are too long may be refused with the whole line or head that they stand in.
    schema.config.checks.negative_data_rejection.expected_statuses += ["412", "413", "414", "431"]
    operations = [found.ok() for found in schema.get_all_operations()]
    kinds = [(role, mode) for role in world.tokens for mode in GenerationMode]
    # Twice, those that can do something.
    kinds.append(("admin", GenerationMode.POSITIVE))
    examples = math.ceil(CASES / sum(map(_varies, operations)) / len(kinds))
    trial = Trial(world, base_url)
    trial.session.trust_env = False

    for operation in operations:
        for (role, mode), times in Counter(kinds).items():
            trial.ask(operation, role, mode, examples * times)

    print(trial.statuses.total(), "requests:", dict(sorted(trial.statuses.items())))
    print(len(trial.accepted), "of", len(operations), "operations did something")
    report = trial.report()
    assert not report, report
    assert trial.statuses.total() >= CASES
    assert len(trial.accepted) > len(operations) / 2
    assert [check for check in settle(world.client, world.tokens["admin"]) if not check.ok] == []
