"""The launch page: one HTML file that loads nothing, with the policies of its version inside."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.policies.catalogue import load_catalogue
from publish.page_data import page_data
from publish.release import Release

_PARTS = Path(__file__).parent / "page_parts"


def launch_page(release: Release, template: Mapping[str, Any]) -> str:
    """The page for a version and its template (with `Fn::` in their long form)."""
    style = (_PARTS / "page.css").read_text()
    script = "\n".join(part.read_text() for part in sorted(_PARTS.glob("*.js")))
    data = json.dumps(page_data(release, template, load_catalogue()))
    contents = {
        # Nothing but this very style and script runs, and nothing is loaded or sent.
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "style": style,
        "data": data.replace("<", "\\u003c"),
        "script": script,
    }
    page = (_PARTS / "page.html").read_text()
    for name, text in contents.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
