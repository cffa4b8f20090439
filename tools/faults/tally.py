"""What was tried and what did not hold."""

from __future__ import annotations


class Tally:
    """Counts of one kind of fault."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.tried = 0
        self.checks = 0
        self.violations: list[str] = []

    def fault(self) -> None:
        """One more fault was made."""
        self.tried += 1

    def check(self, fact: object, sentence: str) -> None:
        """Something that must hold; the sentence tells what did not."""
        self.checks += 1
        if not fact:
            self.violations.append(sentence)
            print(f"  VIOLATION {self.kind}: {sentence}", flush=True)

    def facts(self) -> dict[str, int]:
        """For the JSON line."""
        return {"tried": self.tried, "checks": self.checks, "violations": len(self.violations)}
