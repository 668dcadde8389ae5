"""One plain look for the pages a developer opens in an emulator."""

from __future__ import annotations

from html import escape

from aiohttp import web

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent);
        --soft: color-mix(in srgb, currentColor 65%, transparent); --accent: #2f6fde; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; }
p.lead { color: var(--soft); margin: 0 0 1.5rem; }
article { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; margin: 0 0 1rem; }
article h2 { font-size: 1.05rem; margin: 0 0 .25rem; }
dl { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; margin: 0 0 .75rem; color: var(--soft);
     font-size: .875rem; }
dl div { display: flex; gap: .35rem; } dd { margin: 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; }
iframe { width: 100%; height: 22rem; border: 1px solid var(--line); border-radius: .4rem; background: #fff; }
button { font: inherit; padding: .6rem 1.4rem; border-radius: .5rem; border: 1px solid var(--line);
         cursor: pointer; background: transparent; color: inherit; }
button.main { background: var(--accent); border-color: var(--accent); color: #fff; }
form { display: inline-block; margin: 0 .5rem .5rem 0; }
"""


def page(title: str, lead: str, body: str, *, status: int = 200) -> web.Response:
    """A whole HTML page. `title` and `lead` are escaped here, `body` is HTML already. No script runs."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f'<main><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{body}</main></body></html>'
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; frame-src 'self'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return web.Response(status=status, text=html, content_type="text/html", headers=headers)


def facts(pairs: dict[str, str]) -> str:
    """A one-line list of names and values as HTML; both are escaped."""
    rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs.items() if v)
    return f"<dl>{rows}</dl>"
