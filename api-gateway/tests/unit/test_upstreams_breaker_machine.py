"""Whatever happens in whatever order: no state lasts for ever, and the breaker stays in bounds."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from api_gateway.upstreams.breaker import LONGEST_SECONDS, Breaker, Fault, State
from api_gateway.upstreams.standing import Standing
from api_gateway.upstreams.verdict import Probe, Verdict


class Life(RuleBasedStateMachine):
    """One instance under arbitrary requests, probes and pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.fit: bool | None = None
        self.standing = Standing(self.note, lambda: self.now, lambda: 0.5)
        self.begun = [self.breaker.epoch]

    @property
    def breaker(self) -> Breaker:
        return self.standing.breaker

    def note(self) -> None:
        self.fit = self.standing.fit

    @rule()
    def begin(self) -> None:
        self.begun.append(self.breaker.epoch)

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(number=st.integers(0, 50))
    def work(self, number: int) -> None:
        self.standing.worked(self.begun[number % len(self.begun)])

    @rule(number=st.integers(0, 50), fault=st.sampled_from(Fault), times=st.integers(1, 6))
    def fail(self, number: int, fault: Fault, times: int) -> None:
        for _ in range(times):
            self.standing.failed(self.begun[number % len(self.begun)], fault)

    @rule(good=st.booleans(), refused=st.booleans())
    def probe(self, good: bool, refused: bool) -> None:
        reason = None if good else "answered 418"
        self.standing.probed(Probe(reason, 0.1, refused and not good), self.breaker.epoch)

    @invariant()
    def bounds_hold(self) -> None:
        assert 0.0 <= self.breaker.opens_in() <= LONGEST_SECONDS
        assert 0.0 <= self.breaker.share() <= 1.0
        assert self.breaker.calm <= (self.breaker.state is State.CLOSED)
        assert self.fit in (None, self.standing.fit)
        assert (self.standing.reason() is None) == (self.standing.status != "unhealthy")

    def teardown(self) -> None:
        # From any state, a service that works is back after two good probes and one ramp.
        self.now += LONGEST_SECONDS
        for _ in range(2):
            self.standing.probed(Probe(None, 0.1), self.breaker.epoch)
        self.standing.worked(self.breaker.epoch)
        self.now += 10.0
        self.standing.worked(self.breaker.epoch)
        assert self.standing.probes.verdict is Verdict.IN
        assert (self.breaker.state, self.standing.fit) == (State.CLOSED, True)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
