"""Things broken on purpose, and what must hold all the same; bounded rounds, figures at the end."""
