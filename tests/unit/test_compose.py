"""Holds docker-compose.yml, Dockerfile and the files around them to the code, for no Docker engine runs in the tests."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml

from api.settings import ApiSettings
from hedgerow.cli import app
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
OWN_IMAGE = f"hedgerow:{PROJECT['project']['version']}"
ONCE = {name for name, service in SERVICES.items() if service["restart"].startswith("on-failure")}
SETTINGS: dict[str, type[BaseSettings]] = {"ingest": IngestSettings, "api": ApiSettings}

EXACT_TAG = re.compile(r"^[a-z0-9][a-z0-9./-]*:\d+\.\d+\.\d+[a-z0-9.-]*$")
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<rest>[^}]*)\}")
SECRET = re.compile(r"PASSWORD|KEY|SECRET|TOKEN")

# What the images bring along that a health check may call.
PROGRAMS = {
    "mosquitto": {"mosquitto_sub"},
    "timescaledb": {"pg_isready"},
    "ingest": {"python"},
    "api": {"python"},
    "grafana": {"wget"},
}


def example() -> dict[str, str]:
    """Give the variables of .env.example."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def binds(service: dict[str, Any]) -> list[tuple[str, str]]:
    """Give the (path here, path inside) of a service's mounts that come from the tree."""
    pairs = [mount.split(":")[:2] for mount in service.get("volumes", [])]
    return [(source, target) for source, target in pairs if source.startswith(".")]


def hand_over(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a service's variables here as the example has them, with some secret filled in."""
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, VARIABLE.sub(lambda found: example()[found["name"]] or "0123456789abcdef" * 2, value))


def broker_settings() -> dict[str, str]:
    """Give the lines of mosquitto.conf by their first word; of several with the same word, the last."""
    lines = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", SERVICES)
def test_service_image_is_pinned_by_exact_tag(name: str) -> None:
    """No image moves by itself, and our own carries the version of the project."""
    image = SERVICES[name]["image"]
    assert EXACT_TAG.match(image), image
    assert image == OWN_IMAGE if "build" in SERVICES[name] else "hedgerow" not in image


@pytest.mark.parametrize("name", SERVICES)
def test_service_runs_confined(name: str) -> None:
    """Nobody is root, no capability is left, nothing outside volumes can be written, everything is restarted."""
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] in ("unless-stopped", "on-failure:5")
    assert service["pids_limit"] <= 256
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_depends_on_what_exists(name: str) -> None:
    """A dependency exists, and can come into the state that is waited for."""
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert other in ONCE


@pytest.mark.parametrize("name", SERVICES)
def test_service_mounts_what_exists(name: str) -> None:
    """A mounted path is in the tree, or is one that prepare.sh makes; a named volume is declared."""
    prepare = (ROOT / "deploy/prepare.sh").read_text(encoding="utf-8")
    for source, _ in binds(SERVICES[name]):
        if source.startswith("./deploy/secrets/"):
            assert f"$secrets/{Path(source).name}" in prepare, source
        else:
            assert (ROOT / source).exists(), source
    for mount in SERVICES[name].get("volumes", []):
        assert mount.startswith(".") or mount.split(":")[0] in COMPOSE["volumes"], mount


@pytest.mark.parametrize("name", SERVICES)
def test_service_mounts_of_the_tree_are_read_only(name: str) -> None:
    """No container can change what belongs to the operator."""
    for mount in SERVICES[name].get("volumes", []):
        assert not mount.startswith(".") or mount.endswith(":ro"), mount


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_service_of_ours_runs_a_command_with_settings_that_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command after the entry point is one `hedgerow` takes, and every HEDGEROW_ variable is one it reads."""
    hand_over(name, monkeypatch)
    word, *options = SERVICES[name]["command"]
    group = typer.main.get_command(app)
    context = group.make_context("hedgerow", [word])
    command = group.get_command(context, word)  # type: ignore[attr-defined]
    if hasattr(command, "commands"):
        command = command.get_command(context, options.pop(0))
    command.make_context(word, options)  # nothing is unknown, nothing is missing
    known = {parameter.envvar for parameter in command.params}
    if word in SETTINGS:
        known |= {f"HEDGEROW_{field.upper()}" for field in SETTINGS[word].model_fields}
    assert set(SERVICES[name]["environment"]) <= known | {"FORWARDED_ALLOW_IPS"}  # uvicorn's own


@pytest.mark.parametrize("name", SETTINGS)
def test_program_accepts_the_settings_it_is_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What compose hands over is enough, and has the right form."""
    hand_over(name, monkeypatch)
    SETTINGS[name]()


