"""What is remembered of a resource: written, read again, and bounded."""

import json

from hypothesis import given
from hypothesis import strategies as st

from handler.model.progress import Progress
from handler.state.made import MadeKey, MadeUser, Minting
from handler.state.record import Answer, Goal, Record, Served

# The largest item that DynamoDB takes (quotas), and what CloudFormation takes of an answer.
ITEM_BYTES, ANSWER_BYTES = 400 * 1024, 4096
MOST_REQUESTS, MOST_GOALS = 20, 100

TEXTS = st.text(max_size=8)
NAMES = st.sampled_from(["Provazio", "Second", "Third"])
ANSWERS = st.builds(Answer, TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3))
KEYS = st.builds(MadeKey, TEXTS, TEXTS, TEXTS, TEXTS, st.booleans(), st.integers(0, 30), TEXTS)
SERVED = st.builds(Served, TEXTS, st.none() | ANSWERS, TEXTS)
MINTINGS = st.builds(Minting, st.lists(TEXTS, max_size=2).map(tuple), TEXTS)
IDS = st.dictionaries(TEXTS, TEXTS, max_size=3)
USERS = st.builds(
    MadeUser,
    TEXTS,
    TEXTS,
    st.integers(0, 720),
    *(st.booleans(),) * 6,
    IDS,
    IDS,
    st.dictionaries(TEXTS, KEYS, max_size=3),
    st.none() | MINTINGS,
    st.lists(TEXTS, max_size=3).map(tuple),
    *(TEXTS,) * 4,
    IDS,
    st.booleans(),
)
GOALS = st.builds(Goal, TEXTS, TEXTS, TEXTS)
RECORDS = st.builds(
    Record,
    NAMES,
    st.dictionaries(NAMES, USERS),
    st.lists(SERVED, max_size=3).map(tuple),
    st.lists(GOALS, max_size=3).map(tuple),
    st.builds(Progress, TEXTS, TEXTS),
)


@given(RECORDS)
def test_what_is_written_is_what_is_read(record: Record) -> None:
    """A record survives the text of the item, whatever is in it."""
    assert Record.parse(str(record)) == record


def test_record_from_before_the_newest_fields() -> None:
    """What an earlier version wrote is read: its keys work, and go when nobody uses them."""
    text = str(Record(users={"Provazio": MadeUser(keys={"AKIA1": MadeKey("1", "v")})}))
    user = json.loads(text)
    for name in ("active", "on_time"):
        del user["users"]["Provazio"][name]
    for name in ("published", "off", "put_off", "put_off_until"):
        del user["users"]["Provazio"]["keys"]["AKIA1"][name]

    assert str(Record.parse(json.dumps(user))) == text


@given(st.lists(st.tuples(TEXTS, st.none() | ANSWERS)), st.lists(GOALS))
def test_requests_and_goals_are_bounded(
    requests: list[tuple[str, Answer | None]], goals: list[Goal]
) -> None:
    """However long a resource lives, no more than the last requests and states are kept."""
    record = Record()
    for request_id, answer in requests:
        record = record.begun(request_id)
        if answer:
            record = record.answered(request_id, answer)
    for goal in goals:
        record = record.reached(goal)

    ids = [served.request_id for served in record.requests]
    digests = [goal.digest for goal in record.goals]
    assert len(ids) == len(set(ids)) <= MOST_REQUESTS
    assert len(digests) == len(set(digests)) <= MOST_GOALS
    assert not goals or record.goals[0] == goals[-1]


def test_fullest_record_fits_into_an_item() -> None:
    """With every request answered at CloudFormation's limit, the item stays below DynamoDB's."""
    record = Record()
    for number in range(MOST_REQUESTS + 1):
        answer = Answer("FAILED", "ä" * (ANSWER_BYTES // 2), {})
        record = record.begun(f"{number}").answered(f"{number}", answer)

    assert len(record.requests) == MOST_REQUESTS
    assert len(str(record).encode()) < ITEM_BYTES


def test_request_that_comes_again_keeps_its_place() -> None:
    """A repeated request is not the latest one, and keeps the answer that it got."""
    answer = Answer("SUCCESS", "", {})
    record = Record().begun("1").answered("1", answer).begun("2").begun("1")

    assert [served.request_id for served in record.requests] == ["2", "1"]
    assert (record.answer("1"), record.answer("2"), record.answer("3")) == (answer, None, None)
    assert (record.overtaken("1", 0.0), record.overtaken("2", 0.0), record.overtaken("3", 0.0)) == (
        True,
        False,
        False,
    )


def test_create_leaves_behind_what_was_complete() -> None:
    """Users that CloudFormation was told of are retained by a later Create; its own are not."""
    record = Record(
        users={"Provazio": MadeUser("AIDA1", complete=True), "Second": MadeUser("AIDA2")},
        goals=(Goal("a", "Provazio", ""),),
        confirmed="Provazio",
    ).leaving_behind("create")

    assert list(record.living) == ["Second"]
    assert (record.confirmed, record.goals) == ("", ())
    assert record.begun("create").leaving_behind("create") == record.begun("create")


def test_last_user_takes_the_goals_along() -> None:
    """States that a roll-back may lead to are none when there is no user any more."""
    both = Record(
        confirmed="Provazio",
        users={"Provazio": MadeUser(), "Second": MadeUser()},
        goals=(Goal("a", "Provazio", ""),),
    )

    assert both.without_user("Second").confirmed == "Provazio"
    assert both.without_user("Provazio").goals == both.goals
    assert both.without_user("Provazio").without_user("Second") == Record()


def test_only_a_user_of_ours_is_confirmed() -> None:
    """An id that CloudFormation invented confirms nobody."""
    record = Record(users={"Provazio": MadeUser()})

    assert record.confirming("Provazio", stays=True).confirmed == "Provazio"
    assert record.confirming("stack_RestrictedUser_1ABC", stays=True) == record
