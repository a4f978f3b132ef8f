"""Passwords: argon2id hashes, made and compared without holding up anybody else."""

from __future__ import annotations

import secrets
from functools import cache

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH = 12
"""Characters of a password that a person chooses."""

_HASHER = PasswordHasher()  # argon2id, RFC 9106's choice for limited memory: 64 MiB a call
_HASHES_AT_ONCE = 2  # bounds what a flood of logins costs: 128 MiB and two cores
_hashing: RunVar[CapacityLimiter] = RunVar("hedgerow_hashing")


def one_time_password() -> str:
    """Make a password that is told once: 108 random bits."""
    return secrets.token_urlsafe(18)


def hash_password(password: str) -> str:
    """Hash a password; it takes a good part of a tenth of a second."""
    return _HASHER.hash(password.encode(errors="replace"))


async def hashed(password: str) -> str:
    """Hash a password beside the event loop."""
    return await anyio.to_thread.run_sync(hash_password, password, limiter=_limiter())


async def fits(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is the one that was hashed; where there is no hash it takes just as long."""
    decoy = await anyio.to_thread.run_sync(_decoy_hash, limiter=_limiter())
    is_right = await anyio.to_thread.run_sync(_verify, password_hash or decoy, password, limiter=_limiter())
    return is_right and password_hash is not None


def slip_of(password: str, name: str) -> str | None:
    """Tell what is wrong with a password a person chose; None: nothing."""
    if len(password) < LEAST_LENGTH:
        return f"The new password must have {LEAST_LENGTH} characters or more"
    if len(password) > 1000:
        return "The new password must have 1,000 characters or fewer"
    if len(set(password)) < 5 or name.lower() in password.lower():
        return "Choose a password that is harder to guess: three random words do well, your user name does not"
    return None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password.encode(errors="replace"))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy_hash() -> str:
    """Hash that no password fits: what an unknown name is held against."""
    return _HASHER.hash(secrets.token_urlsafe(32))


def _limiter() -> CapacityLimiter:
    """Give the limiter of the running event loop."""
    try:
        return _hashing.get()
    except LookupError:
        limiter = CapacityLimiter(_HASHES_AT_ONCE)
        _hashing.set(limiter)
        return limiter