def test_variables_of_compose_stand_in_the_example() -> None:
    """.env.example names exactly the variables that docker-compose.yml reads."""
    assert {match["name"] for match in VARIABLE.finditer(COMPOSE_TEXT)} == set(example())


def test_secrets_have_no_default_anywhere() -> None:
    """A secret is empty in the example, and compose refuses to start while it is empty."""
    for match in VARIABLE.finditer(COMPOSE_TEXT):
        if SECRET.search(match["name"]):
            assert match["rest"].startswith(":?"), match[0]
            assert example()[match["name"]] == "", match["name"]
        else:
            assert match["rest"] == f":-{example()[match['name']]}", match[0]


def test_secrets_are_never_written_out() -> None:
    """What is called password, key or token holds a variable and nothing else."""
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert VARIABLE.fullmatch(value), f"{name}: {variable}"


def test_secrets_made_by_prepare_are_ignored_by_git() -> None:
    """Neither .env nor deploy/secrets can be committed by accident."""
    for path in (".env", "deploy/secrets/server.key"):
        found = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False)
        assert found.returncode == 0, f"{path} is not in a .gitignore"


def test_published_ports_are_few_local_and_distinct() -> None:
    """Only broker, console and Grafana are reached from outside, on this machine alone unless told otherwise."""
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"mosquitto", "api", "grafana"}
    numbers = [number for name, number in example().items() if name.endswith("_PORT")]
    assert len(set(numbers)) == len(numbers) == 4
    assert [len(ports[name]) for name in ("mosquitto", "api", "grafana")] == [2, 1, 1]
    for published in (port for of_service in ports.values() for port in of_service):
        assert re.fullmatch(r"\$\{\w+_BIND:-127\.0\.0\.1\}:\$\{\w+_PORT:-\d+\}:\d+", published)


def test_database_is_on_no_network_that_leads_outside() -> None:
    """Only those who need the database share its closed network, and the broker is not one of them."""
    assert COMPOSE["networks"]["store"] == {"internal": True}
    assert SERVICES["timescaledb"]["networks"] == ["store"]
    assert SERVICES["mosquitto"]["networks"] == ["messages"]
    cut_off = {name for name, service in SERVICES.items() if service.get("network_mode") == "none"}
    assert cut_off == {"broker-access"}
    used = {network for name in SERVICES.keys() - cut_off for network in SERVICES[name]["networks"]}
    assert used == set(COMPOSE["networks"])


def test_database_keeps_what_the_promise_stands_on() -> None:
    """The three settings without which a committed row can vanish are on."""
    command = SERVICES["timescaledb"]["command"]
    assert {"fsync=on", "full_page_writes=on", "synchronous_commit=on"} <= set(command)


def test_lasting_services_have_a_health_check_that_can_run() -> None:
    """Whatever runs on is checked, by a program its image brings along."""
    for name, service in SERVICES.items():
        if name in ONCE or "demo" in service.get("profiles", []):
            continue
        kind, *words = service["healthcheck"]["test"]
        program = words[0].split()[0] if kind == "CMD-SHELL" else words[0]
        assert program in PROGRAMS[name], name
        for word in words:
            for path in re.findall(r"/(?:run|mosquitto)/[\w./]+", word):
                assert path in {target for _, target in binds(service)}, f"{name}: {path}"


