# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython, started by signatures.py: answers each line "KEY MESSAGE SIGNATURE" (hex) with 1 or 0.

Its argument is the engine to use: "plain" takes the native one away before the choice. MESSAGE may be "-".
"""

import sys

from companion.core import ed25519


def main(engine):
    """Answers until the input ends."""
    if engine == "plain":
        ed25519._viper = lambda: None
    print(ed25519.prepare())
    verifier = None
    for line in sys.stdin:
        key, message, signature = line.split()
        key = bytes.fromhex(key)
        if verifier is None or verifier.public_key != key:
            verifier = ed25519.Verifier(key)
        message = b"" if message == "-" else bytes.fromhex(message)
        print(int(verifier.verify(message, b"" if signature == "-" else bytes.fromhex(signature))))


if __name__ == "__main__":
    main(sys.argv[1])
