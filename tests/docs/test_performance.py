"""docs/performance.md is the page that `make bench` writes."""

import logging
import re
import tomllib

import pytest

from bench import __main__ as bench
from bench import calls, choice, growth, layers, limits, package, page, quota, side_by_side
from bench.growth import Life
from bench.memory import Size
from bench.plot import Panel, Series, svg
from bench.rivals import templates
from bench.side_by_side import Way
from bench.table import Row, row, table
from support.operations import GOLDEN, Operation, parse
from support.templates import PROJECT

OPERATIONS = [Operation(name, tuple(made)) for name, made in parse(GOLDEN.read_text()).items()]


def test_page_has_every_part() -> None:
    """The command finds the place of each part, in this order, and no other part is left over."""
    marks = re.findall(r"^<!-- (.*) -->$", page.PAGE.read_text(), re.MULTILINE)

    assert [mark for mark in marks if mark != "end"] == list(page.PARTS)
    assert marks.count("end") == len(page.PARTS)


def test_page_is_written_again_from_its_parts() -> None:
    """Writing a part replaces what stood there, and nothing else."""
    text = "a\n<!-- one -->\nold\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\nc\n"
    written = page.with_parts(text, {"one": "new", "two": "2"})

    assert written == ("a\n<!-- one -->\nnew\n<!-- end -->\nb\n<!-- two -->\n2\n<!-- end -->\nc\n")
    assert page.with_parts(written, {"one": "new", "two": "2"}) == written
    with pytest.raises(ValueError, match="unpack"):
        page.with_parts(text, {"three": "3"})


def test_parts_must_be_complete() -> None:
    """A page with figures of two runs is never written."""
    with pytest.raises(ValueError, match="not the parts"):
        page.write({"table": ""}, {})


def test_pictures_are_there() -> None:
    """Each picture that the page shows is one that the command has written."""
    shown = re.findall(r"!\[.+\]\(performance/(.+)\)", page.PAGE.read_text())

    assert sorted(shown) == sorted(path.name for path in page.PICTURES.iterdir())


def test_every_operation_is_in_the_table() -> None:
    """What calls.txt counts has a line, and one that makes too many calls is said to."""
    lines = calls.rows(OPERATIONS)

    assert sorted(calls.AT_MOST) == sorted(operation.name for operation in OPERATIONS)
    (again,) = (line for line in lines if "answered" in line.what)
    assert again == Row(again.what, "0 + 2", "0 + 2", True)


def test_table_says_what_is_too_much() -> None:
    """A figure above its limit is marked, one at its limit is not, and others have no mark."""
    rows = [row("a", 3, 2), row("b", 2, 2), row("c", 1.5, form="{:.1f}")]

    assert table(rows).splitlines()[2:] == [
        "| a | 3 | 2 | **no** |",
        "| b | 2 | 2 | yes |",
        "| c | 1.5 |  |  |",
    ]


@pytest.mark.parametrize(("megabytes", "share"), [(128, 0.0724), (1769, 1.0), (3008, 1.0)])
def test_share_of_a_processor(megabytes: int, share: float) -> None:
    """Lambda gives a processor in proportion to memory; more than one is of no use to us."""
    assert quota.share(megabytes) == pytest.approx(share, abs=0.0001)


def test_arithmetic_of_limits() -> None:
    """Three policies a user fill the quota of policies at 500 users; IAM's rate ends first."""
    create = Operation("Create eks", ("iam:CreatePolicy",) * 3 + ("dynamodb:UpdateItem",))
    vanilla = Operation("Create vanilla", ("iam:CreatePolicy",))

    room = limits.room([create, vanilla])
    assert "| managed policies | 1,500 | 1,500 | 500 |" in room
    assert room.endswith("An account reaches its quota of managed policies first.")
    assert "| Create eks | 400 | — | 120,000 | — | IAM |" in limits.rates([create], 2048)


def test_rates_of_secrets_and_of_the_table() -> None:
    """Calls share a rate only within their group, and a read of the table is no write."""
    operation = Operation(
        "Rotation",
        (
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "secrets-manager:GetSecretValue",
            "secrets-manager:TagResource",
            "secrets-manager:PutSecretValue",
            "secrets-manager:UpdateSecretVersionStage",
        ),
    )

    line = "| Rotation | — | — | 240,000 | 1,500 | Secrets Manager |"
    assert line in limits.rates([operation], 1000)


def test_numbers_of_aws_have_their_page() -> None:
    """Each number says which page of AWS has it, or that none has; a price keeps its digits."""
    lines = limits.numbers().splitlines()[2:]

    assert all(re.search(r"“.+”|none: .+|AWS Lambda Pricing.+", line) for line in lines)
    assert any("| 0.0000133334 |" in line for line in lines)


