"""The launch page: one HTML file that loads nothing, with the policies of its version inside."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from publish.page_data import page_data
from publish.page_words import besides, origin, without_script
from publish.release import Publisher, Release

_PARTS = Path(__file__).parent / "page_parts"


def launch_page(
    release: Release, template: Mapping[str, Any], publisher: Publisher | None = None
) -> str:
    """The page for a version and its template (with `Fn::` in their long form)."""
    style = (_PARTS / "page.css").read_text()
    script = "\n".join(part.read_text() for part in sorted(_PARTS.glob("*.js")))
    data = page_data(release, template)
    contents = {
        # Nothing but this very style and script runs, and nothing is loaded or sent.
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "style": style,
        "version": release.version,
        "origin": origin(release, template, publisher or Publisher()),
        "besides": besides(template),
        "without_script": without_script(release, data),
        "data": json.dumps(data).replace("<", "\\u003c"),
        "script": script,
    }
    page = (_PARTS / "page.html").read_text()
    for name, text in contents.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
