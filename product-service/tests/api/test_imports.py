"""CSV in and out.

One file, for its fixtures.
"""

import csv
import io
from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.database import transaction
from chassis.messaging.tables import outbox
from product_service.schemas.imports import FileRows
from product_service.services import imports

HEADER = "sku,name,description,price_amount,currency,category,status,attributes,images,stock\n"
GOOD = HEADER + (
    'T-1,龙井,"Green, loose",1999,GBP,tea,active,"{""origin"": ""浙江"", ""grams"": 250}",'
    "https://img.example/1.jpg https://img.example/2.jpg,7\n"
    "T-2,Cup,,250,GBP,,,,,\n"
)


@pytest.fixture
def upload(client, staff):
    """Send a file: `upload(text)`."""

    def send(text, **headers):
        body = text if isinstance(text, bytes) else text.encode()
        return client.post(
            "/api/products/imports",
            data=body,
            headers={**staff, **headers},
            content_type="text/csv",
        )

    return send


@pytest.fixture
def work(app):
    """Do what the worker does with a job."""

    def run(job_id):
        with app.app_context():
            imports.run_import(transaction, UUID(job_id), FileRows)

    return run


@pytest.fixture
def tasks(session):
    """Return the tasks that wait in the outbox."""

    def read():
        rows = session.execute(
            select(outbox.c.type, outbox.c.payload).where(outbox.c.kind == "task")
        )
        return [tuple(row) for row in rows]

    return read


@pytest.fixture
def job(client, staff):
    """Read a job as staff sees it."""
    return lambda job_id: client.get(f"/api/products/imports/{job_id}", headers=staff).json["data"]


def counts(job):
    names = ("total", "processed", "created", "updated", "unchanged", "failed")
    return tuple(job[f"{name}_rows"] for name in names)


def test_an_import_is_accepted_and_left_to_the_worker(client, upload, tasks, published):
    answer = upload(GOOD)
    assert answer.status_code == 202
    job = answer.json["data"]
    assert answer.headers["Location"] == f"/api/products/imports/{job['id']}"
    assert (job["status"], counts(job)) == ("queued", (2, 0, 0, 0, 0, 0))
    assert tasks() == [("products.run_import", {"job_id": job["id"]})]
    assert client.get("/api/products").json["data"] == []
    assert published() == []


def test_imported_products_are_complete(client, make_category, upload, work, job, read, published):
    tea = make_category("tea")
    job_id = upload(GOOD).json["data"]["id"]
    work(job_id)
    done = job(job_id)
    assert (done["status"], counts(done), done["errors"]) == ("completed", (2, 2, 2, 0, 0, 0), [])
    assert done["finished_at"] is not None
    [found] = client.get("/api/products?sku=T-1").json["data"]
    assert {name: found[name] for name in ("name", "description", "price", "category_id")} == {
        "name": "龙井",
        "description": "Green, loose",
        "price": {"amount": 1999, "currency": "GBP"},
        "category_id": tea["id"],
    }
    assert found["attributes"] == {"origin": "浙江", "grams": 250}
    assert found["images"] == ["https://img.example/1.jpg", "https://img.example/2.jpg"]
    assert (read(found)["on_hand"], found["version"]) == (7, 1)
    assert client.get("/api/products?q=龙井").json["data"][0]["sku"] == "T-1"
    assert sorted(event.data["sku"] for event in published()) == ["T-1", "T-2"]


def test_the_same_file_again_changes_nothing(
    client, make_category, upload, work, job, place, pay, read, published
):
    make_category("tea")
    work(upload(GOOD).json["data"]["id"])
    [tea] = client.get("/api/products?sku=T-1").json["data"]
    pay(place((tea, 2)))
    before, told = read(tea), len(published())
    again = upload(GOOD).json["data"]["id"]
    work(again)
    assert counts(job(again)) == (2, 2, 0, 0, 2, 0)
    # Sold units do not come back with the file.
    assert (read(tea), before["on_hand"], len(published())) == (before, 5, told)


