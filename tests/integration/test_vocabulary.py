"""The carried vocabulary in the database: filled, brought up to date, and mixed with what a council added."""

from __future__ import annotations

from typing import LiteralString

import psycopg

from devices.registry import load_registry
from devices.vocabulary import fill_vocabulary, load_vocabulary

STATES = "SELECT key, code, label FROM metric_state JOIN metric USING (metric_id) ORDER BY key, code"
CARRIED = sorted((metric.key, code, label) for metric in load_vocabulary() for code, label in metric.states)


def filled_again(database: str, *changes: LiteralString) -> list[tuple[str, int, str]]:
    """Change the database, fill the vocabulary once more, and list its states."""
    with psycopg.connect(database) as connection:
        for change in changes:
            connection.execute(change)
        fill_vocabulary(connection)
        return connection.execute(STATES).fetchall()


def test_fill_vocabulary_states_are_there_and_filling_again_changes_nothing(database: str) -> None:
    """Every state of the carried table has its row."""
    assert len(CARRIED) > 10
    assert filled_again(database) == CARRIED


def test_fill_vocabulary_states_a_council_added_stay(database: str) -> None:
    """A further code of a carried metric, and the states of a metric of the council's own."""
    states = filled_again(
        database,
        "INSERT INTO metric_state SELECT metric_id, 9, 'flooded' FROM metric WHERE key = 'road_surface_state'",
        "INSERT INTO metric (key, domain, unit, unit_senml, kind, description)"
        " VALUES ('barrier', 'asset', 'enum', '', 'state', 'A barrier')",
        "INSERT INTO metric_state SELECT metric_id, 0, 'down' FROM metric WHERE key = 'barrier'",
    )

    assert states == sorted([*CARRIED, ("road_surface_state", 9, "flooded"), ("barrier", 0, "down")])


def test_fill_vocabulary_label_that_was_changed_is_brought_back(database: str) -> None:
    """A label that a later version mends reaches databases that have the old one."""
    assert filled_again(database, "UPDATE metric_state SET label = 'sodden' WHERE label = 'wet'") == CARRIED


def test_fill_vocabulary_label_a_council_gave_to_another_code_does_not_stop_it(database: str) -> None:
    """No label means two codes: the council's code keeps the label, all other states are filled."""
    states = filled_again(
        database,
        "DELETE FROM metric_state WHERE label = 'snow'",
        "UPDATE metric_state SET code = 9, label = 'snow' WHERE label = 'ice'",
    )

    assert ("road_surface_state", 9, "snow") in states
    assert ("road_surface_state", 4, "ice") in states
    assert not [state for state in states if state == ("road_surface_state", 5, "snow")]


def test_load_registry_knows_the_states_by_plain_label(database: str) -> None:
    """Labels reach ingest as devices may spell them; flags know yes and no."""
    with psycopg.connect(database) as connection:
        registry = load_registry(connection)

    codes = {
        (key, label): registry.state_codes.get((int(registry.metrics([key])[0]), label))
        for key, label in [
            ("road_state", "ice"),
            ("door", "open"),
            ("door", "yes"),
            ("motion", "moving"),
            ("road_state", "yes"),
        ]
    }
    assert list(codes.values()) == [4, 1, 1, 2, None]
