"""The virtual companion: the real firmware in MicroPython's own process, its door a pair of loopback channels."""
