"""The console: pages rendered on the server, made livelier by small scripts where these run."""

from fastapi import APIRouter

from api.pages import (
    account,
    actions,
    areas,
    audit,
    built,
    credentials,
    device,
    device_list,
    download,
    history,
    imports,
    labels,
    offline,
    overview,
    people,
    profile_trial,
    profiles,
    quarantine,
    redecodes,
    register,
    review,
    session,
    single_sign_on,
    site,
    status,
)
from api.pages.errors import error_page

__all__ = ["error_page", "router"]

router = APIRouter(include_in_schema=False)
for part in (
    session,
    single_sign_on,
    account,
    people,
    areas,
    audit,
    overview,
    site,
    history,
    review,
    actions,
    device_list,
    device,
    credentials,
    download,
    imports,
    labels,
    profiles,
    profile_trial,
    redecodes,
    quarantine,
    status,
    register,
    offline,
    built,
):
    router.include_router(part.router)
