import json

import pytest

from platform_cli.bench.figures import (
    MET,
    MISSING,
    NOISY,
    NOT_MET,
    Load,
    Results,
    Run,
    RunVoid,
    Target,
    calm,
    parse_wrk,
    steady,
    verdict,
)

REPORT = {"requests": 900, "seconds": 2.0, "p50": 1.5, "p99": 9.25, "max": 20.0, "errors": 0}
CPU = Target("at most 75 µs", "get", "cpu", 75)
RATIO = Target("12 times less", "get", "cpu", 12, "flask", at_least=True)


def run(number: int, gateway: str = "ours", **figures: float) -> Run:
    everything = {"cpu": 60.0, "upstream": 10.0, "others": 0.0} | figures
    return Run("get", gateway, number, everything)


def runs_of(gateway: str, *cpus: float, others: float = 0.0) -> list[Run]:
    return [run(number, gateway, cpu=cpu, others=others) for number, cpu in enumerate(cpus)]


def test_the_report_is_the_last_line_of_wrk() -> None:
    output = f"Running 2s test @ http://127.0.0.1:1/\n  1 threads\n{json.dumps(REPORT)}\n"
    assert parse_wrk(output) == Load(900, 2.0, 1.5, 9.25, 20.0, 0)


def test_a_single_error_voids_the_run() -> None:
    with pytest.raises(RunVoid, match="1 errors in 900 requests"):
        parse_wrk(json.dumps({**REPORT, "errors": 1}))


def test_a_run_without_requests_is_void() -> None:
    with pytest.raises(RunVoid, match="0 requests"):
        parse_wrk(json.dumps({**REPORT, "requests": 0}))


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1", "[1]", '{"a": 1}'])
def test_output_without_a_report_voids_the_run(output: str) -> None:
    with pytest.raises(RunVoid, match="wrk: "):
        parse_wrk(output)


def test_runs_with_a_slower_upstream_than_its_best_by_a_fifth_are_not_calm() -> None:
    runs = [run(1, upstream=10.0), run(2, upstream=12.0), run(3, upstream=12.1)]
    assert [one.round for one in calm(runs)] == [1, 2]


def test_runs_beside_other_work_are_not_calm() -> None:
    runs = [run(1, others=0.2), run(2, others=0.21)]
    assert [one.round for one in calm(runs)] == [1]


def test_values_are_steady_from_three_on_and_within_a_third() -> None:
    assert steady([100, 110, 130])
    assert not steady([100, 110, 131])
    assert not steady([100, 100])


def test_ratios_are_taken_within_a_round_only() -> None:
    results = Results(
        [run(1, cpu=50), run(2, cpu=100), run(1, "flask", cpu=600), run(3, "flask", cpu=900)]
    )
    assert results.pairs("get", "flask", "ours", "cpu") == [12]


def test_where_calm_runs_are_too_few_all_are_shown_and_none_is_relied_on() -> None:
    results = Results([*runs_of("ours", 60, 61), *runs_of("ours", 99, others=1.5)])
    assert results.values("get", "ours", "cpu") == [60, 61, 99]
    assert not results.reliable("get", "ours")


def test_a_calm_steady_median_decides() -> None:
    assert verdict(CPU, Results(runs_of("ours", 70, 74, 80))) == MET
    assert verdict(CPU, Results(runs_of("ours", 70, 76, 80))) == NOT_MET


def test_unsteady_values_are_judged_where_they_agree() -> None:
    assert verdict(CPU, Results(runs_of("ours", 30, 50, 75))) == MET
    assert verdict(CPU, Results(runs_of("ours", 76, 100, 150))) == NOT_MET
    assert verdict(CPU, Results(runs_of("ours", 50, 60, 80))) == NOISY


def test_without_enough_calm_runs_nothing_is_judged() -> None:
    assert verdict(CPU, Results(runs_of("ours", 10, 10))) == NOISY
    assert verdict(CPU, Results(runs_of("ours", 10, 10, 10, others=1.0))) == NOISY


def test_a_ratio_needs_calm_runs_of_both() -> None:
    ours = runs_of("ours", 50, 50, 50)
    assert verdict(RATIO, Results([*ours, *runs_of("flask", 600, 610, 620)])) == MET
    assert verdict(RATIO, Results([*ours, *runs_of("flask", 590, 590, 590)])) == NOT_MET
    busy = runs_of("flask", 600, 610, 620, others=1.0)
    assert verdict(RATIO, Results([*ours, *busy])) == NOISY


def test_without_a_run_a_target_is_not_measured() -> None:
    assert verdict(RATIO, Results(runs_of("ours", 50, 50, 50))) == MISSING
