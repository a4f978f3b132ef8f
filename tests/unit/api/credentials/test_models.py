"""What may be asked for when a credential is issued."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.credentials.models import NewCredential


def test_credential_asked_for_with_nothing_is_a_password_of_no_gateway() -> None:
    """The usual case needs no words."""
    assert NewCredential().model_dump() == {"kind": "password", "certificate_name": None, "is_gateway": False}


@pytest.mark.parametrize("name", ["", " ", "a/b", "#", "+", "%u", "x" * 65, "a\nb"])
def test_certificate_name_that_the_broker_would_misread_is_refused(name: str) -> None:
    """Wildcards, levels, placeholders and control characters are in no name."""
    with pytest.raises(ValidationError):
        NewCredential(kind="certificate", certificate_name=name)
