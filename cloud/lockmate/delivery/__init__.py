"""What must go out: the outbox worker, its channel to the doors, and the broker's configuration."""