@pytest.mark.parametrize("name", ["ingest", "simulator"])
def test_client_of_the_broker_trusts_its_authority(name: str) -> None:
    """It speaks TLS, under its own name, and the file of the authority it is pointed at is mounted."""
    environment = SERVICES[name]["environment"]
    assert environment["HEDGEROW_MQTT_URL"] == "mqtts://mosquitto:8883"
    assert environment["HEDGEROW_MQTT_USER"] == name
    assert environment["HEDGEROW_MQTT_PASSWORD"].startswith(f"${{MQTT_{name.upper()}_PASSWORD:?")
    assert ("./deploy/secrets/ca.crt", environment["HEDGEROW_MQTT_CA_FILE"]) in binds(SERVICES[name])


def test_demo_is_only_there_when_asked_for() -> None:
    """Nothing of the simulated county starts, or gets a key, without the profile."""
    demo = {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]}
    assert demo == {"simulator", "simulator-access"}
    assert all("profiles" not in service for name, service in SERVICES.items() if name not in demo)
    for name, service in SERVICES.items():
        assert name in demo or not demo & set(service.get("depends_on", {}))


def test_broker_files_are_all_mounted() -> None:
    """Every path in mosquitto.conf is there in the container."""
    inside = {target for _, target in binds(SERVICES["mosquitto"])} | {
        "/mosquitto/data/",
        "/mosquitto/security/dynamic-security.json",
        "/usr/lib/mosquitto_persist_sqlite.so",
    }
    paths = {value for value in broker_settings().values() if value.startswith("/")}
    assert paths <= inside


def test_broker_limits_fit_what_ingest_asks_for() -> None:
    """The broker lets as much be in flight, and keeps a session as long, as ingest wants."""
    settings = broker_settings()
    assert int(settings["max_inflight_messages"]) >= IngestSettings.model_fields["receive_maximum"].default
    assert int(settings["max_inflight_messages"]) not in (0, 65_535)  # both mean "no limit", and a warning a message
    days = int(settings["persistent_client_expiration"].removesuffix("d"))
    assert days * 86_400 > IngestSettings.model_fields["mqtt_session_expiry_s"].default


def test_broker_refuses_before_it_drops() -> None:
    """Nothing is dropped by count, and memory runs out before the byte limit, which drops in silence, is reached."""
    settings = broker_settings()
    assert settings["max_queued_messages"] == "0"
    assert 0 < int(settings["memory_limit"]) <= int(settings["max_queued_bytes"]) < 2**31
    # Over message_size_limit a 3.1.1 publisher is told Success; over max_packet_size it is disconnected.
    assert int(settings["max_packet_size"]) <= 2**18
    assert "message_size_limit" not in settings


def test_broker_lets_nobody_in_without_password_or_tls() -> None:
    """Every listener speaks TLS and belongs to dynamic security; one of them wants the client's certificate."""
    text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text(encoding="utf-8")
    listeners = re.split(r"^listener ", text, flags=re.MULTILINE)[1:]
    assert [part.split()[0] for part in listeners] == ["8883", "8884"]
    assert all("\ncertfile /" in part and "\nkeyfile /" in part for part in listeners)
    assert "\nrequire_certificate true\nuse_identity_as_username true\n" in listeners[1]
    assert broker_settings()["allow_anonymous"] == "false"
    assert "\nplugin /usr/lib/mosquitto_dynamic_security.so\nplugin_opt_config_file /mosquitto/security/" in text
    assert not {"password_file", "acl_file", "per_listener_settings"} & set(broker_settings())


def test_broker_and_its_logins_share_one_file() -> None:
    """What the API and ingest show the broker is what was put into the file that the broker starts from, as its own user."""
    access = SERVICES["broker-access"]
    assert access["user"] == SERVICES["mosquitto"]["user"]
    assert access["volumes"] == ["security:/var/lib/hedgerow-broker"]
    assert "security:/mosquitto/security" in SERVICES["mosquitto"]["volumes"]
    assert access["environment"]["HEDGEROW_DYNSEC_FILE"].startswith("/var/lib/hedgerow-broker/")
    assert f"--owner {access['user'].split(':')[0]} " in DOCKERFILE.replace("\n", " ")
    for name, mine, theirs in (
        ("api", "HEDGEROW_DYNSEC_PASSWORD", "HEDGEROW_DYNSEC_PASSWORD"),
        ("ingest", "HEDGEROW_MQTT_PASSWORD", "HEDGEROW_MQTT_PASSWORD"),
        ("simulator", "HEDGEROW_MQTT_PASSWORD", "HEDGEROW_SIMULATOR_MQTT_PASSWORD"),
    ):
        assert SERVICES[name]["environment"][mine] == access["environment"][theirs]


