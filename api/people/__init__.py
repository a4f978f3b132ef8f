"""People and programs that may ask: roles, passwords, API keys, sessions, areas and single sign-on."""

from api.people.first import AdminSecrets, add_api_key, add_person, ensure_admin, write_admin_file
from api.people.keys import KEY_PREFIX, person_of_key
from api.people.roles import ROLES, WRITERS, Person, Role, Scope
from api.people.sessions import SESSION_COOKIE, csrf_token, is_csrf_token, log_in, log_out, person_of_session

__all__ = [
    "KEY_PREFIX",
    "ROLES",
    "SESSION_COOKIE",
    "WRITERS",
    "AdminSecrets",
    "Person",
    "Role",
    "Scope",
    "add_api_key",
    "add_person",
    "csrf_token",
    "ensure_admin",
    "is_csrf_token",
    "log_in",
    "log_out",
    "person_of_key",
    "person_of_session",
    "write_admin_file",
]
