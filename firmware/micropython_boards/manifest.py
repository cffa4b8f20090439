"""What is frozen into MicroPython for a companion: asyncio, what the port needs to start, and our own first file.

That one goes on where the port's would stop: `start.py` runs from here when the file system can't be mounted.
MicroPython's build runs this file with its own names (docs/reference/manifest.rst there).
"""

freeze("$(PORT_DIR)/modules", ("flashbdev.py", "inisetup.py", "machine.py"))
include("$(MPY_DIR)/extmod/asyncio")
freeze("$(BOARD_DIR)/../frozen")
freeze("$(BOARD_DIR)/../..", "start.py")
