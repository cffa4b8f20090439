"""Stamps: a step that was done with the same inputs, and whose products are still there, is not done again."""

from __future__ import annotations

import hashlib
from pathlib import Path


class Stamp:
    """A small file that holds the fingerprint of a step's inputs, kept beside what the step makes."""

    def __init__(self, path: Path, inputs: list[Path | str], products: list[Path]) -> None:
        self.path = path
        self.products = products
        digest = hashlib.sha256()
        for item in inputs:
            data = item.read_bytes() if isinstance(item, Path) else item.encode()
            digest.update(hashlib.sha256(data).digest())
        self.fingerprint = digest.hexdigest()

    def holds(self) -> bool:
        """True if the step was done with these very inputs and nothing it made is missing."""
        try:
            return self.path.read_text().strip() == self.fingerprint and all(made.exists() for made in self.products)
        except OSError:
            return False

    def put(self) -> None:
        """Notes that the step is done."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.fingerprint + "\n")
