"""What `deploy/` and docs/operate.md say is there: files, commands, settings; and that tools can read it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml  # type: ignore[import-untyped]

from aion.cli import app
from aion.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGE = ROOT / "docs" / "operate.md"
COMMANDS = typer.main.get_group(app).commands
SETTINGS = {f"AION_{name.upper()}" for name in Settings.model_fields} | {"PRIMARY_TENANT_ID"}
IMAGE = (DEPLOY / "Dockerfile").read_text("utf-8")
UNIT = (DEPLOY / "aion.service").read_text("utf-8")


def instructions(name: str) -> list[list[str]]:
    """The arguments of each instruction of that name in the Dockerfile."""
    whole = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", IMAGE, flags=re.MULTILINE))
    return [
        shlex.split(line.removeprefix(name)) for line in whole.splitlines() if line.startswith(f"{name} ")
    ]


def of_unit(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def composed(name: str) -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text("utf-8"))["services"]["aion"]
    return service


@pytest.mark.parametrize("path", [*sorted(DEPLOY.iterdir()), PAGE], ids=lambda path: path.name)
def test_settings_and_commands_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    assert set(re.findall(r"\b(?:AION_[A-Z][A-Z_0-9]*[A-Z0-9]|PRIMARY_TENANT_ID)\b", text)) <= SETTINGS
    told = set(re.findall(r"(?:bin/|`|exec aion |--rm |^)aion ([a-z][a-z-]*)", text, re.MULTILINE))
    assert told <= set(COMMANDS)


def test_what_is_copied_into_the_image_is_there_and_not_left_out() -> None:
    sources = [source for arguments in instructions("COPY") for source in arguments[:-1]]
    of_tree = [source for source in sources if not source.startswith(("/", "--from"))]
    kept = {line.removeprefix("!").split("/")[0] for line in ignored() if line.startswith("!")}
    assert set(of_tree) == kept
    assert all((ROOT / source).exists() for source in of_tree)


def ignored() -> list[str]:
    return (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()


def test_everything_the_package_needs_is_copied() -> None:
    """pyproject.toml names files that its build reads."""
    copied = {source for arguments in instructions("COPY") for source in arguments}
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    needed = (
        re.search(r'^readme = "(.*)"', project, re.MULTILINE),
        re.search(r'license-files = \["(.*)"\]', project),
    )
    assert {match[1] for match in needed if match} | {"aion", "models", "pyproject.toml"} <= copied
    assert re.search(r'"llama-cpp-python==[0-9.]+"', project)  # what the image compiles by itself


def test_the_image_runs_a_command_as_nobody_special() -> None:
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")[-1:]
    assert (entry, command[0].strip("[]")) == (["[aion]"], "serve")
    (user,) = instructions("USER")
    assert user not in (["root"], ["0"])
    assert f"--uid {user[0]} " in IMAGE
    assert instructions("EXPOSE") == [[str(Settings.model_fields["port"].default)]]
    assert instructions("VOLUME") == instructions("WORKDIR")[-1:]


def test_the_composed_service_is_that_image() -> None:
    service, of_gpu = composed("compose.yaml"), composed("compose.cuda.yaml")
    assert (
        DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]
    ).resolve() == DEPLOY / "Dockerfile"
    assert [volume.split(":")[1] for volume in service["volumes"]] == ["/var/lib/aion", "/documents"]
    assert service["environment"]["AION_WATCH_DIR"] == "/documents"
    assert set(of_gpu["build"]["args"]) == {arg[0].split("=")[0] for arg in instructions("ARG")}
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_unit_starts_the_service_where_its_files_are() -> None:
    (start,), (folder,) = of_unit("ExecStart"), of_unit("WorkingDirectory")
    program, command = start.split()
    assert program == "/opt/aion/.venv/bin/aion"
    assert command in COMMANDS
    assert folder == f"/var/lib/{of_unit('StateDirectory')[0]}"
    assert of_unit("Type") == ["notify"]
    stop_s = int(of_unit("TimeoutStopSec")[0])
    assert stop_s > Settings.model_fields["grace_s"].default


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "aion.service"
    unit.write_text(UNIT.replace("/opt/aion/.venv/bin/aion", shutil.which("true") or "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_names_every_file() -> None:
    page = PAGE.read_text("utf-8")
    assert [path.name for path in DEPLOY.iterdir() if path.name not in page] == []
