"""Who may talk to the server, and where its pages may reach: checked on every request.

The lab belongs to the person who started it. Any page that this person's browser has open can send
requests to the server, those of other programs on this machine included, and a name of somebody
else's can be pointed at it (https://en.wikipedia.org/wiki/DNS_rebinding). So a request is answered
if it names a host of `server.allowedHosts`, and if the page that sent it is of this server or named
in `server.corsAllowedOrigins`. Streamlit asks for the first on its WebSocket only, and takes all
ports of this machine for the second.

The headers let a browser load nothing from elsewhere into a page, whatever text is shown on it, and
show no page within one of somebody else's.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

_REFUSED: Final = (
    "The lab answers only under the names in its settings, lab/.streamlit/config.toml. To serve "
    "it under another name, start it with --server.allowedHosts NAME: see SERVING.md.\n"
)
_POLICY: Final = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob: data:",  # Streamlit's components
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
}
_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # an address may hold a text that somebody typed
}


class Guard:
    """Middleware around the whole server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with status 403 and a sentence."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif is_welcome(Headers(scope=scope)):
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            await PlainTextResponse(_REFUSED, status_code=403)(scope, receive, send)


def is_welcome(headers: Headers) -> bool:
    """Whether a request is to this server by its name and, where a page sent it, from its pages."""
    host, origin = headers.get("host"), headers.get("origin")
    # No name at all is no leave to use any: these settings were not read.
    if not config.get_option("server.allowedHosts") or not is_host_allowed(host):
        return False
    is_own = origin is None or origin.partition("://")[2] == host
    return is_own or origin in config.get_option("server.corsAllowedOrigins")


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return send_with_headers
