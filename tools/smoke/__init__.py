"""The smoke run: the main job on real parts, headless, through public faces only, in under a minute."""
