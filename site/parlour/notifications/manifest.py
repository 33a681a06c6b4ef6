"""What makes Parlour an app that can be installed, and that other apps share to."""

import msgspec

from parlour.assets import Assets

ROOM = "#f9f6f1"
SOUNDS = ["audio/*", ".m4a", ".mp3", ".ogg", ".opus", ".wav", ".webm"]


def manifest(assets: Assets) -> bytes:
    """The web app manifest, as JSON."""
    icons = [
        {"src": assets.url("icon-192.png"), "sizes": "192x192", "type": "image/png"},
        {"src": assets.url("icon-512.png"), "sizes": "512x512", "type": "image/png"},
        {
            "src": assets.url("icon-512-maskable.png"),
            "sizes": "512x512",
            "type": "image/png",
            "purpose": "maskable",
        },
        {"src": assets.url("mark.svg"), "sizes": "any", "type": "image/svg+xml"},
    ]
    share = {
        "action": "/share",
        "method": "POST",
        "enctype": "multipart/form-data",
        "params": {"title": "title", "text": "text", "url": "url", "files": [{"name": "audio", "accept": SOUNDS}]},
    }
    return msgspec.json.encode(
        {
            "id": "/",
            "name": "Parlour",
            "short_name": "Parlour",
            "description": "Talk in text and in voice.",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": ROOM,
            "theme_color": ROOM,
            "icons": icons,
            "share_target": share,
        }
    )
