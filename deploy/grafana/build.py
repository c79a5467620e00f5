"""Writes the dashboards: `python deploy/grafana/build.py`; with --check it only says which are not as they would be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pages import PAGES
from panels import dashboard_json

FOLDER = Path(__file__).with_name("dashboards")


def main() -> int:
    """Return 1 where --check finds a file that is another one."""
    stale = 0
    for page in PAGES:
        file = FOLDER / f"{page.uid}.json"
        text = json.dumps(dashboard_json(page), indent=2) + "\n"
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            stale = 1
            sys.stderr.write(f"{file} is not what `make dashboards` writes\n")
        else:
            file.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
