"""What the checks here share: what must hold, commands, waits, and ports of this machine."""

import hashlib
import socket
import subprocess
import sys
import time


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"FAILED: {what}: expected {short(expected)}, found {short(found)}")


def short(value):
    if isinstance(value, bytes):
        return f"{len(value)} bytes with SHA-256 {hashlib.sha256(value).hexdigest()[:16]}"
    return repr(value)


def run(*command, statuses=(0,), **options):
    """Runs a command; what it printed is shown if it ends with another status."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode not in statuses:
        sys.exit(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
