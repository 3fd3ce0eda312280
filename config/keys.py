"""The demo's own encryption key: made once, kept in its folder, so that nobody else knows it."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp

from cryptography.fernet import Fernet

NAME = "encryption.key"


def demo_keys(folder: Path) -> list[str]:
    """The keys in ``folder``, one a line; made there, for its owner's eyes alone, if it has none.

    Processes that start together get the same.
    """
    path = folder / NAME
    if not path.exists():
        _make(path)
    return path.read_text().split()


def _make(path: Path) -> None:
    handle, ours = mkstemp(prefix=f"{NAME}.", dir=path.parent)  # for its owner alone
    with open(handle, "wb") as made:
        made.write(Fernet.generate_key() + b"\n")
    try:
        os.link(ours, path)  # at once and whole; whoever comes second takes the first one's
    except FileExistsError:
        pass
    finally:
        os.unlink(ours)
