"""Who may talk to the dashboard."""

from __future__ import annotations

import pytest
from flask import Flask

from dashboards.access import (
    COOKIE,
    Access,
    content_policy,
    host_allowed,
    is_loopback,
    origin_allowed,
    protect,
)
from dashboards.app import create_app, make_dashboard_server
from dse.errors import ConfigError

TOKEN = "a-long-secret"


@pytest.fixture
def open_client():
    return _client(Access.of(None))


@pytest.fixture
def guarded_client():
    return _client(Access.of(TOKEN, ["Lab.example"]))


def _client(access: Access):
    server = Flask(__name__)
    server.add_url_rule("/", "page", lambda: "page", methods=["GET", "POST"])
    server.add_url_rule("/<path:rest>", "rest", lambda rest: "rest")
    protect(server, access, [])
    return server.test_client()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_loopback_is_recognised(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "lab", "localhost.evil.example", ""])
def test_everything_else_is_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "header", ["localhost:8050", "127.0.0.1", "[::1]:8050", "LAB.example:80", "10.0.0.7:8050"]
)
def test_known_names_and_addresses_are_answered(header):
    assert host_allowed(header, Access.of(TOKEN, ["lab.example"]))


@pytest.mark.parametrize(
    "header", ["evil.example", "localhost.evil.example:8050", "", "[::1", "127.0.0.1.evil.example"]
)
def test_unknown_names_are_not_answered(header):
    assert not host_allowed(header, Access.of(TOKEN, ["lab.example"]))


def test_a_foreign_address_is_not_answered_without_a_token():
    assert not host_allowed("10.0.0.7:8050", Access.of(None))


def test_dns_rebinding_gets_nothing(open_client):
    answer = open_client.get("/", headers={"Host": "evil.example"})

    assert answer.status_code == 421
    assert b"page" not in answer.data.replace(b"dashboard", b"")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "http://["])
def test_other_sites_may_not_post(open_client, origin):
    assert open_client.post("/", headers={"Origin": origin}).status_code == 403


def test_our_own_page_may_post(open_client):
    assert open_client.post("/", headers={"Origin": "http://localhost"}).status_code == 200
    assert origin_allowed(None, "localhost")


def test_every_answer_carries_the_headers(open_client):
    for answer in (open_client.get("/"), open_client.get("/", headers={"Host": "evil.example"})):
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_the_policy_allows_no_other_site_and_no_inline_script():
    policy = content_policy(["'sha256-abc'"])

    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts == "script-src 'self' 'unsafe-eval' 'sha256-abc'"
    assert "http" not in policy


def test_without_the_token_there_is_only_the_form(guarded_client):
    answer = guarded_client.get("/")

    assert answer.status_code == 401
    assert b'type="password"' in answer.data


@pytest.mark.parametrize("path", ["/", "/campaign/1", "/export/1/1/dramsys.zip", "/assets/dashboard.js"])
def test_every_path_asks_for_the_token(guarded_client, path):
    assert guarded_client.get(path).status_code == 401


def test_the_form_lets_the_token_in(guarded_client):
    answer = guarded_client.post("/login", data={"token": TOKEN}, headers={"Origin": "http://localhost"})

    assert answer.status_code == 303
    assert guarded_client.get("/").data == b"page"


def test_a_token_in_the_address_is_taken_and_removed(guarded_client):
    answer = guarded_client.get(f"/campaign/1?x=delay&token={TOKEN}")

    assert answer.headers["Location"] == "/campaign/1?x=delay"
    assert guarded_client.get("/campaign/1").data == b"rest"


def test_the_cookie_is_out_of_reach_and_does_not_hold_the_token(guarded_client):
    cookie = guarded_client.post("/login", data={"token": TOKEN}).headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize("given", ["", "wrong", "a-long-secre", "é", TOKEN + " "])
def test_anything_but_the_token_is_refused(guarded_client, given):
    answer = guarded_client.post("/login", data={"token": given})

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_a_made_up_cookie_is_refused(guarded_client):
    guarded_client.set_cookie(COOKIE, "0" * 64)

    assert guarded_client.get("/").status_code == 401


def test_the_redirect_stays_on_this_site(guarded_client):
    answer = guarded_client.get(f"//evil.example/?token={TOKEN}")

    assert not answer.headers.get("Location", "/").startswith("//")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "lab.example"])
def test_beyond_loopback_a_token_is_required(tmp_path, host):
    with pytest.raises(ConfigError, match="--token"):
        make_dashboard_server(tmp_path / "s.sqlite", host=host, port=0)


def test_a_port_that_is_taken_is_a_clear_error(tmp_path):
    first = make_dashboard_server(tmp_path / "s.sqlite", port=0)
    try:
        with pytest.raises(ConfigError, match="--port"):
            make_dashboard_server(tmp_path / "s.sqlite", port=first.server_port)
    finally:
        first.server_close()


def test_large_requests_are_refused(tmp_path):
    client = create_app(tmp_path / "s.sqlite").server.test_client()

    answer = client.post("/_dash-update-component", data=b"x" * 2_000_000, content_type="application/json")

    assert answer.status_code == 413


def test_the_application_has_no_debugger_and_no_agent_endpoint(tmp_path):
    app = create_app(tmp_path / "s.sqlite")

    rules = [str(rule) for rule in app.server.url_map.iter_rules()]
    assert not any("mcp" in rule for rule in rules)
    assert not app.server.debug


def test_every_script_and_style_comes_from_this_server(tmp_path):
    page = create_app(tmp_path / "s.sqlite").server.test_client().get("/").get_data(as_text=True)

    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert '<html lang="en">' in page
