"""What installs, runs, simulates and measures Lockmate; nothing here runs at a hotel's door."""
