"""A page on which a recording plays. It needs no network: what draws it is in it."""

import json
from importlib import resources


def html_page(frames: dict) -> str:
    """The HTML page of frames, as `render_frames` or `frames_of` gives them."""
    page = (resources.files("self_play") / "player.html").read_text()
    return page.replace("FRAMES", json.dumps(frames).replace("<", "\\u003c"), 1)
