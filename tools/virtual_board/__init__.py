"""The virtual board: a genuine MicroPython behind a serial port (a pty), with a flash chip of its own in a file."""