def test_broker_settings_are_all_explained() -> None:
    """docs/operations.md tells of every setting what it is for."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in broker_settings() if f"`{name}`" not in text] == []


def test_grafana_is_given_every_variable_its_provisioning_names() -> None:
    """No data source is left with an empty address or key."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "grafana/provisioning").rglob("*.yaml"))
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    named = set(re.findall(r"\$([A-Z_]+)", "\n".join(lines)))
    assert named
    assert named <= set(SERVICES["grafana"]["environment"])


def test_grafana_installs_its_plugin_by_exact_version() -> None:
    """The plugin of the API's data source is pinned like the images."""
    sources = yaml.safe_load((ROOT / "grafana/provisioning/datasources/hedgerow.yaml").read_text(encoding="utf-8"))
    plugin, version = SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL"].split("@")
    assert plugin in {source["type"] for source in sources["datasources"]}
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_grafana_finds_the_dashboards_where_they_are_mounted() -> None:
    """The folder that the provider reads is the one that compose mounts."""
    providers = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/hedgerow.yaml").read_text(encoding="utf-8"))
    (provider,) = providers["providers"]
    assert ("./grafana/dashboards", provider["options"]["path"]) in binds(SERVICES["grafana"])


def test_dockerfile_bases_are_pinned_by_exact_tag() -> None:
    """Both Python stages are the same base: what is installed in one runs in the other."""
    bases = re.findall(r"^FROM (\S+) AS (\w+)$", DOCKERFILE, re.MULTILINE)
    assert len(bases) == DOCKERFILE.count("\nFROM ")
    assert all(EXACT_TAG.match(base) for base, _ in bases)
    stages = {stage: base for base, stage in bases}
    assert stages["python"] == stages["run"]
    assert COMPOSE["services"]["api"]["build"]["target"] == "run"


def test_dockerfile_copies_what_is_in_the_tree_and_sent_to_the_builder() -> None:
    """Every source of COPY exists, and .dockerignore lets it through."""
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for copy in copies for source in copy.split()}
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in sent, source
    assert sent == {source.split("/")[0] for source in sources}


def test_dockerfile_copies_every_package_of_the_wheel() -> None:
    """No package is forgotten: the wheel built inside the image is whole."""
    for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package}/ {package}/" in DOCKERFILE


def test_dockerfile_installs_only_what_a_lock_names() -> None:
    """Every pip either checks hashes or reaches no index at all; npm follows its lock."""
    commands = [part for line in DOCKERFILE.splitlines() if line.startswith("RUN ") for part in line[4:].split("&&")]
    installs = [command for command in commands if re.search(r"\bpip\b.* install ", command)]
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes" in command or "--no-index" in command, command
    assert "npm ci" in DOCKERFILE
    assert "npm install" not in DOCKERFILE


def test_dockerfile_last_stage_is_nobody_and_without_tools() -> None:
    """What runs is an ordinary user, the one compose names, beginning with the command of the project."""
    stage = DOCKERFILE.split(" AS run\n")[1]
    assert "apt-get" not in stage
    assert "pip uninstall --yes pip" in stage
    assert f"--uid {SERVICES['api']['user'].split(':')[0]} " in stage
    assert re.findall(r"^USER (.+)$", stage, re.MULTILINE) == ["hedgerow"]
    (entry,) = PROJECT["project"]["scripts"]
    assert f'ENTRYPOINT ["{entry}"]' in stage


def test_admin_file_lies_where_the_image_lets_it_be_written() -> None:
    """The volume for the first administrator's login covers the folder that the image gives to the user."""
    path = Path(SERVICES["migrate"]["environment"]["HEDGEROW_ADMIN_FILE"])
    assert f"admin:{path.parent}" in SERVICES["migrate"]["volumes"]
    assert re.search(rf"install --directory --owner hedgerow .* {path.parent}\n", DOCKERFILE)
