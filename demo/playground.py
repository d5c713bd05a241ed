"""`make playground`: the local AWS with the provider in it, until Ctrl-C."""

import os
import shlex
import signal
import sys

from demo.command import run
from demo.journey import Journey, write_profile
from demo.local_aws import LocalAws
from demo.sam import PROJECT
from demo.terminal import Terminal

_SECRET = "restricted/Provazio"
# A profile, a session or an endpoint for one service would lead tools elsewhere in spite of ours.
_FORGET = "unset $(env | grep -oE '^(AWS|SAM)_[A-Z0-9_]+')"


def playground(aws: LocalAws, terminal: Terminal) -> None:
    """Deploy the provider, tell how to work with it, and wait."""
    journey = Journey(aws, terminal.say, terminal.doing)
    terminal.heading("$ sam build && sam deploy")
    journey.sam.build()
    journey.sam.deploy()
    write_profile(aws, _SECRET)
    terminal.heading(
        "The provider and its user Provazio are there. Paste this into another shell:\n"
    )
    # Tools of ours come last, for whoever has none.
    tools = (shlex.quote(str(PROJECT / each / "bin")) for each in (".venv", ".venv-sam"))
    print(_FORGET)
    for name, value in aws.exports.items():
        print(f"export {name}={shlex.quote(value)}")
    print(os.pathsep.join(['export PATH="$PATH"', *tools]))
    terminal.heading(
        "Then try\n\n"
        f"aws secretsmanager get-secret-value --secret-id {_SECRET}\n"
        "aws sts get-caller-identity --profile installer\n"
        "sam build && sam deploy --parameter-overrides Serial=2\n"
        "sam deploy --template examples/embed.yaml --stack-name analytics\n\n"
        "Ctrl-C ends it, and everything in it is gone."
    )
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(run(playground, when_stopped=0))
