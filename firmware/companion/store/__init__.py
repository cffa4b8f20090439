"""What the door keeps on littlefs: what it learned, and its audit trail."""
