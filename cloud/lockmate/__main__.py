"""`python -m lockmate` is `lockmate`."""

from __future__ import annotations

from lockmate.cli import main

if __name__ == "__main__":
    main()
