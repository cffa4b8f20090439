"""Edges for programs: other systems and installers' tools."""
