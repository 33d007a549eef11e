"""Moving the aliases, with the service's consent, and back."""

from gan.errors import UserError
from ops.pool import Say
from ops.registry import Aliases, Registry
from ops.service import ServiceError, hand_over


def promote(registry: Registry, version: str, serve: str | None, say: Say) -> None:
    """Make `version` live. Where the service does not take it (or on Ctrl-C) the aliases are put back; ServiceError."""
    before = registry.aliases()
    registry.point(Aliases(live=version, previous=before.live))
    if serve is None:
        return
    say(f"telling {serve}")
    try:
        hand_over(serve, version)
    except BaseException as error:
        registry.point(before)
        if isinstance(error, ServiceError):
            _call_back(serve, before.live)
            kept = f"version {before.live} is live again" if before.live else "no version is live"
            raise ServiceError(f"{error}; {kept}") from error
        raise


def roll_back(registry: Registry, serve: str | None, say: Say) -> str:
    """Swap `live` and `previous`; the version that is live now.

    The one that was taken back is marked, and no refresh promotes it again by itself. The aliases stay swapped even
    where the service does not follow (ServiceError): nothing may bring the bad version back.
    """
    now = registry.aliases()
    if now.live is None:
        raise UserError(f"model {registry.model!r} has no live version: nothing to roll back; run a refresh first")
    if now.previous is None or now.previous == now.live:
        raise UserError(f"model {registry.model!r} has no version before {now.live}: nothing to roll back to")
    registry.point(Aliases(live=now.previous, previous=now.live))
    registry.set_rolled_back(now.live, rolled_back=True)
    registry.set_rolled_back(now.previous, rolled_back=False)
    if serve is not None:
        say(f"telling {serve}")
        try:
            hand_over(serve, now.previous)
        except ServiceError as error:
            raise ServiceError(f"{error}; version {now.previous} is live in the registry all the same") from error
    return now.previous


def _call_back(serve: str, version: str | None) -> None:
    """Have the service go back too, if it got half way; it looks by itself before long anyway."""
    if version is None:
        return
    try:
        hand_over(serve, version, wait_seconds=0.0)
    except ServiceError:
        return
