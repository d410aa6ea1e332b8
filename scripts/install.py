"""Set up `.venv` for AION: `python3 scripts/install.py [EXTRA ...]`. Standard library only.

The one slow step is compiling llama.cpp, once a machine (pip keeps the wheel); its progress is
shown. Nothing is done again while `pyproject.toml` stays as it was. With the extra `dev` it also
sees to a Chromium for the browser tests, and to Node and curl for those of the clients.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NODE_CLIENTS = ROOT / "tests" / "clients" / "node"
_STEP = re.compile(r"\[(\d+)/(\d+)\]|\[\s*(\d+)%\]")


def main() -> None:
    extras = sys.argv[1:]
    if sys.version_info < (3, 11):
        sys.exit(f"AION needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}.")
    project = (ROOT / "pyproject.toml").read_bytes()
    digest = hashlib.sha256(project + " ".join(extras).encode()).hexdigest()
    stamp = VENV / f".installed-{'-'.join(extras) or 'base'}"
    if not (stamp.exists() and stamp.read_text() == digest):
        make_venv()
        requirements = tomllib.loads(project.decode())["project"]["dependencies"]
        llama = next(r for r in requirements if r.startswith("llama-cpp-python"))
        install_llama(llama)
        target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
        say("Installing AION and its packages ...")
        run_quietly([str(PYTHON), "-m", "pip", "install", "-q", "-e", target])
        stamp.write_text(digest)
    if "dev" in extras:
        ensure_browser()
        ensure_clients()


def say(text: str) -> None:
    print(text, flush=True)


def make_venv() -> None:
    if PYTHON.exists():
        return
    say("Making .venv ...")
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            f"{made.stdout}{made.stderr}\nNo virtual environment could be made; on Debian: apt install python3-venv"
        )


def install_llama(requirement: str) -> None:
    """pip install llama-cpp-python, its compile shown as a bar; a wheel pip has kept takes seconds."""
    if not any(shutil.which(c) for c in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        sys.exit("A C++ compiler is needed to build llama.cpp; on Debian: apt install build-essential")
    say(f"Installing {requirement} (llama.cpp is compiled once: 3 to 6 minutes on 2 cores) ...")
    env = os.environ | {"CMAKE_ARGS": os.environ.get("CMAKE_ARGS", cmake_args())}
    command = [str(PYTHON), "-m", "pip", "install", "-v", "--progress-bar", "off", requirement]
    started = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    ) as pip:
        assert pip.stdout is not None
        tail = show_progress(pip.stdout)
    if pip.returncode != 0:
        sys.exit("".join(tail) + "\nllama-cpp-python could not be installed; the lines above say why.")
    say(f"llama.cpp is ready after {time.monotonic() - started:.0f} s.")


def cmake_args() -> str:
    """No image and audio input; no AMX kernels, which die when GCC 12 compiled them."""
    args = "-DLLAVA_BUILD=OFF"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and "amx_tile" in cpuinfo.read_text():
        args += " -DCMAKE_C_FLAGS=-U__AMX_INT8__ -DCMAKE_CXX_FLAGS=-U__AMX_INT8__"
    return args


def show_progress(lines: Iterable[str]) -> list[str]:
    """Draw the compile's progress from ninja's [n/m] or make's [ n%]; return the last lines read."""
    tail: list[str] = []
    shown = -1
    for line in lines:
        tail = [*tail[-40:], line]
        step = _STEP.search(line)
        if not step:
            continue
        percent = int(step[3]) if step[3] else 100 * int(step[1]) // max(1, int(step[2]))
        if percent > shown and (sys.stdout.isatty() or percent >= shown + 10):
            shown = percent
            bar = "#" * (percent // 4)
            end = "" if sys.stdout.isatty() else "\n"
            print(f"\r  compiling llama.cpp [{bar:<25}] {percent:3d} %", end=end, flush=True)
    if shown >= 0 and sys.stdout.isatty():
        print(flush=True)
    return tail


def run_quietly(command: list[str]) -> None:
    if told := failed(command):
        sys.exit(told)


def failed(command: list[str], folder: Path = ROOT) -> str:
    """Run it; "" when it went well, else its last lines and which it was."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=folder
    )
    tail = "\n".join(done.stdout.splitlines()[-40:])
    return f"{tail}\n{' '.join(command)} failed; the lines above say why." if done.returncode else ""


def ensure_browser() -> None:
    """The browser tests drive Debian's Chromium; as root on Debian it is installed, else named."""
    if any(shutil.which(b) for b in BROWSERS):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say("No Chromium found: the browser tests will be skipped (on Debian: apt install chromium).")
        return
    say("Installing Chromium for the browser tests ...")
    run_quietly(["apt-get", "update", "-q"])
    run_quietly(["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"])


def ensure_clients() -> None:
    """curl, and Node with the packages of tests/clients/node. Without them their tests are skipped, so what
    cannot be had is told and no more."""
    wanted = {"curl": "curl", "nodejs": "node", "npm": "npm"}
    if os.environ.get("CI"):
        wanted["nginx-light"] = "nginx"  # on a machine of one's own it would begin to serve port 80
    missing = [package for package, program in wanted.items() if not shutil.which(program)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing {', '.join(missing)} for the tests of the clients ...")
        trouble = failed(["apt-get", "update", "-q"])
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        if trouble := trouble or failed(install):
            say(trouble)
    digest = hashlib.sha256((NODE_CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    stamp = NODE_CLIENTS / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    if not shutil.which("npm"):
        say("No npm found: the tests of clients for Node will be skipped (on Debian: apt install npm).")
    elif trouble := failed(["npm", "ci", "--no-audit", "--no-fund"], NODE_CLIENTS):
        say(f"{trouble}\nThe tests of clients for Node will be skipped.")
    else:
        stamp.write_text(digest)


if __name__ == "__main__":
    main()
