"""Settings of the ingest program, from `HEDGEROW_*` variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IngestSettings(BaseSettings):
    """What ingest needs to know; docs/settings.md has the same list."""

    model_config = SettingsConfigDict(env_prefix="HEDGEROW_", extra="ignore")

    database_url: str = Field(description="PostgreSQL connection string")
    mqtt_url: str = Field("mqtt://127.0.0.1:1883", description="Broker: mqtt://HOST:PORT, or mqtts:// for TLS")
    mqtt_user: str = Field("", description="User name at the broker")
    mqtt_password: str = Field("", description="Password at the broker")
    mqtt_ca_file: Path | None = Field(None, description="CA certificates for mqtts://; default: the system's")
    mqtt_client_id: str = Field("hedgerow-ingest-0", description="Identity of the persistent session at the broker")
    mqtt_session_expiry_s: int = Field(7 * 86_400, description="How long the broker keeps the session [s]")
    mqtt_version: Literal["5", "3.1.1"] = Field("5", description="What the broker speaks; 3.1.1 is slower")
    workers: int = Field(1, ge=1, le=64, description="Ingest processes that share the messages; more than one needs MQTT 5")
    live_first: bool = Field(
        default=False,
        description="At a start, take new messages through fresh sessions and drain what has gathered beside them; "
        "needs MQTT 5 and a broker that keeps what is queued when a client unsubscribes, as Mosquitto does",
    )
    sources_file: Path | None = Field(None, description="TOML file of other brokers to listen to; default: none")
    mqtt_keeps_packet_ids: bool = Field(
        default=True, description="Whether the broker delivers again with the old packet ids, as the standard wants"
    )
    chirpstack_encoding: Literal["auto", "json", "protobuf"] = Field(
        "auto", description="What ChirpStack sends; auto: told apart by each message"
    )
    receive_maximum: int = Field(
        30_000, ge=1, le=65_535, description="Messages the broker may have unacknowledged on the way to us"
    )
    group_messages: int = Field(8_000, ge=1, description="Most messages in one group")
    group_bytes: int = Field(8 * 2**20, ge=2**16, description="Most payload bytes in one group")
    archive: bool = Field(
        default=True, description="Whether raw messages are kept for 30 days; without them nothing can be decoded again"
    )
    auto_acknowledge: bool = Field(
        default=False, description="TEST ONLY: acknowledge on arrival, which loses messages in a crash"
    )
