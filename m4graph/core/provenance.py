"""Where a result came from: version, commit and machine, for the files of an output folder."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

try:
    import resource as _resource
except ImportError:  # Windows has none.
    resource: ModuleType | None = None
else:
    resource = _resource


@cache
def package_version() -> str:
    """The installed version of m4graph; ``"unknown"`` if it runs without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("m4graph")
    except PackageNotFoundError:
        return "unknown"


@cache
def git_commit() -> str | None:
    """The commit of the checkout that m4graph runs from; ``None`` outside of one."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def peak_rss_bytes() -> int | None:
    """The most memory that this process has held so far, in bytes; ``None`` on Windows."""
    if resource is None:
        return None
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def provenance() -> dict[str, str | None]:
    """Version, commit, Python and platform, as plain text for JSON."""
    return {
        "version": package_version(),
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
