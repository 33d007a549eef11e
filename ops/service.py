"""Telling a running service that another version is live, and waiting until it says so itself."""

import os
import time

import httpx

POLL_SECONDS = 1.0
WAIT_SECONDS = 120.0
_LOADING_SECONDS = 120.0  # the service answers a refresh after it has loaded and warmed the new members


class ServiceError(Exception):
    """The service did not take the version; one line."""


def hand_over(url: str, version: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
    """POST <url>/ensemble/refresh, then GET <url>/ensemble until it says `version`; else ServiceError.

    GANVIL_ADMIN_TOKEN, where set, goes along as bearer token.
    """
    token = os.environ.get("GANVIL_ADMIN_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    base = url.rstrip("/")
    deadline = time.monotonic() + wait_seconds
    with httpx.Client(headers=headers, timeout=httpx.Timeout(_LOADING_SECONDS, connect=5.0)) as client:
        try:
            answer = client.post(f"{base}/ensemble/refresh")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServiceError(f"{base} does not answer: {error or type(error).__name__}") from error
        if answer.status_code in (401, 403):
            raise ServiceError(f"{base} refuses the token: set GANVIL_ADMIN_TOKEN to the service's own")
        if not answer.is_success:
            raise ServiceError(f"{base}/ensemble/refresh answers {answer.status_code}: {_detail(answer)}")
        while True:
            served = _served(client, base)
            if served == version:
                return
            if time.monotonic() >= deadline:
                raise ServiceError(f"{base} says version {served} after {wait_seconds:.0f} s, not {version}")
            time.sleep(POLL_SECONDS)


def _served(client: httpx.Client, base: str) -> str:
    try:
        return str(client.get(f"{base}/ensemble", timeout=10.0).raise_for_status().json()["version"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return f"unknown ({error})"


def _detail(answer: httpx.Response) -> str:
    """The problem's own words (RFC 9457), else the body's first line."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return (answer.text.splitlines() or [answer.reason_phrase])[0][:200]
