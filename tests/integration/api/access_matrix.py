"""Who may use which route: the least role for each, by method and address. A route without a line here fails the tests.

`open` stands for anyone, known or not. Pages and other routes that are not in the OpenAPI document have their lines too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.people import Role

    Least = Role | Literal["open"]

LEAST_ROLE: Mapping[str, Least] = {
    # What machines ask
    "GET /healthz": "open",
    "GET /readyz": "open",
    "GET /metrics": "viewer",
    "GET /openapi.json": "viewer",
    # The registry
    "GET /api/v1/sites": "viewer",
    "GET /api/v1/sites/{code}": "viewer",
    "POST /api/v1/sites": "engineer",
    "PATCH /api/v1/sites/{code}": "engineer",
    "GET /api/v1/profiles": "viewer",
    "GET /api/v1/profiles/{key}": "viewer",
    "POST /api/v1/profiles": "engineer",
    "PATCH /api/v1/profiles/{key}": "engineer",
    "POST /api/v1/profiles/{key}/decode": "engineer",
    "GET /api/v1/devices": "viewer",
    "GET /api/v1/devices/clocks": "viewer",
    "GET /api/v1/devices/{uid}": "viewer",
    "GET /api/v1/devices/{uid}/radio": "viewer",
    "POST /api/v1/devices": "engineer",
    "PATCH /api/v1/devices/{uid}": "engineer",
    "GET /api/v1/devices/{uid}/credentials": "engineer",
    "POST /api/v1/devices/{uid}/credentials": "engineer",
    "GET /api/v1/devices/{uid}/credentials/{credential_id}": "engineer",
    "DELETE /api/v1/devices/{uid}/credentials/{credential_id}": "engineer",
    "GET /api/v1/deployments": "viewer",
    "POST /api/v1/deployments": "engineer",
    "GET /api/v1/actions": "viewer",
    "POST /api/v1/actions": "engineer",
    "POST /api/v1/actions/{action_id}/undo": "engineer",
    "GET /api/v1/maintenance": "viewer",
    "POST /api/v1/maintenance": "engineer",
    "PATCH /api/v1/maintenance/{window_id}": "engineer",
    "DELETE /api/v1/maintenance/{window_id}": "engineer",
    "GET /api/v1/series": "viewer",
    "POST /api/v1/series": "engineer",
    "GET /api/v1/metrics": "viewer",
    # Import, export, labels
    "POST /api/v1/import/devices": "engineer",
    "GET /api/v1/export/devices": "viewer",
    "GET /api/v1/labels/read": "viewer",
    # Readings
    "GET /api/v1/readings": "viewer",
    "GET /api/v1/aggregate": "viewer",
    "GET /api/v1/latest": "viewer",
    "GET /api/v1/corrections": "viewer",
    "GET /api/v1/conflicts": "viewer",
    # The path
    "GET /api/v1/status": "viewer",
    "GET /api/v1/quarantine": "viewer",
    "GET /api/v1/quarantine/reasons": "viewer",
    "GET /api/v1/held": "viewer",
    "GET /api/v1/events": "viewer",
    "POST /api/v1/webhooks/chirpstack": "engineer",
    "POST /api/v1/webhooks/things-stack": "engineer",
    # People
    "GET /api/v1/people": "admin",
    "POST /api/v1/people": "admin",
    "PATCH /api/v1/people/{id}": "admin",
    "POST /api/v1/people/{id}/password": "admin",
    "GET /api/v1/keys": "viewer",
    "POST /api/v1/keys": "viewer",
    "DELETE /api/v1/keys/{id}": "viewer",
    "GET /api/v1/areas": "manager",
    "POST /api/v1/areas": "manager",
    "GET /api/v1/areas/{code}": "manager",
    "PATCH /api/v1/areas/{code}": "manager",
    "DELETE /api/v1/areas/{code}": "manager",
    "GET /api/v1/audit": "admin",
    # Pages
    "GET /": "viewer",
    "GET /login": "open",
    "POST /login": "open",
    "POST /logout": "open",
    "GET /devices/{uid}/credentials": "engineer",
    "POST /devices/{uid}/credentials": "engineer",
    "GET /devices/{uid}/credentials/{credential_id}/revoke": "engineer",
    "POST /devices/{uid}/credentials/{credential_id}/revoke": "engineer",
    "GET /import": "engineer",
    "POST /import": "engineer",
    "GET /import/{import_id}": "engineer",
    "POST /import/{import_id}": "engineer",
    "GET /import/{import_id}/refused.csv": "engineer",
    "GET /labels": "engineer",
    "GET /labels/sheets": "engineer",
    "GET /d/{uid}": "viewer",
    "GET /actions/new": "engineer",
    "POST /actions/new": "engineer",
    "GET /actions/{action_id}/undo": "engineer",
    "POST /actions/{action_id}/undo": "engineer",
    "GET /devices/{uid}/history": "viewer",
    "GET /sites/{code}/history": "viewer",
    "POST /sites/{code}/maintenance": "engineer",
    "POST /sites/{code}/maintenance/{window_id}/end": "engineer",
    "GET /sites/{code}": "viewer",
    "GET /sites/{code}/readings.csv": "viewer",
    "GET /static/{path:path}": "open",
    "GET /devices": "viewer",
    "GET /devices/{uid}": "viewer",
    "GET /devices/{uid}/live": "viewer",
    "GET /status": "viewer",
}
"""The least role for a route: `open`, `viewer`, `engineer`, `manager` or `admin`; every role above it may too."""
