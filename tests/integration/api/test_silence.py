"""The watch over a real database: states, events, gateways, maintenance, and what is no device's fault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from api.silence.look import look
from api.silence.losses import reckon_losses
from sql.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NO_PAUSE = timedelta()


@dataclass
class County:
    """A few devices that should speak every minute, and the moment it is."""

    connection: psycopg.Connection
    now: datetime = START

    def add(self, uid: str, *, profile: str = "minutely", site: str = "") -> None:
        """Register a device at a site of its own, or at another's."""
        code = site or uid
        self.execute("INSERT INTO site (code, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", code, code)
        self.execute(
            "INSERT INTO device (uid, name, profile_id) SELECT %s, 'd', profile_id FROM device_profile WHERE key = %s",
            uid,
            profile,
        )
        self.execute(
            "INSERT INTO deployment (device_id, site_id, during) SELECT device_id, site_id, tstzrange(%s, NULL)"
            " FROM device, site WHERE uid = %s AND code = %s",
            START - timedelta(days=9),
            uid,
            code,
        )

    def hear(self, *uids: str, gateway: str = "", gateways: int = 1) -> None:
        """Have ingest say that it heard devices just now."""
        for uid in uids:
            [(device_id,)] = self.execute("SELECT device_id FROM device WHERE uid = %s", uid)
            values = {
                "devices": [device_id],
                "last_us": [int(self.now.timestamp() * 1e6)],
                "messages": [1],
                "gateway": [gateway],
                "gateways": [gateways if gateway else 0],
            }
            self.connection.execute(query("note_arrivals"), values)

    def look(self, minutes: float = 0, *, every: timedelta = MINUTE / 4, is_heard: bool = True) -> None:
        """Let time pass and have the watch look again and again; ingest says that it listens, or does not."""
        until = self.now + minutes * MINUTE
        while True:
            if is_heard:
                self.execute("UPDATE ingest_status SET updated_at = %s", self.now)
            assert look(self.connection, self.now, NO_PAUSE)
            if self.now >= until:
                return
            self.now = min(until, self.now + every)

    def state(self, uid: str) -> str:
        """Give a device's state."""
        [(state,)] = self.execute("SELECT state FROM device_state JOIN device USING (device_id) WHERE uid = %s", uid)
        return str(state)

    def events(self) -> list[tuple[str, str]]:
        """Give whom events are of and their kinds, in order."""
        rows = self.execute(
            "SELECT coalesce(uid, e.gateway), kind FROM device_event e LEFT JOIN device USING (device_id) ORDER BY event_id"
        )
        return [(str(who), str(kind)) for who, kind in rows]

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Do something to the database."""
        cursor = self.connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def county(plain_database: str) -> Iterator[County]:
    """Give a county whose ingest listens."""
    with psycopg.connect(plain_database, autocommit=True) as connection:
        county = County(connection)
        county.execute("INSERT INTO ingest_status (worker, connected, updated_at) VALUES ('one', true, %s)", START)
        county.execute(
            "INSERT INTO device_profile (key, name, expected_interval_s) VALUES ('minutely', 'm', 60), ('daily', 'd', 86400)"
        )
        connection.execute(query("be_the_application"))
        yield county


def test_look_device_falls_silent_and_is_back_after_two_messages(county: County) -> None:
    """Waiting, ok, late, stale, offline; the first message back changes nothing, the second one all; each told once."""
    county.add("one")
    county.look()
    states = [county.state("one")]
    for _ in range(3):
        county.hear("one")
        county.look(1)
    for minutes in (0, 0.75, 2, 24 * 60):
        county.look(minutes if minutes < 60 else 0)
        if minutes >= 60:
            county.now += minutes * MINUTE
            county.execute("UPDATE silence_watch SET looked_at = %s", county.now - MINUTE)
            county.look()
        states.append(county.state("one"))
    for _ in range(2):
        county.hear("one")
        county.look(0.5)
        states.append(county.state("one"))

    assert states == ["waiting", "ok", "late", "stale", "offline", "offline", "ok"]
    assert county.events() == [("one", "first_message"), ("one", "silent"), ("one", "offline"), ("one", "back")]


def test_look_gateway_silent_is_one_event_and_suppresses_its_devices(county: County) -> None:
    """Five devices of a dead gateway are stale and no alarm; one that was silent before is; all is well after it is back."""
    uids = [f"by-gw-{n}" for n in range(5)]
    for uid in [*uids, "other", "two-ears"]:
        county.add(uid)
    for _ in range(4):
        county.hear(*uids, gateway="gw-1")
        county.hear("two-ears", gateway="gw-1", gateways=2)
        county.hear("other", gateway="gw-2")
        county.look(1)
    for _ in range(6):
        county.hear("other", gateway="gw-2")
        county.hear("two-ears", gateway="gw-2", gateways=1)
        county.look(1)
    during = county.events()
    suppressed = county.execute(
        "SELECT uid FROM device_state JOIN device USING (device_id) WHERE suppressed_by = 'gw-1' ORDER BY uid"
    )
    states = {county.state(uid) for uid in uids}
    for _ in range(5):
        county.hear(*uids[:4], gateway="gw-1")
        county.hear("two-ears", "other", gateway="gw-2")
        county.look(1)

    told = [event for event in during if event[1] != "first_message"]
    assert told == [("gw-1", "silent")]
    assert [uid for (uid,) in suppressed] == uids
    assert states == {"stale"}
    assert {county.state(uid) for uid in uids[:4]} == {"ok"}
    after = county.events()[len(during) :]
    assert after == [("gw-1", "back"), (uids[4], "silent")]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("connected = false", "no connection"),
        ("queue_messages = 9000", "behind"),
        ("updated_at = updated_at - interval '31 seconds'", "says nothing"),
    ],
)
def test_look_outage_of_hedgerow_itself_makes_nobody_silent(county: County, trouble: str, said: str) -> None:
    """While ingest is away or behind states stand still and it is said why; afterwards every device has the time it had."""
    county.add("one")
    for _ in range(3):
        county.hear("one")
        county.look(1)
    county.execute(f"UPDATE ingest_status SET {trouble}")  # noqa: S608 - a test's own words
    county.look(20, every=MINUTE, is_heard="updated_at" not in trouble)
    during = county.state("one")
    [(reason,)] = county.execute("SELECT reason FROM hearing_outage WHERE ended_at IS NULL")
    county.execute("UPDATE ingest_status SET connected = true, queue_messages = 0")
    county.look(1.25)
    soon_after = county.state("one")
    county.look(3)

    assert (during, soon_after, county.state("one")) == ("ok", "late", "stale")
    assert said in reason


def test_look_after_nobody_looked_for_long_makes_nobody_silent(county: County) -> None:
    """The whole of Hedgerow was off for a day: it heard nobody, so nobody was silent."""
    county.add("one")
    for _ in range(3):
        county.hear("one")
        county.look(1)
    county.now += timedelta(days=1)
    county.look()

    assert county.state("one") == "ok"
    assert county.execute("SELECT reason FROM hearing_outage") == [("Hedgerow was not running.",)]


def test_look_maintenance_is_a_state_and_its_end_a_new_start(county: County) -> None:
    """A device switched off for an hour of work raises no alarm; not until it stays silent afterwards."""
    county.add("one")
    for _ in range(3):
        county.hear("one")
        county.look(1)
    county.execute(
        "INSERT INTO maintenance_window (site_id, during, person) SELECT site_id, tstzrange(%s, %s), 'p' FROM site",
        county.now,
        county.now + 60 * MINUTE,
    )
    county.look(30, every=MINUTE)
    during = county.state("one")
    county.look(31, every=MINUTE)
    soon_after = county.state("one")
    county.look(3)

    assert (during, soon_after, county.state("one")) == ("maintenance", "ok", "stale")
    assert county.events() == [("one", "silent")]


def test_look_retired_device_and_recalled_device_are_no_alarm(county: County) -> None:
    """What is in the store or on the scrap heap need not speak; a site that nobody is at any more is retired."""
    for uid in ("gone", "in-store"):
        county.add(uid)
    county.hear("gone", "in-store")
    county.look()
    county.execute("UPDATE device SET retired_at = %s WHERE uid = 'gone'", county.now)
    county.execute("UPDATE deployment SET during = tstzrange(lower(during), %s)", county.now)
    county.look(10, every=MINUTE)

    assert (county.state("gone"), county.state("in-store")) == ("retired", "waiting")
    assert county.events() == []
    assert county.execute("SELECT DISTINCT state FROM site_state") == [("retired",)]


def test_look_site_of_safety_is_offline_after_two_intervals(county: County) -> None:
    """A lifebuoy that misses two heartbeats is unsafe; any other daily device is merely late."""
    for uid in ("lifebuoy", "bin"):
        county.add(uid, profile="daily")
    county.execute("UPDATE site SET is_safety = true WHERE code = 'lifebuoy'")
    county.hear("lifebuoy", "bin")
    county.look()
    for _ in range(49):
        county.now += timedelta(hours=1)
        county.execute("UPDATE ingest_status SET updated_at = %s", county.now)
        county.execute("UPDATE silence_watch SET looked_at = %s", county.now - MINUTE)
        county.look()

    assert (county.state("lifebuoy"), county.state("bin")) == ("offline", "late")


def test_look_device_of_a_generic_profile_is_held_against_its_own_habit(county: County) -> None:
    """The generic profile expects a message a quarter of an hour; a device that has sent one a minute is stale sooner."""
    county.add("one", profile="generic")
    for _ in range(12):
        county.hear("one")
        county.look(1)
    [(interval_s,)] = county.execute("SELECT expected_interval_s FROM device_state")
    county.look(3)

    assert interval_s == 60
    assert county.state("one") == "stale"


def test_look_again_within_the_pause_is_left_to_the_other_process(county: County) -> None:
    """Two APIs watch one county: the second one has nothing to do, unless the first one ended long ago."""
    assert look(county.connection, START, MINUTE)
    assert not look(county.connection, START + MINUTE / 2, MINUTE)
    assert look(county.connection, START + 2 * MINUTE, MINUTE)


def test_losses_are_reckoned_from_gaps_in_the_frame_counter(county: County) -> None:
    """Of 40 uplinks every fifth is missing: a fifth is lost, and six silent intervals are no alarm yet; of ten nobody knows."""
    for uid in ("lossy", "new"):
        county.add(uid)
        county.hear(uid, gateway="gw")
    county.look()
    county.execute(
        "INSERT INTO uplink_radio (device_id, received_at, digest, time, session, f_cnt, f_port, gateway, gateways)"
        " SELECT device_id, %s - n * interval '1 minute', n, %s - n * interval '1 minute', 's', 100 - n, 1, 'gw', 1"
        " FROM device, generate_series(0, 49) n WHERE n %% 5 <> 3 AND (uid = 'lossy' OR n < 10)",
        county.now,
        county.now,
    )
    assert reckon_losses(county.connection, county.now) == 2
    assert reckon_losses(county.connection, county.now) == 0
    losses = dict(county.execute("SELECT uid, loss FROM device_state JOIN device USING (device_id)"))

    assert losses["lossy"] == pytest.approx(0.2, abs=0.01)
    assert losses["new"] is None
