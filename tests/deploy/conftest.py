from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.server.live import wait_until

SITE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
_MAIN = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


@contextmanager
def nginx_before(program: str, url: str, folder: Path) -> Iterator[str]:
    """A real nginx with the site as it stands in `deploy/`, but for its port, its certificate and AION's
    address; the address it answers at."""
    port = free_port()
    site = re.sub(r"listen .*;", f"listen 127.0.0.1:{port};", SITE.read_text("utf-8"))
    site = re.sub(r" *ssl_.*;\n", "", site).replace("http://127.0.0.1:8008", url)
    config = folder / "nginx.conf"
    config.write_text(_MAIN.format(folder=folder, site=site))
    command = [program, "-c", str(config), "-e", str(folder / "error.log")]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    with subprocess.Popen(command) as running:
        try:
            wait_until(lambda: _listens(port), "nginx to listen")
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: apt install nginx-light)")
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(nginx_before(program, url, tmp_path))
