"""The pages of the lab, read off their files."""

from __future__ import annotations

from pathlib import Path

PAGES = sorted(path.stem for path in (Path(__file__).parents[1] / "lab" / "app_pages").glob("*.py"))
ADDRESSES = ["", *(page for page in PAGES if page != "home")]
"""Where they are found on a server, Home first."""
