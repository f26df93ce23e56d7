"""Celery's transport over Redis: what becomes of a message whose end Redis does not take."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from flask import Flask
from redis.exceptions import ConnectionError

from chassis.celery_app import TaskSender, bind_celery, create_celery
from platform_cli.ports import free_port
from platform_cli.stores import valkey
from platform_cli.stores.launch import started


class Settings:
    """What `bind_celery` reads."""

    def __init__(self, url: str) -> None:
        self.effective_broker_url, self.worker_concurrency = url, 1


def bound(url: str) -> Celery:
    celery, app = create_celery("orders"), Flask("orders-app")
    app.config["SETTINGS"] = Settings(url)
    bind_celery(celery, app)
    return celery


@pytest.mark.parametrize("settle", ["ack", "reject", "requeue"])
def test_message_whose_end_is_not_taken_gives_its_slot_back(tmp_path: Path, settle: str) -> None:
    server = valkey.Valkey(tmp_path / "valkey", free_port(), secrets.token_hex(16))
    server.prepare()
    celery, messages = bound(server.url), list[Any]()
    with started(server.command(), server.ready, tmp_path / "valkey.log"):
        sender = TaskSender(celery)
        sender.send("orders.clean")
        sender.close()
        connection = celery.connection_for_read()
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        consumer = celery.amqp.TaskConsumer(channel, on_message=messages.append, accept=["json"])
        consumer.consume()
        connection.drain_events(timeout=5)
        assert not channel.qos.can_consume()

    with pytest.raises(ConnectionError):
        getattr(messages[0], settle)()

    assert channel.qos.can_consume()
    connection.collect()


@pytest.mark.parametrize(("scheme", "tls"), [("redis", False), ("rediss", True)])
def test_both_schemes_keep_their_own_use_of_tls(scheme: str, tls: bool) -> None:
    connection = bound(f"{scheme}://127.0.0.1:1/0").connection_for_write()

    assert connection.transport_cls == scheme
    assert connection.transport.__module__ == "chassis.redis_transport"
    assert bool(connection.ssl) is tls
