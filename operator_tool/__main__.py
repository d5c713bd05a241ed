"""`python restricted-iam-user.pyz <command>`; see docs/tool.md."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType

from botocore.exceptions import BotoCoreError, ClientError

from operator_tool import COULD_NOT, NAME, ToolError, adopt, export, preflight, status, used
from operator_tool.caller import connect, explained

_COMMANDS: dict[str, ModuleType] = {
    "status": status,
    "preflight": preflight,
    "used": used,
    "export": export,
    "adopt": adopt,
}
_EXIT_CODES = "Exit codes: 0 fine, 1 findings, 2 it could not be done or read."


def main(arguments: list[str] | None = None) -> int:
    """Run the command that the arguments name; returns the exit code."""
    options = _options(arguments)
    try:
        caller = connect(options.profile, options.region)
        return int(_COMMANDS[options.command].run(caller, options))
    except ToolError as error:
        print(error, file=sys.stderr)
    except (ClientError, BotoCoreError) as error:
        print(explained(error), file=sys.stderr)
    except BrokenPipeError:
        sys.stderr.close()  # Whoever read has seen enough, as `head` does.
    except (EOFError, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
    return COULD_NOT


def _options(arguments: list[str] | None) -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--profile", help="AWS profile to use")
    common.add_argument("--region", help="region of the stacks; default: that of the profile")
    common.add_argument("--json", action="store_true", help="print JSON for programs")
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Restricted IAM users, for their operators. Reads only, but for adopt.",
        epilog=_EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, module in _COMMANDS.items():
        title = (module.__doc__ or "").partition(": ")[2].partition("\n\n")[0]
        line = " ".join(title.split())
        command = commands.add_parser(
            name, parents=[common], help=line, description=line.capitalize(), epilog=_EXIT_CODES
        )
        module.arguments(command)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
