"""The parts of the launch page that stand there without JavaScript."""

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from publish.release import SEAL, TEMPLATE, Publisher, Release, launch_url

# What the stack makes beside the user: one of it, several of it, and what it is for.
BESIDES = {
    "AWS::Serverless::Function": (
        "Lambda function", "Lambda functions", "they make, change and remove users and rotate keys",
    ),
    "AWS::IAM::Role": ("role", "roles", "only these functions and their schedules can assume them"),
    "AWS::IAM::ManagedPolicy": (
        "permissions boundary", "permissions boundaries", "the most that a user can ever do",
    ),
    "AWS::DynamoDB::Table": (
        "DynamoDB table", "DynamoDB tables", "it remembers what was made, and holds no secret key",
    ),
    "AWS::Logs::LogGroup": ("log group", "log groups", "what the functions did, for a year"),
    "AWS::Scheduler::ScheduleGroup": (
        "schedule group", "schedule groups", "it deletes replaced keys when their time is over",
    ),
    "AWS::CloudWatch::Alarm": ("alarm", "alarms", "only if you name a topic for them"),
    "AWS::CloudWatch::CompositeAlarm": ("combined alarm", "combined alarms", "likewise"),
    "AWS::Logs::MetricFilter": ("metric filter", "metric filters", "what the alarms look at"),
    "AWS::Logs::QueryDefinition": ("saved query", "saved queries", "for reading the logs"),
}  # fmt: skip
# They belong to one of the others, or are the user itself.
PARTS = frozenset(
    {
        "AWS::IAM::Policy",
        "AWS::Lambda::Permission",
        "Custom::RestrictedIAMUser",
        "Custom::RestrictedIAMUserProvider",
    }
)


def besides(template: Mapping[str, Any]) -> str:
    """A list item for each kind of thing that the stack makes beside the user."""
    counts = Counter(resource["Type"] for resource in template["Resources"].values())
    return "\n".join(
        f"<li><b>{counts[kind]} {one if counts[kind] == 1 else several}</b>: {purpose}</li>"
        for kind, (one, several, purpose) in BESIDES.items()
        if counts[kind]
    )


def origin(release: Release, template: Mapping[str, Any], publisher: Publisher) -> str:
    """Who publishes the page, and everything that can be read before a launch."""
    first = release.regions[0]
    links = {
        "template": release.url(first, TEMPLATE),
        **{
            f"code of {name}": release.url(first, f"{name}.zip")
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        },
        "SHA-256 digests": release.url(first, SEAL),
    }
    if publisher.source:
        links = {
            "source": publisher.source,
            "documentation": f"{publisher.source.rstrip('/')}#readme",
            **links,
        }
    bucket = f"the owner of the bucket <code>{escape(release.bucket(first))}</code>"
    rows = {
        "Publisher": escape(publisher.name) or bucket,
        "Version": escape(release.version),
        "To read first": ", ".join(_link(address, name) for name, address in links.items()),
    }
    return "\n".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in rows.items())


def without_script(release: Release, data: Mapping[str, Any]) -> str:
    """Every variant with its sentences and its links, for whoever runs no scripts."""
    return "\n".join(_variant(release, name, one) for name, one in data["variants"].items())


def _variant(release: Release, name: str, variant: Mapping[str, Any]) -> str:
    links = " ".join(
        f"<li>{_link(launch_url(release, region, {'PolicyTemplate': name}), region)}</li>"
        for region in release.regions
    )
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in _sentences(variant))
    danger = ' class="danger"' if variant["administrator"] else ""
    grants = f"<details><summary>What it grants</summary><ul>{sentences}</ul></details>"
    return (
        f"<h3>{escape(variant['title'])} <code>{escape(name)}</code></h3>"
        f"<p{danger}>{escape(variant['description'])}</p>"
        f"{grants if sentences else ''}<p>Launch it in the AWS console in</p><ul>{links}</ul>"
    )


def _sentences(variant: Mapping[str, Any]) -> Iterator[str]:
    for source in variant["documents"]:
        for statement in source["document"]["Statement"]:
            yield source["reasons"].get(statement["Sid"], statement["Sid"])


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{escape(text)}</a>'
