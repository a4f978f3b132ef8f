"""People and services: who may ask, as what, and where. For administrators."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import Admin, Connection, OnePage
from api.description import example, problems
from api.people import Role
from api.people.accounts import Account, Change, change_account, list_accounts, make_account, reset_password
from api.schemas import Code, Name, Page

router = APIRouter(prefix="/people", tags=["people"])

AccountId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Areas = Annotated[list[Code], Field(max_length=1000, description="Codes of areas")]


class NewAccount(BaseModel):
    """A person who is to come in, or a program."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(name="kim.hardy", role="engineer"))

    name: Name = Field(description="What they sign in with, and what the audit calls them")
    kind: Literal["person", "service"] = Field("person", description="A service has no password, only keys")
    role: Role = "viewer"
    limited: bool = Field(default=False, description="Whether they see and change only what lies in `areas`")
    areas: Areas = []


class AccountChange(BaseModel):
    """What is to become of a person or service; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=example(role="manager"))

    role: Role | None = None
    limited: bool | None = None
    areas: Areas | None = None
    disabled: bool | None = Field(None, description="true: they are out at once, and so are their keys")


class KnownAccount(BaseModel):
    """A person or service."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    kind: Literal["person", "service"]
    role: Role
    disabled: bool
    single_sign_on: bool = Field(description="Whether they come by way of the provider; it says their role")
    limited: bool
    areas: list[str]
    keys: int = Field(description="How many good API keys they have")
    created_at: datetime
    last_login_at: datetime | None


class OneTimePassword(BaseModel):
    """A password that is told once; whoever signs in with it must choose another first."""

    one_time_password: str | None


class MadeAccount(KnownAccount, OneTimePassword):
    """A new person or service; a person's one-time password is told here and never again."""


@router.get("", summary="List people and services")
async def list_people(connection: Connection, _person: Admin, asked: OnePage) -> Page[KnownAccount]:
    """Give people and services in the order of their names."""
    rows = [_known(account) for account in await list_accounts(connection, asked.after, asked.limit)]
    return Page[KnownAccount].cut(rows, asked.limit, "name")


@router.post("", status_code=201, summary="Make a person or service known", responses=problems(409))
async def make_person(connection: Connection, person: Admin, wanted: NewAccount) -> MadeAccount:
    """Make a person or service known. A person gets a one-time password, told only in this answer."""
    account, password = await make_account(
        connection, person, wanted.name, wanted.kind, wanted.role, limited=wanted.limited, areas=wanted.areas
    )
    return MadeAccount(**_known(account).model_dump(), one_time_password=password)


@router.patch("/{id}", summary="Change a person or service", responses=problems(404, 409))
async def change_person(connection: Connection, person: Admin, id: AccountId, wanted: AccountChange) -> KnownAccount:  # noqa: A002
    """Change role or areas, or keep them out. One administrator always remains."""
    return _known(await change_account(connection, person, id, Change(**wanted.model_dump())))


@router.post("/{id}/password", summary="Give a person a one-time password", responses=problems(404))
async def give_password(connection: Connection, person: Admin, id: AccountId) -> OneTimePassword:  # noqa: A002
    """Put a one-time password in the place of a person's own, and end their sessions."""
    return OneTimePassword(one_time_password=await reset_password(connection, person, id))


def _known(account: Account) -> KnownAccount:
    return KnownAccount.model_validate(account)
