"""A sample is a part of the whole, the same in every run, and another one for every test."""

import pytest

from support.sample import Sample

ALL = Sample(exhaustive=True, test="a")
TESTS = [f"tests/faults/test_faults.py::test_create[{number}]" for number in range(500)]


def test_exhaustive_is_everything() -> None:
    """Nothing is left out when all is asked for."""
    assert list(ALL.cut_points(100)) == list(range(100))
    assert ALL.cases("abc") == "abc"
    assert ALL.number(250) == 250


@pytest.mark.parametrize("test", TESTS[:20])
def test_sample_is_small_and_never_empty(test: str) -> None:
    """It begins at one of the first calls, ends at the last, and takes few of those between."""
    sample = Sample(exhaustive=False, test=test)
    first, *between, last = sample.cut_points(100)

    assert first < 4
    assert last == 99
    assert len(between) < 25
    assert list(sample.cut_points(100)) == [first, *between, last]
    assert len(sample.cases(range(200))) == sample.number(200) == 14
    assert sample.number(1) == 1


def test_samples_of_many_tests_leave_nothing_out() -> None:
    """Every call is a cut point of some test, so that a defect anywhere can be found."""
    taken = {at for test in TESTS for at in Sample(exhaustive=False, test=test).cut_points(100)}

    assert taken == set(range(100))


def test_extent_is_told() -> None:
    """Whoever reads the end of the run knows that it was a sample, and what runs all."""
    assert "`make prove` takes all" in str(Sample(exhaustive=False, test=""))
    assert "all" in str(ALL)
    assert "sample" not in str(ALL)
