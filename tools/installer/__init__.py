"""The installer's tool: from a bare board to an accepted door (`lockmate-installer`)."""
