"""Brings in what Lockmate needs on a Debian machine. Standard library only: it runs before the venv exists."""