def test_a_changed_row_updates_its_product_and_tells_others(
    client, make_category, upload, work, job, published
):
    make_category("tea")
    work(upload(GOOD).json["data"]["id"])
    told = len(published())
    changed = upload(GOOD.replace("250,GBP", "300,GBP")).json["data"]["id"]
    work(changed)
    assert counts(job(changed)) == (2, 2, 0, 1, 1, 0)
    [cup] = client.get("/api/products?sku=T-2").json["data"]
    assert (cup["price"]["amount"], cup["version"]) == (300, 2)
    assert [event.data["price"] for event in published()[told:]] == [300]


BAD_ROWS = [
    (",Cup,,1,GBP,,,,,", "", "sku"),
    ("B-1,,,1,GBP,,,,,", "B-1", "name"),
    ("B-2,Cup,,1.5,GBP,,,,,", "B-2", "price_amount"),
    ("B-3,Cup,,-1,GBP,,,,,", "B-3", "price_amount"),
    ("B-4,Cup,,1_000,GBP,,,,,", "B-4", "price_amount"),
    ("B-5,Cup,,９,GBP,,,,,", "B-5", "price_amount"),
    ("B-6,Cup,,99999999999999999999,GBP,,,,,", "B-6", "price_amount"),
    ("B-7,Cup,,1,XXX,,,,,", "B-7", "currency"),
    ("B-8,Cup,,1,GBP,nowhere,,,,", "B-8", "category"),
    ("B-9,Cup,,1,GBP,,sold,,,", "B-9", "status"),
    ('B-10,Cup,,1,GBP,,,"{""a"": NaN}",,', "B-10", "attributes"),
    ("B-11,Cup,,1,GBP,,,[1],,", "B-11", "attributes"),
    ('B-12,Cup,,1,GBP,,,"{""a"": [1]}",,', "B-12", "attributes.a"),
    ("B-13,Cup,,1,GBP,,,,javascript:alert(1),", "B-13", "images.0"),
    ("B-14,Cup,,1,GBP,,,,,-1", "B-14", "stock"),
    ("B-16,Cup,,1,GBP,,,,", "B-16", ""),
    ("OK,Cup,,1,GBP,,,,,", "OK", "sku"),
    (f"{'S' * 65},Cup,,1,GBP,,,,,", "S" * 64, "sku"),
]


def test_bad_rows_are_reported_and_the_good_ones_imported(client, upload, work, job, published):
    lines = ["OK,Cup,,1,GBP,,,,,", *(line for line, _, _ in BAD_ROWS), "OK-2,Cup,,1,GBP,,,,,"]
    job_id = upload(HEADER + "\n".join(lines)).json["data"]["id"]
    work(job_id)
    done = job(job_id)
    bad = len(BAD_ROWS)
    assert (done["status"], counts(done)) == ("completed", (bad + 2, bad + 2, 2, 0, 0, bad))
    found = [
        (error["row_number"], error["sku"], [problem["field"] for problem in error["errors"]])
        for error in done["errors"]
    ]
    assert found == [
        (number, sku, [field]) for number, (_, sku, field) in enumerate(BAD_ROWS, start=2)
    ]
    assert [item["sku"] for item in client.get("/api/products?sort=sku").json["data"]] == [
        "OK",
        "OK-2",
    ]
    assert sorted(event.data["sku"] for event in published()) == ["OK", "OK-2"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "text/csv", 422, "products.import_header"),
        (b"sku,name\nA,B\n", "text/csv", 422, "products.import_header"),
        ((HEADER.strip() + ",secret\n").encode(), "text/csv", 422, "products.import_header"),
        ((HEADER.strip() + ",sku\n").encode(), "text/csv", 422, "products.import_header"),
        (HEADER.encode() + b"B-15,C\x00up,,1,GBP,,,,,", "text/csv", 422, "products.import_file"),
        (HEADER.encode() + b"\xff\xfe", "text/csv", 422, "products.import_file"),
        (HEADER.encode() + b"x" * 200_000, "text/csv", 422, "products.import_file"),
        (HEADER.encode(), "application/json", 415, "unsupported_media_type"),
        (HEADER.encode(), "", 415, "unsupported_media_type"),
        (HEADER.encode() + b"x" * 20_971_520, "text/csv", 413, "payload_too_large"),
    ],
)
def test_unusable_files_are_refused_at_once(
    client, staff, tasks, published, body, content_type, status, code
):
    answer = client.post(
        "/api/products/imports", data=body, headers=staff, content_type=content_type
    )
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert (tasks(), published()) == ([], [])


