"""Small pieces leave together at the end of the loop's turn, in order and whole."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest

from api_gateway.turn import Sender

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        found = [socket.socketpair() for _ in range(40)]
        for pair in found:
            for end in pair:
                stack.enter_context(end).setblocking(False)
        yield found


def received(end: socket.socket) -> bytes:
    try:
        return end.recv(1 << 20)
    except BlockingIOError:
        return b""


def test_pieces_of_one_turn_leave_at_its_end_in_their_order(pairs: list[Pair]) -> None:
    near, far = pairs[0]
    sender = Sender(near)
    sender.later(b"one ")
    sender.later(b"two")
    assert (received(far), sender.touched) == (b"", False)
    gevent.sleep(0)
    assert (received(far), sender.touched) == (b"one two", True)


def test_every_sixteenth_sender_ends_the_wait_of_those_before(pairs: list[Pair]) -> None:
    for near, _ in pairs:
        Sender(near).later(b"x")
    assert [received(far) for _, far in pairs] == [b"x"] * 32 + [b""] * 8
    gevent.sleep(0)
    assert [received(far) for _, far in pairs[32:]] == [b"x"] * 8


def test_what_the_kernel_does_not_take_follows_by_itself(pairs: list[Pair]) -> None:
    near, far = pairs[0]
    filled = 0
    while True:
        try:
            filled += near.send(b"-" * 65536)
        except BlockingIOError:
            break
    sender = Sender(near)
    sender.later(b"late")
    gevent.sleep(0)
    assert (sender.unsent, sender.touched) == (b"late", False)
    read = b""
    while len(read) < filled + 4:
        read += received(far)
        gevent.sleep(0)
    assert (read[-4:], sender.unsent, sender.touched) == (b"late", b"", True)


def test_what_is_taken_or_dropped_is_not_sent(pairs: list[Pair]) -> None:
    taken, dropped = Sender(pairs[0][0]), Sender(pairs[1][0])
    taken.later(b"mine")
    dropped.later(b"gone")
    assert taken.take() == b"mine"
    dropped.drop()
    gevent.sleep(0)
    assert [received(far) for _, far in pairs[:2]] == [b"", b""]


def test_what_the_kernel_refuses_was_not_sent(pairs: list[Pair]) -> None:
    near, far = pairs[0]
    sender, other = Sender(near), Sender(pairs[1][0])
    far.close()
    sender.later(b"lost")
    other.later(b"kept")
    gevent.sleep(0)
    assert (sender.unsent, sender.touched) == (b"", False)
    assert received(pairs[1][1]) == b"kept"


def test_what_is_spoiled_by_then_is_not_sent(pairs: list[Pair]) -> None:
    near, far = pairs[0]
    sender = Sender(near)
    sender.spoiled = lambda: True
    sender.later(b"lost")
    assert not sender.stale
    gevent.sleep(0)
    assert (received(far), sender.stale, sender.touched) == (b"", True, False)
