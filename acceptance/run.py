"""The order of a run: the journey, the doubts, and the clean-up however it ends."""

from collections.abc import Callable, Mapping
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.account import Account, sentence
from acceptance.belongings import clean
from acceptance.chapters import CHAPTERS, Course
from acceptance.doubts import cloudformation, credentials, trail
from acceptance.doubts.laboratory import Laboratory, NotAnsweredError
from acceptance.record import Part, Record
from acceptance.stacks import StackFailedError
from demo.journey import BrokenPromiseError
from demo.terminal import Terminal

DOUBTS: dict[str, Callable[[Laboratory], list[str]]] = {
    "To which host does a custom resource answer?": cloudformation.response_host,
    "How long does STS refuse a new key?": credentials.young_keys,
    "How long does a secret deleted by force hold its name, and what does RestoreSecret answer?": (
        credentials.deleted_secret
    ),
    "In the roll-back of a provider's upgrade, which goes first: the function or its resource?": (
        cloudformation.order_of_upgrade
    ),
    "Does a roll-back change the LastUpdatedTime of its stack?": cloudformation.time_of_roll_back,
    "In which order do events come in Express mode when an update fails?": cloudformation.express,
    "Do nested stacks evaluate Rules?": cloudformation.nested_rules,
    "Is aws:CalledVia set where CloudFormation invokes a custom resource?": (
        cloudformation.called_via
    ),
    "How long until Lambda delivers an event again on which the function crashed?": (
        credentials.redelivery
    ),
    "What does GetAccessKeyLastUsed tell of a key just used, and of one just deleted?": (
        credentials.last_used
    ),
    "How long do DescribeStacks and DescribeStackResource report the previous status?": (
        cloudformation.lateness
    ),
}
# Asked when everything is gone, because CloudTrail tells minutes later.
AFTERWARDS = {"Which calls of the provider were refused?": trail.refused_calls}
_EXPECTED = (BotoCoreError, ClientError, BrokenPromiseError, RuntimeError, StackFailedError)


def new_record(account: Account) -> Record:
    """Everything that a run does, with nothing seen yet."""
    return Record(
        account,
        {title: Part(title) for title in CHAPTERS},
        {title: Part(title) for title in (*DOUBTS, *AFTERWARDS)},
    )


def accept(record: Record, terminal: Terminal) -> None:
    """Do all of it, and write into the record what was seen."""
    course = Course(record.account, terminal.say, terminal.doing)
    laboratory = Laboratory(course)
    try:
        _journey(record, course, terminal)
        _prepare(laboratory, terminal)
        _ask(record, laboratory, DOUBTS, terminal)
    except KeyboardInterrupt:
        record.stopped = "Ctrl-C"
    finally:
        terminal.heading("Cleaning up")
        record.left = ["Not known: the clean-up did not come to its end."]
        record.left = clean(record.account, terminal.say)
    if not record.stopped:
        _ask(record, laboratory, AFTERWARDS, terminal)


def _journey(record: Record, course: Course, terminal: Terminal) -> None:
    """The chapters build on each other, so the first that does not hold is the last."""
    for title, chapter in CHAPTERS.items():
        part = record.chapters[title]
        course.lines = part.lines
        terminal.heading(title)
        try:
            with (
                record.timed(part),
                patch.dict("os.environ", record.account.environment, clear=True),
            ):
                chapter(course)
        except _EXPECTED as error:
            part.verdict = "did not hold"
            course.tell(_reason(error))
            return
        part.verdict = "held"


def _prepare(laboratory: Laboratory, terminal: Terminal) -> None:
    terminal.heading("What AWS does")
    terminal.doing("deploying a function that says what it sees")
    try:
        laboratory.prepare()
    except (*_EXPECTED, NotAnsweredError) as error:
        laboratory.missing = _reason(error)
    terminal.doing("")


def _ask(
    record: Record,
    laboratory: Laboratory,
    doubts: Mapping[str, Callable[[Laboratory], list[str]]],
    terminal: Terminal,
) -> None:
    """Each experiment stands for itself; one that cannot be made says why."""
    for title, experiment in doubts.items():
        part = record.doubts[title]
        terminal.heading(title)
        terminal.doing("asking")
        with record.timed(part):
            try:
                part.lines = experiment(laboratory)
            except (*_EXPECTED, NotAnsweredError) as error:
                part.lines = [f"Not answered: {_reason(error)}"]
        terminal.doing("")
        for line in part.lines:
            terminal.say(line)


def _reason(error: Exception) -> str:
    """One line of it: of what the SAM CLI has printed, the errors."""
    if isinstance(error, BotoCoreError | ClientError):
        return sentence(error)
    first, *others = str(error).splitlines()
    errors = [line for line in others if line.startswith("Error: ")]
    return " ".join([first, *(errors or others)])
