"""Who may talk to the dashboard: Host allow-list, same-origin rule, token, and headers on every answer.

The list stands against DNS rebinding (a page that points its own name at 127.0.0.1): a name is answered
only if we know it; an address written in digits cannot be rebound. The token is asked for when the server
listens beyond loopback. The browser keeps only a keyed digest of it, in a cookie that scripts cannot read
and other sites cannot send along.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, redirect, request

COOKIE = "dse_session"
MAX_REQUEST_BYTES = 1_000_000
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LOGIN_PATH = "/login"
_LOGIN_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>dse · sign in</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/assets/login.css"></head>
<body><main><h1>dse dashboard</h1>
<p>This server was started with a token. Enter it to see its campaigns.</p>
<form method="post" action="/login"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus>
<button>Open</button></form>%s</main></body></html>"""
_WRONG = '<p role="alert">That is not the token of this server.</p>'


@dataclass(frozen=True, slots=True)
class Access:
    """token: None on loopback. names: host names answered besides loopback and numeric addresses."""

    token: str | None = None
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, token: str | None, names: Iterable[str] = ()) -> Access:
        """With the names in lower case."""
        return cls(token or None, frozenset(name.lower() for name in names))


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine alone."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_allowed(header: str, access: Access) -> bool:
    """Whether a Host header names us: loopback, a numeric address, or a name that was allowed."""
    try:
        host = (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return False
    if host in LOOPBACK_NAMES or host in access.names:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or access.token is not None


def origin_allowed(origin: str | None, host: str) -> bool:
    """Whether a request that may change something came from our own page (or from no page at all)."""
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def protect(server: Flask, access: Access, script_hashes: Iterable[str]) -> None:
    """Put the checks before, and the headers behind, every request of the server."""
    key = secrets.token_bytes(32)
    session = "" if access.token is None else hmac.new(key, access.token.encode(), hashlib.sha256).hexdigest()
    policy = content_policy(script_hashes)
    server.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES

    @server.before_request
    def check() -> Any:
        if not host_allowed(request.host, access):
            return Response(
                "This name is not one of this dashboard's. Start it with --allow-host NAME.\n", 421
            )
        if request.method not in ("GET", "HEAD") and not origin_allowed(
            request.headers.get("Origin"), request.host
        ):
            return Response("Requests from other sites are refused.\n", 403)
        return None if access.token is None else _ask_token(access.token, session)

    @server.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response


def content_policy(script_hashes: Iterable[str]) -> str:
    """Only our own files. Plotly's WebGL compiles its drawing code at run time, hence 'unsafe-eval'."""
    scripts = " ".join(f"'{entry.strip(chr(39))}'" for entry in script_hashes)
    return (
        f"default-src 'self'; script-src 'self' 'unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _ask_token(token: str, session: str) -> Response | None:
    """Let signed-in requests pass (None); take a token from the address or the form; else show the form."""
    if hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), session.encode()):
        return None
    if request.path == "/assets/login.css":
        return None
    given = request.form.get("token", "") if request.path == LOGIN_PATH else request.args.get("token", "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return Response(_LOGIN_PAGE % (_WRONG if given else ""), 401, mimetype="text/html")
    kept = urlencode([(k, v) for k, v in request.args.items(multi=True) if k != "token"])
    target = "/" if request.path == LOGIN_PATH else _own_path(request.path)
    answer = redirect(target + (f"?{kept}" if kept else ""), code=303)
    answer.set_cookie(COOKIE, session, httponly=True, samesite="Lax", secure=request.is_secure, path="/")
    return answer  # type: ignore[return-value]


def _own_path(path: str) -> str:
    """A path of ours: never one that a browser would read as another site (`//name`)."""
    return "/" + path.lstrip("/\\")
