# mypy: ignore-errors
# (this runs in MicroPython)
"""Runs in MicroPython under callgrind, started by verify.py: TURNS WHICH SIZE SIGNATURE [FILE].

WHICH of the verifications is run so many times on the message of SIZE bytes that counts up, with its signature in
hex: ours, textbook, frozen, libsodium (FILE: the library), and the lab's d4 (FILE: its tables) and textbook.
"""

import sys

KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")


def ours(message, signature, _):
    """The product."""
    from companion.core import ed25519

    if ed25519.engine() != "viper":
        raise AssertionError("the engine counted is " + ed25519.engine())
    verifier = ed25519.Verifier(KEY)
    verifier.verify(message, signature)
    return lambda: verifier.verify(message, signature)


def textbook(message, signature, _):
    """Our textbook."""
    from textbook import verify

    return lambda: verify(KEY, message, signature)


def frozen(message, signature, _):
    """The denominator of gate.* and door.*; it has a message of its own, of the same length."""
    import frozen_d4

    frozen_d4.prepare()
    return lambda: frozen_d4.verify(frozen_d4.MESSAGE, frozen_d4.SIGNATURE)


def libsodium(message, signature, library):
    """C, called from the same interpreter."""
    import ffi

    verify = ffi.open(library).func("i", "crypto_sign_verify_detached", "PPQP")
    return lambda: verify(signature, message, len(message), KEY) == 0


def lab_d4(message, signature, tables):
    """The lab's."""
    import ed_d4

    with open(tables, "rb") as file:
        ed_d4.setup(KEY, 8, 1, file.read())
    return lambda: ed_d4.verify(signature, message)


def lab_textbook(message, signature, _):
    """The lab's."""
    import ed_a

    ed_a.setup(KEY)
    return lambda: ed_a.verify(signature, message)


if __name__ == "__main__":
    turns, which, size, signature = sys.argv[1:5]
    verify = globals()[which](bytes(range(int(size))), bytes.fromhex(signature), sys.argv[-1])
    for _ in range(int(turns)):
        if not verify():
            raise AssertionError("a good signature was refused")
