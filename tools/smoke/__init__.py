"""The smoke run: the main job and every journey beside it, on real parts, headless, through public faces only."""
