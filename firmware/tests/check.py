"""The smallest test runner that works in MicroPython and CPython: plain functions, plain asserts.

A test file is a script of test_* functions that ends with

    if __name__ == "__main__":
        check.run(globals())

Importing this module puts firmware/ on the path, so `from companion.core import ...` works from anywhere.
pytest collects the same functions on CPython.

In MicroPython the heap is looked at after each test: one that leaves more in use each time it runs fails. What grows
once only (a module imported, a table made) is no leak, so a test after which more is in use is run again.
"""

import gc
import sys

try:
    from unittest import SkipTest as Skipped
except ImportError:  # MicroPython has no unittest

    class Skipped(Exception):
        """Raised by skip(): this test cannot run here."""


def _parent(path):
    """The folder that holds `path`, "." when it names none."""
    cut = path.rstrip("/").rfind("/")
    return path[:cut] if cut > 0 else "/" if cut == 0 else "."


def _above(path):
    """The folder above the folder `path`, for relative paths too."""
    return path + "/.." if path in (".", "") or path.endswith("..") else _parent(path)


LEAK = 128  # bytes; a moment's garbage that the collector takes for used is less
_AGAIN = 3

TESTS = _parent(__file__)
FIRMWARE = _above(TESTS)
ROOT = _above(FIRMWARE)

if FIRMWARE not in sys.path:
    sys.path.append(FIRMWARE)  # last: a compiled firmware earlier on the path (MICROPYPATH) is the one to test


def skip(why):
    """Ends the running test without a verdict; `why` is printed."""
    raise Skipped(why)


def raises(error, function, *arguments):
    """Calls function(*arguments), asserts that it raises `error`, and returns what was raised."""
    try:
        function(*arguments)
    except error as raised:
        return raised
    raise AssertionError("%s not raised by %r" % (error.__name__, arguments))


def exists(path):
    """True if the file `path` can be opened."""
    try:
        open(path).close()
    except OSError:
        return False
    return True


def shared(path):
    """The path of a file under ../shared (seen from the repository's root), or skips the test if it is absent."""
    found = ROOT + "/../shared/" + path
    if not exists(found):
        skip("no " + path + " beside the repository")
    return found


def _trace(error):
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stdout)


def _grown(test):
    """By how many bytes more is in use after the test than before it."""
    gc.collect()
    before = gc.mem_alloc()
    test()
    if "asyncio" in sys.modules:
        sys.modules["asyncio"].new_event_loop()  # tasks that a test left in the loop are the test's, no leak
    gc.collect()
    return gc.mem_alloc() - before


def without_leak(test):
    """Runs a test, and where it can be told asserts that it leaves no more in use each time."""
    if not hasattr(gc, "mem_alloc"):  # CPython
        test()
        return
    left = _grown(test)
    for _ in range(_AGAIN):
        if left <= LEAK:
            return
        left = _grown(test)
    if left > LEAK:
        raise AssertionError("%d bytes more in use each time it runs" % left)


def run(names):
    """Runs every test_* function of `names` (a module's globals()) in order of name; exits with 1 if one failed."""
    passed = failed = 0
    for name in sorted(names):
        if not name.startswith("test_") or not callable(names[name]):
            continue
        try:
            without_leak(names[name])
        except Skipped as why:
            print("skip", name + ":", why)
        except Exception as error:
            failed += 1
            print("FAIL", name)
            _trace(error)
        else:
            passed += 1
            print("ok", name)
    print("%d passed, %d failed" % (passed, failed))
    if failed:
        sys.exit(1)
