"""`make acceptance`: the demo's journey in an account of your own; see docs/acceptance.md."""

import argparse
import re
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from acceptance.account import Account, AccountError, own_account
from acceptance.belongings import clean
from acceptance.chapters import CHAPTERS
from acceptance.run import AFTERWARDS, DOUBTS, accept, new_record
from demo.sam import PROJECT
from demo.terminal import Terminal

_REPORTS = PROJECT / "docs" / "acceptance"
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Say what will be made, ask, do it and report; returns the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    terminal = Terminal(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="acceptance-") as directory:
        try:
            account = own_account(Path(directory), options.clean or "", options.patience)
        except AccountError as error:
            print(error, file=sys.stderr)
            return 1
        _announce(account, terminal, only_clean=bool(options.clean))
        if not options.yes and not _confirmed(account):
            print("That is not the account id; nothing was touched.", file=sys.stderr)
            return 1
        try:
            return (_clean if options.clean else _accept)(account, terminal, options)
        except KeyboardInterrupt:
            terminal.doing("")
            print(
                f"\nStopped while cleaning up. What is left of the run goes with\n"
                f"make acceptance OPTIONS='--clean {account.run}'",
                file=sys.stderr,
            )
            return _INTERRUPTED


def _accept(account: Account, terminal: Terminal, options: argparse.Namespace) -> int:
    record = new_record(account)
    try:
        accept(record, terminal)
    finally:
        terminal.heading(f"The report: {record.write(options.reports)}")
    for line in record.left:
        print(line, file=sys.stderr)
    if record.left:
        print(
            f"Try again with: make acceptance OPTIONS='--clean {account.run}'",
            file=sys.stderr,
        )
    if record.stopped:
        return _INTERRUPTED
    return 0 if record.held else 1


def _clean(account: Account, terminal: Terminal, _options: argparse.Namespace) -> int:
    terminal.heading(f"Cleaning up after run {account.run}")
    left = clean(account, terminal.say)
    for line in left:
        print(line, file=sys.stderr)
    return 1 if left else 0


def _announce(account: Account, terminal: Terminal, *, only_clean: bool) -> None:
    """Everything that a person may want to know before it is done."""
    say = terminal.say
    terminal.heading(f"Account {account.account_id}, region {account.region}")
    say(f"as {account.arn}")
    if account.endpoint:
        say(f"This is not AWS but what listens at {account.endpoint}.")
    if only_clean:
        say(f"Everything is removed whose name begins with {account.prefix}.")
        return
    say(
        f"It makes, and removes again: at most 21 CloudFormation stacks, among them the provider "
        f"(functions, roles, a DynamoDB table, log groups); 3 IAM users with their access keys and "
        f"policies; 4 secrets; a role; a bucket. All names begin with {account.prefix}, the users "
        f"and their policies are on the path {account.iam_path}."
    )
    say(f"{len(CHAPTERS)} chapters, then {len(DOUBTS) + len(AFTERWARDS)} questions to AWS.")
    say(
        "It costs below 0.10 USD: at list prices 4 secrets for an hour cost 0.2 cents (0.40 USD a "
        "month each), and some thousand calls of Lambda, DynamoDB, S3, CloudWatch Logs, "
        "EventBridge Scheduler and Secrets Manager (0.05 USD for 10,000) about 1 cent; the rest is "
        "free."
    )
    say(
        "It takes about 45 minutes, of which 15 may be for CloudTrail. Ctrl-C stops it and cleans "
        "up."
    )
    say(
        "The credentials must last that long, and need the rights of an administrator. DynamoDB "
        "keeps a free backup of the deleted table for 35 days."
    )


def _confirmed(account: Account) -> bool:
    print(f"\nType the account id {account.account_id} to go on: ", end="", flush=True)
    return sys.stdin.readline().strip() == account.account_id


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make acceptance OPTIONS=…", description=__doc__)
    parser.add_argument("--clean", metavar="RUN", type=_run, help="only remove what a run has left")
    parser.add_argument(
        "--reports", type=Path, default=_REPORTS, help="where the report goes (docs/acceptance)"
    )
    # For the test suite, which has nobody to ask and no time.
    parser.add_argument("--yes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--patience", type=float, default=1.0, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _run(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{8}", text):
        raise argparse.ArgumentTypeError(
            f"{text} is no run: eight of 0-9 and a-f, as at the end of the names that it made."
        )
    return text


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
