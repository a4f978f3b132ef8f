"""Settings that are refused."""

import pytest
import typer

from api.settings import ApiSettings
from hedgerow.refused_settings import settings_said


def test_settings_refused_name_the_variable_and_tell_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong setting ends the program with one line that names it, what was set is not shown."""
    monkeypatch.setenv("HEDGEROW_DATABASE_URL", "postgresql://hedgerow:secret-word@127.0.0.1/hedgerow")
    monkeypatch.setenv("HEDGEROW_SESSION_HOURS", "secret-word")

    with pytest.raises(typer.Exit) as ended, settings_said("api"):
        ApiSettings()

    said = capsys.readouterr().err
    assert ended.value.exit_code == 1
    assert said.startswith("hedgerow api: HEDGEROW_SESSION_HOURS: ")
    assert "secret-word" not in said
