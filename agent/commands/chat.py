"""Serve the chat page in the foreground, on this machine, until Ctrl-C."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import click

import agent
from agent.settings import Settings, load_settings
from tools.errors import CytoscribeError

# Beside the package in a checkout and in an installed wheel alike.
PAGE = Path(agent.__file__).parents[1] / "streamlit_app.py"


@click.command()
@click.option("--port", type=int, help="Port to bind; default: CYTOSCRIBE_PORT, else 8501.")
@click.option("--host", help="Address to bind; default: CYTOSCRIBE_HOST, else 127.0.0.1.")
@click.option("--browser", is_flag=True, help="Open the page in a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as a JSON line first.")
def chat(port: int | None, host: str | None, browser: bool, as_json: bool) -> None:
    """Serve the chat page in the foreground, on this machine, until Ctrl-C.

    \b
    Examples:
      cytoscribe chat
      cytoscribe chat --port 9000 --browser
    """
    settings = load_settings(port=port, host=host)
    check_port(settings.host, settings.port)
    url = f"http://{settings.host}:{settings.port}"
    click.echo(json.dumps({"url": url}) if as_json else f"Cytoscribe: {url} (Ctrl-C stops it)")
    sys.stdout.flush()
    _become(streamlit(settings, browser))


def check_port(host: str, port: int) -> None:
    """Raise CytoscribeError unless the address can be bound."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # a server that stopped a moment ago is no obstacle
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as e:
        raise CytoscribeError(
            f"Port {port} on {host} cannot be used ({e.strerror}): stop what uses it, or choose "
            "another with --port or CYTOSCRIBE_PORT."
        ) from e


def streamlit(settings: Settings, browser: bool) -> list[str]:
    """The command that serves the page."""
    options = {
        "server.address": settings.host,
        "server.port": settings.port,
        "server.headless": str(not browser).lower(),
        "server.showEmailPrompt": "false",
        "server.maxUploadSize": settings.max_upload_mb,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(PAGE), *flags]


def _become(command: list[str]) -> None:
    """Be the server: Ctrl-C and SIGTERM reach it, and nothing is left behind."""
    if os.name == "posix":
        os.execv(command[0], command)
    sys.exit(subprocess.call(command))
