"""`new-service` and `remove-service` on a copy of the files that they read and write."""

import subprocess
from pathlib import Path

import pytest

from platform_cli.errors import PlatformError
from platform_cli.folders import ROOT
from platform_cli.manifest import own_services, read_manifest
from platform_cli.scaffold.plan import plan_new, plan_removal

REVIEWS = "review:rating=int,text=str"
EXAMPLE = "examples/compute-service"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scaffolder reads and writes: manifests, and the files that name all services."""
    paths = ["pyproject.toml", "docker-compose.yml", "docs/routes.md"]
    paths += ["api-gateway/api_gateway/routes.toml"]
    paths += [file.name for file in ROOT.glob("README*.md")]
    for one in (*own_services(), read_manifest(ROOT / EXAMPLE)):
        folder = one.folder.relative_to(ROOT)
        paths += [f"{folder}/platform.toml", f"{folder}/{one.package}/__init__.py"]
        events = (one.folder / "contracts" / "events").glob("*.json")
        paths += [str(file.relative_to(ROOT)) for file in events]
    yaml = (ROOT / "infrastructure").rglob("*.y*ml")
    paths += [str(file.relative_to(ROOT)) for file in yaml]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    return tmp_path


def add(root: Path, name: str = "reviews", resource: str | None = REVIEWS) -> None:
    plan_new(root, name, resource, None).apply()
    own_services.cache_clear()


def remove(root: Path, name: str = "reviews", *, force: bool = False) -> None:
    plan_removal(root, name, force=force).apply()
    own_services.cache_clear()


def tree(root: Path) -> dict[str, str]:
    """Return the text of every file, and every folder, below `root`."""
    return {
        str(path.relative_to(root)): path.read_text("utf-8") if path.is_file() else ""
        for path in root.rglob("*")
    }


def test_what_was_added_goes_without_a_trace(checkout: Path) -> None:
    before = tree(checkout)

    add(checkout)
    between = tree(checkout)
    remove(checkout)

    assert "reviews-service/reviews_service/models/reviews.py" in between
    assert between["docs/routes.md"] != before["docs/routes.md"]
    assert tree(checkout) == before


def test_services_come_and_go_in_any_order(checkout: Path) -> None:
    before = tree(checkout)
    add(checkout)
    with_reviews = tree(checkout)

    add(checkout, "coupons", "coupon:code=str,percent=int,until=date")
    own = {one.name: one.port for one in own_services(checkout)}
    remove(checkout, "coupons")
    assert tree(checkout) == with_reviews
    add(checkout, "coupons", "coupon:code=str,percent=int,until=date")
    remove(checkout)
    remove(checkout, "coupons")

    assert own["coupons"] == own["reviews"] + 1 == len(own) + 5000
    assert tree(checkout) == before


def test_a_file_named_after_the_model_is_copied_whole(checkout: Path) -> None:
    folder = checkout / "infrastructure" / "some"
    folder.mkdir(parents=True)
    (folder / "orders.yaml").write_text(
        "name: order-service\nports: [5003, 5103]\norders: reorders\n"
    )
    (folder / "users.yaml").write_text("orders: are read here\n")
    (folder / "all.yaml").write_text("files:\n  - users.yaml\n  - orders.yaml\n")
    before = tree(checkout)

    coming = plan_new(checkout, "reviews", REVIEWS, None).summary()
    add(checkout)
    made = tree(checkout)
    going = plan_removal(checkout, "reviews").summary()
    remove(checkout)

    assert {"reviews-service/  27 files", "infrastructure/some/reviews.yaml  new"} < set(coming)
    assert {"docs/routes.md  changed", "infrastructure/some/reviews.yaml  removed"} < set(going)
    assert made["infrastructure/some/reviews.yaml"] == (
        "name: reviews-service\nports: [5006, 5106]\nreviews: reorders\n"
    )
    assert made["infrastructure/some/all.yaml"].endswith("  - orders.yaml\n  - reviews.yaml\n")
    assert made["infrastructure/some/users.yaml"] == before["infrastructure/some/users.yaml"]
    assert tree(checkout) == before


def test_a_dry_run_shows_a_diff_that_makes_the_service(checkout: Path) -> None:
    shown = "".join(plan_new(checkout, "reviews", REVIEWS, None).diff())
    assert not (checkout / "reviews-service").exists()

    def patch(*options: str) -> None:
        command = ["git", "apply", *options, "-"]
        done = subprocess.run(command, cwd=checkout, input=shown, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    before = tree(checkout)
    patch()
    patched = tree(checkout)
    patch("--reverse")
    add(checkout)
    made = tree(checkout)

    # A diff says nothing of folders, and of files only where they have a line.
    assert {path: text for path, text in made.items() if text} == {
        path: text for path, text in patched.items() if text
    }
    assert {path for path in before if before[path]} < {path for path in made if made[path]}


@pytest.mark.parametrize(
    ("name", "resource", "port", "problem"),
    [
        ("review", None, None, "NAME: 'review' must be a plural, such as reviews"),
        ("Reviews", None, None, "NAME: 'Reviews' must be lower-case letters and digits"),
        ("2reviews", None, None, "NAME: '2reviews' must be lower-case letters and digits"),
        ("re-views", None, None, "NAME: 're-views' must be lower-case letters and digits"),
        ("../reviews", None, None, "NAME: '../reviews' must be lower-case letters and digits"),
        ("", None, None, "NAME: '' must be lower-case letters and digits"),
        ("pass", None, None, "NAME: 'pass' is a keyword of Python"),
        ("reviews" * 5 + "s", None, None, "is longer than 24 characters"),
        ("orders", None, None, "NAME: 'orders' is taken by order-service"),
        ("redis", None, None, "NAME: 'redis' is a name of the platform itself"),
        ("imports", None, None, "--resource: 'import' is a keyword of Python"),
        ("events", None, None, "--resource: 'event' is a name that the generated code needs"),
        ("reviews", "date:until=date", None, "'date' is a name that the generated code needs"),
        ("reviews", "error:text=str", None, "'error' is a name that the generated code needs"),
        ("reviews", "request:text=str", None, "'request' is a name that the generated code needs"),
        ("reviews", "Review:x=str", None, "--resource: 'Review' must be a singular in lower case"),
        ("reviews", "review:rating", None, "--resource: 'rating' is not FIELD=TYPE"),
        ("reviews", "review:rating=float", None, "'rating' has no type 'float' (one of str, int"),
        ("reviews", "review:id=int", None, "--resource: field 'id' is a name that the code needs"),
        ("reviews", "review:self=int", None, "field 'self' is a name that the code needs itself"),
        ("reviews", "review:class=int", None, "field 'class' is a name that the code needs itself"),
        ("reviews", "review:a=int,a=str", None, "--resource: field 'a' is there twice"),
        ("reviews", "review:a b=int", None, "--resource: field 'a b' must be"),
        ("reviews", REVIEWS, 5003, "--port: 5003 is taken by order-service"),
        ("reviews", REVIEWS, 5010, "--port: 5010 is taken by compute-service"),
        ("reviews", REVIEWS, 80, "--port: 80 is not one of 5001 to 5099"),
        ("reviews", REVIEWS, 5101, "--port: 5101 is not one of 5001 to 5099"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    checkout: Path, name: str, resource: str | None, port: int | None, problem: str
) -> None:
    before = tree(checkout)

    with pytest.raises(PlatformError) as refusal:
        plan_new(checkout, name, resource, port).apply()

    assert problem in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert tree(checkout) == before


def test_a_second_run_a_taken_folder_and_a_taken_event_are_refused(checkout: Path) -> None:
    add(checkout)
    (checkout / "coupons-service").mkdir()
    before = tree(checkout)

    for name, resource, problem in (
        ("reviews", REVIEWS, "NAME: 'reviews' is taken by reviews-service"),
        ("coupons", None, "NAME: 'coupons' is taken: there is a coupons-service already"),
        ("ratings", "review:stars=int", "--resource: reviews-service publishes review.created.v1"),
        # A key of docker-compose.yml, which could not be told from the service.
        ("volumes", None, "docker-compose.yml names volumes already"),
    ):
        with pytest.raises(PlatformError, match=problem):
            plan_new(checkout, name, resource, None)
    assert tree(checkout) == before


def test_what_was_changed_since_is_only_removed_by_force(checkout: Path) -> None:
    before = tree(checkout)
    add(checkout)
    model = checkout / "reviews-service" / "reviews_service" / "models" / "reviews.py"
    model.write_text(model.read_text() + "# My work.\n")
    table = checkout / "api-gateway" / "api_gateway" / "routes.toml"
    (checkout / "reviews-service" / "reviews_service" / "mine.py").write_text("")
    changed = tree(checkout)

    with pytest.raises(PlatformError) as refusal:
        plan_removal(checkout, "reviews")

    assert str(refusal.value) == (
        "NAME: reviews-service/reviews_service/mine.py,"
        " reviews-service/reviews_service/models/reviews.py have changed since;"
        " --force removes it all the same"
    )
    assert tree(checkout) == changed
    assert "[services.reviews]" in table.read_text()
    remove(checkout, force=True)
    assert tree(checkout) == before


def test_only_what_new_service_made_can_be_removed(checkout: Path) -> None:
    before = tree(checkout)

    for name, problem in (
        ("orders", "NAME: orders was not made by new-service"),
        ("reviews", "NAME: there is no service 'reviews'"),
    ):
        with pytest.raises(PlatformError, match=problem):
            plan_removal(checkout, name, force=True)
    assert tree(checkout) == before


def test_a_failure_in_the_middle_puts_everything_back(checkout: Path) -> None:
    changes = plan_new(checkout, "reviews", REVIEWS, None)
    # Something comes in between: the folder cannot be moved to where a file is.
    (checkout / "reviews-service").write_text("in the way")
    before = tree(checkout)

    with pytest.raises(OSError, match="reviews-service"):
        changes.apply()

    assert tree(checkout) == before