def sizes(*colds: float) -> list[Size]:
    return [Size(128 * 2**number, cold, 0.1) for number, cold in enumerate(colds)]


def test_memory_is_chosen_by_what_a_double_saves() -> None:
    """The first size of which a double saves less than a tenth of the time, waiting included."""
    assert choice.memory_size(sizes(8, 4, 2, 1), 10) == 512
    assert choice.memory_size(sizes(1, 0.5, 0.25), 10) == 128
    assert choice.memory_size(sizes(80, 40, 20), 0) == 512


def test_choice_says_where_the_template_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template with another MemorySize or architecture than the run suggests stands out."""
    monkeypatch.setattr(choice, "of_template", lambda _function: (512, "arm64"))

    assert "they differ" not in choice.words(sizes(8, 4, 2, 1), 10, compiled_files=0)
    assert "MB, so they differ" in choice.words(sizes(1, 0.5, 0.2), 10, compiled_files=0)
    assert "`, so they differ" in choice.words(sizes(8, 4, 2, 1), 10, compiled_files=1)


def test_page_and_template_agree() -> None:
    """The page speaks of the MemorySize and the architecture that the functions have."""
    (chosen,) = {choice.of_template(function) for function in choice.FUNCTIONS}
    megabytes, architecture = chosen

    assert architecture == choice.architecture(compiled_files=0)
    assert f"the template gives {megabytes:,} MB" in page.PAGE.read_text()
    assert f"the template gives `{architecture}`" in page.PAGE.read_text()


def test_layers_are_all_that_make_test_runs() -> None:
    """No folder that `make test` runs is without its seconds."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    folders = settings["tool"]["pytest"]["ini_options"]["testpaths"]

    assert sorted(f"tests/{name}" for name in layers.OF_TEST) == sorted(folders)


def test_native_calls_are_those_of_its_template() -> None:
    """Each resource takes one call to make and one to delete, a policy also one for its user."""
    resources = templates.native({}, "name", 1)["Resources"].values()
    calls = sum(2 if "Users" in one["Properties"] else 1 for one in resources)

    assert side_by_side.NATIVE_CALLS["create"] == side_by_side.NATIVE_CALLS["delete"] == calls


def test_winners_are_computed() -> None:
    """The fewest calls and the least time are named, all ways that share them; long ones whole."""

    def way(name: str, calls: int, within_aws: int, seconds: float) -> Way:
        verbs = side_by_side.VERBS
        return Way(
            name,
            dict.fromkeys(verbs, calls),
            dict.fromkeys(verbs, within_aws),
            dict.fromkeys(verbs, seconds),
            seconds,
        )

    ways = [way("ours", 13, 0, 0.1), way("native", 0, 5, 0.05), way("other", 5, 0, 120)]

    words = side_by_side.words(ways)
    assert "**The fewest calls:** create, native and other; rotate, native and other;" in words
    assert "**The least time here:** create, native; rotate, native; delete, native." in words
    assert "| native | 5* | 5* | 5* | 0.50 | 0.50 | 0.50 | 0.50 |" in side_by_side.details(ways)
    assert "| other | 5 | 5 | 5 | 1,200 | 1,200 | 1,200 | 1,200 |" in side_by_side.details(ways)


def test_growth_says_what_one_more_takes() -> None:
    """The calls of one more policy or copy, from the last two lines of the table."""
    found = [Life(1, 20, 20, 30, 100), Life(5, 32, 28, 54, 150), Life(10, 47, 38, 84, 200)]

    assert growth.lives(found, "policies").endswith(
        "Beyond 5, each adds 3 calls to a Create, 2 to an Update, and 6 to a Delete."
    )


def test_what_is_packaged_without_a_reason_stands_out() -> None:
    """Somebody who adds a library to the package says why."""
    assert package.reason("crhelper-2.0.12.dist-info") == "licence and version"
    assert package.reason("numpy") == "**not known**"


def test_metrics_of_the_functions_are_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the functions print while they are measured stays out of the printed table."""

    def measure(*_arguments: object) -> None:
        print('{"_aws": {}}')
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr("sys.argv", ["bench"])
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    logging.disable(logging.NOTSET)

    assert capsys.readouterr().out == ""


def test_lines_of_a_picture_are_told_apart() -> None:
    """Names of lines that end at one height stand one below the other, within the picture."""
    panel = Panel("A & B", "x", "y", [Series(name, [(1, 0), (10, 5)]) for name in ("one", "two")])
    drawn = svg([panel])

    heights = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>(?:one|two)<', drawn)]
    assert heights[1] - heights[0] == 14
    assert "A &amp; B" in drawn
