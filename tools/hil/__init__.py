"""The door in the loop: one device under test, simulated or on the bench with a jig around it."""