def test_a_file_without_rows_completes(upload, work, job):
    job_id = upload(HEADER).json["data"]["id"]
    work(job_id)
    assert (job(job_id)["status"], counts(job(job_id))) == ("completed", (0, 0, 0, 0, 0, 0))


def test_a_byte_order_mark_and_windows_line_ends_are_fine(upload, work, job):
    body = b"\xef\xbb\xbf" + GOOD.replace(",tea,", ",,").replace("\n", "\r\n").encode()
    job_id = upload(body).json["data"]["id"]
    work(job_id)
    assert counts(job(job_id)) == (2, 2, 2, 0, 0, 0)


def many(number):
    return HEADER + "".join(f"M-{n:04},Cup {n},,{n},GBP,,,,,1\n" for n in range(number))


def test_a_killed_worker_loses_no_row_and_repeats_none(
    app, upload, work, job, clock, tasks, published
):
    job_id = upload(many(imports.CHUNK * 2 + 50)).json["data"]["id"]
    with app.app_context():
        with transaction() as session:
            rows = FileRows(imports.read_source(session, UUID(job_id)))
        with transaction() as session:
            assert imports.import_chunk(session, UUID(job_id), rows) is True
        # The worker dies in the second chunk: its transaction is rolled back.
        with pytest.raises(RuntimeError), transaction() as session:
            imports.import_chunk(session, UUID(job_id), rows)
            raise RuntimeError("killed")
    halfway = job(job_id)
    assert (halfway["status"], halfway["processed_rows"]) == ("running", imports.CHUNK)
    clock.move(61)
    with app.app_context(), transaction() as session:
        assert imports.requeue_stale_imports(session, older_than=60) == 1
        assert imports.requeue_stale_imports(session, older_than=60) == 0
    assert tasks() == [("products.run_import", {"job_id": job_id})] * 2
    work(job_id)
    work(job_id)
    assert counts(job(job_id)) == (450, 450, 450, 0, 0, 0)
    assert len(published()) == 450


def test_a_long_import_goes_on_in_another_task(app, upload, work, job, tasks):
    job_id = upload(many(imports.CHUNK * 2)).json["data"]["id"]
    with app.app_context():
        imports.run_import(transaction, UUID(job_id), FileRows, seconds=0)
    assert (job(job_id)["status"], job(job_id)["processed_rows"]) == ("running", imports.CHUNK)
    assert tasks() == [("products.run_import", {"job_id": job_id})] * 2
    work(job_id)
    assert counts(job(job_id)) == (400, 400, 400, 0, 0, 0)


def test_an_export_imports_without_a_change(client, staff, make_category, upload, work, job):
    make_category("tea")
    work(upload(GOOD).json["data"]["id"])
    answer = client.get("/api/products/export", headers=staff)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [(row["sku"], row["category"], row["stock"]) for row in rows] == [
        ("T-1", "tea", "7"),
        ("T-2", "", "0"),
    ]
    job_id = upload(answer.get_data()).json["data"]["id"]
    work(job_id)
    assert counts(job(job_id)) == (2, 2, 0, 0, 2, 0)


def test_an_export_of_several_batches_has_every_product_once(client, staff, upload, work):
    work(upload(many(1_100)).json["data"]["id"])
    text = client.get("/api/products/export", headers=staff).get_data(as_text=True)
    skus = [row["sku"] for row in csv.DictReader(io.StringIO(text))]
    assert skus == [f"M-{n:04}" for n in range(1_100)]


def test_an_unknown_import_is_not_found(client, staff):
    answer = client.get("/api/products/imports/01890000-0000-7000-8000-000000000000", headers=staff)
    assert (answer.status_code, answer.json["code"]) == (404, "products.import_not_found")
