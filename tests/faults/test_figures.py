"""The report of the long machines: a night's figures are not lost with one machine that breaks."""

import pytest

from tests.figures import Figure, Machine, report


def _figure(name: str, *, met: bool) -> Figure:
    return Figure(name=name, tried="3 times", found="0", goal="0", met=met)


def _broken() -> list[Figure]:
    raise OSError("no database")


MACHINES: dict[str, Machine] = {
    "first": lambda: [_figure("kept", met=True)], "second": _broken, "third": lambda: [_figure("later", met=True)],
}


def test_a_machine_that_breaks_costs_only_its_own_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("faults", MACHINES, ["first", "second", "third"]) == 1
    table = capsys.readouterr().out.split("| figure |")[1]
    assert "| kept | 3 times | 0 | 0 | yes |" in table
    assert "| later |" in table
    assert "| second | not to its end | it broke: OSError('no database') | 0 | **no** |" in table


def test_all_met_is_success_and_an_unknown_machine_is_said() -> None:
    assert report("faults", MACHINES, ["first", "third"]) == 0
    assert report("faults", MACHINES, ["fifth"]) == 2
