"""The launch links of README.md: written after a publication, checked against the template."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from publish import PublishError
from publish.release import LATEST, PAGE, TEMPLATE, Release, launch_url

# Column headings and the parameters that their buttons fill in.
_BUTTONS = {
    "EC2 (`vanilla`)": {"PolicyTemplate": "vanilla"},
    "EKS, roles that exist (`eks-prebuilt`)": {"PolicyTemplate": "eks-prebuilt"},
    "EKS, roles under a boundary (`eks-bounded`)": {"PolicyTemplate": "eks-bounded"},
    "`eks`: **its holder can become administrator**": {"PolicyTemplate": "eks"},
    "Provider only": {"PolicyTemplate": "none"},
}
_BLOCK = re.compile(
    r"(<!-- launch links: `make publish` -->\n).*?(<!-- end of launch links -->)", re.S
)
_LINK = re.compile(
    r"\((https://[^)]*/cloudformation/home\?region=([^#)]*)#/stacks/create/review\?([^)]*))\)"
)
_PAGE_PICTURE = (
    "![The launch page: the choices on the left; on the right what they create, grant and cost, "
    "with the button](docs/launch-page.png)"
)


def _table(release: Release | None) -> str:
    """The Markdown between the two marks, which is empty before the first publication."""
    if release is None:
        return ""
    lines = ["| Region | " + " | ".join(_BUTTONS) + " |", "|---" * (len(_BUTTONS) + 1) + "|"]
    for region in release.regions:
        buttons = [
            f"[![Launch](docs/launch-stack.svg)]({launch_url(release, region, parameters)})"
            for parameters in _BUTTONS.values()
        ]
        lines.append(f"| {region} | " + " | ".join(buttons) + " |")
    first = release.regions[0]
    page, newest = release.url(first, PAGE), release.url(first, TEMPLATE, LATEST)
    return "\n".join([
        *lines,
        "",
        f"Version {release.version}. The [launch page]({page}) shows what each variant grants and "
        f"costs. The newest template is always at `{newest}`.",
        "",
        f"{_PAGE_PICTURE}\n",
    ])  # fmt: skip


def with_table(readme: str, release: Release | None) -> str:
    """The README with the table for a release; raises PublishError where its marks are missing."""
    if not _BLOCK.search(readme):
        raise PublishError("README.md has lost the marks between which the launch links stand.")
    return _BLOCK.sub(lambda block: block[1] + _table(release) + block[2], readme)


def disagreements(readme: str, release: Release | None, template: Mapping[str, Any]) -> list[str]:
    """Where README, record and template contradict each other, a sentence each."""
    problems = []
    if with_table(readme, release) != readme:
        problems.append("The launch links of README.md are not those of the published version.")
    for _, region, query in _LINK.findall(readme):
        fields = dict(parse_qsl(query, keep_blank_values=True))
        if release and fields.get("templateURL") != release.url(region, TEMPLATE):
            problems.append(f"The link for {region} leads to {fields.get('templateURL')}.")
        for name, value in fields.items():
            if name.startswith("param_"):
                problems += _wrong(template["Parameters"], name.removeprefix("param_"), value)
    return problems


def _wrong(parameters: Mapping[str, Any], name: str, value: str) -> list[str]:
    if name not in parameters:
        return [f"A link fills in {name}, which is no parameter of the template."]
    if value not in parameters[name].get("AllowedValues", [value]):
        return [f"A link fills in {name}={value}, which the template does not allow."]
    return []
