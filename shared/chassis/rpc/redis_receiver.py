"""Calls taken from Redis: moved to a list of the worker's own until they are answered."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Stop
from threading import Semaphore
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from chassis.messaging.backoff import Backoff
from chassis.rpc import redis_keys as keys
from chassis.rpc.link import call_queue
from chassis.rpc.receiver import FINISH_SECONDS, Answer

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
# A worker that was silent for so long is lost, and its calls go to the others.
LOST_MS = 4000
BLOCK_SECONDS = 1


class RedisReceiver:
    """See `chassis.rpc.receiver.Receiver`."""

    def __init__(self, broker_url: str, service: str, answer: Answer, threads: int) -> None:
        self._client = Redis.from_url(
            broker_url,
            socket_timeout=10.0,
            socket_connect_timeout=3.0,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._beat_script = self._client.register_script(keys.BEAT)
        self._service, self._answer, self._threads = service, answer, threads
        self._worker = uuid4().hex
        self._running = keys.running_name(service, self._worker)
        self._free = Semaphore(threads)
        self._beaten = -BEAT_SECONDS

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Take calls until `stop`."""
        pool, backoff = ThreadPoolExecutor(self._threads, "rpc"), Backoff()
        while not stop.is_set():
            beat()
            try:
                self._take(pool)
                backoff.reset()
            except RedisError as error:
                wait = backoff.next()
                ids = {"reason": f"{type(error).__name__}: {error}"[:300], "wait": round(wait, 1)}
                logger.warning("calls lost the broker, will reconnect", extra=ids)
                stop.wait(wait)
        self._end(pool, beat)

    def _take(self, pool: ThreadPoolExecutor) -> None:
        """Take one call if a thread is free and one comes soon."""
        self._sign_of_life()
        if not self._free.acquire(timeout=BLOCK_SECONDS):
            return
        entry: Any = None
        try:
            entry = self._client.blmove(
                call_queue(self._service), self._running, BLOCK_SECONDS, "RIGHT", "LEFT"
            )
        finally:
            if entry is None:
                self._free.release()
        if entry is not None:
            pool.submit(self._work, entry)

    def _sign_of_life(self) -> None:
        if time.monotonic() - self._beaten >= BEAT_SECONDS:
            names = [keys.workers_name(self._service), call_queue(self._service)]
            if self._beat_script(keys=names, args=[self._service, self._worker, LOST_MS]):
                logger.warning("calls of a lost worker taken over")
            self._beaten = time.monotonic()

    def _work(self, entry: bytes) -> None:
        """Answer one call; runs in a thread of the pool."""
        try:
            answered = self._answer(entry[1:], again=entry[:1] == b"1")
            transaction = self._client.pipeline()
            transaction.lrem(self._running, 1, entry)  # type: ignore[arg-type]
            if answered is not None:
                call, reply = answered
                # The caller deletes it by reading; where the caller is gone it expires.
                transaction.lpush(keys.reply_name(call.id), reply)
                left_ms = max(1, round((call.deadline - time.time()) * 1000))
                transaction.pexpire(keys.reply_name(call.id), left_ms)
            transaction.execute()
        except RedisError as error:
            logger.warning("answer lost", extra={"reason": type(error).__name__})
        finally:
            self._free.release()

    def _end(self, pool: ThreadPoolExecutor, beat: Callable[[], None]) -> None:
        end = time.monotonic() + FINISH_SECONDS
        for _ in range(self._threads):
            while not self._free.acquire(timeout=0.5) and time.monotonic() < end:
                beat()
                try:
                    self._sign_of_life()
                except RedisError:
                    break
        pool.shutdown(wait=False)
        try:
            # What still runs is found there by the others, after a while.
            if not self._client.exists(self._running):
                self._client.zrem(keys.workers_name(self._service), self._worker)
        except RedisError:
            logger.info("broker lost while ending")
        self._client.close()
