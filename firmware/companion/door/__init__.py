"""The door itself: scanner, bolt, senses, light and sound, and the way from a scan to an open bolt."""
