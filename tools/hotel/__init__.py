"""A whole Lockmate hotel on this machine: folder, processes, virtual doors, and browsers that visit it."""
