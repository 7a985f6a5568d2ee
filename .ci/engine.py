"""A Docker engine with an image of the functions' runtime, and the way from its containers to this machine."""

import contextlib
import errno
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading

from check import run, wait_for

WORK = pathlib.Path(__file__).resolve().parent.parent / "target/ci/engine"
IMAGE = "public.ecr.aws/lambda/provided:al2023-x86_64"


def docker_answers():
    return shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


@contextlib.contextmanager
def docker_engine():
    """Yields whether a Docker engine with the image of the functions' runtime can be used."""
    if docker_answers():
        inspected = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True)
        # Only fetched, never imitated: the engine is someone's, and a stand-in would stay in it under AWS's name.
        pulled = inspected.returncode == 0 or subprocess.run(["docker", "pull", IMAGE]).returncode == 0
        print("using the Docker engine that answers" if pulled else f"the Docker engine cannot fetch {IMAGE}")
        yield pulled
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print("no Docker engine answers, and only root on Debian can start one here")
        yield False
        return
    packages = {"docker.io": "dockerd", "debootstrap": "debootstrap", "iptables": "iptables"}
    missing = [package for package, program in packages.items() if not shutil.which(program)]
    if missing:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=quiet)
        run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing, env=quiet)
    WORK.mkdir(parents=True, exist_ok=True)
    # Else a terminated run would leave the engine behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # In /tmp, as the path of a socket has at most 107 bytes.
    host = f"unix:///tmp/s3-fanout-docker-{os.getpid()}.sock"
    with open(WORK / "dockerd.log", "w") as log:
        daemon = subprocess.Popen(
            ["dockerd", "-H", host]
            + ["--data-root", WORK / "data", "--exec-root", WORK / "exec", "--pidfile", WORK / "pid"],
            stdout=log,
            stderr=log,
        )
    try:
        os.environ["DOCKER_HOST"] = host
        started = wait_for(lambda: docker_answers() or daemon.poll() is not None, 60) and daemon.poll() is None
        if started:
            import_image()
            print("using a Docker engine of our own, with Debian in the place of Amazon Linux")
        else:
            print("dockerd does not start here:\n" + "".join(open(WORK / "dockerd.log").readlines()[-3:]))
        yield started
    finally:
        daemon.terminate()
        daemon.wait(60)


def import_image():
    """Imports a minimal Debian as the runtime's image: it needs no registry, and a bootstrap needs libc only."""
    archive = WORK / "debian.tar"
    if not archive.exists():
        tree, partial = WORK / "debian", WORK / "debian.part"
        shutil.rmtree(tree, ignore_errors=True)
        # The AWS SDK loads the system's certificates at start, whatever its endpoint.
        run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", tree)
        run("tar", "-C", tree, "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "-cf", partial, ".")
        shutil.rmtree(tree)
        partial.rename(archive)
    run("docker", "import", archive, IMAGE)


class Forward(socketserver.BaseRequestHandler):
    """Joins a connection from a container to the server's port on 127.0.0.1."""

    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.server_address[1])) as target:
            answers = threading.Thread(target=pump, args=(target, self.request))
            answers.start()
            pump(self.request, target)
            answers.join()


def pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def way_to(port):
    """Yields the host under which containers reach this machine's 127.0.0.1:port.

    `sam local invoke --docker-network host` does not share the host's network: the container stays on the bridge.
    """
    bridge = run("docker", "network", "inspect", "bridge", "-f", "{{json (index .IPAM.Config 0)}}").stdout
    bridge = json.loads(bridge)
    # An engine that has just made its bridge does not say which address it gave itself: it is the subnet's first
    # (https://github.com/moby/moby/issues/26799).
    gateway = bridge.get("Gateway") or str(ipaddress.ip_network(bridge["Subnet"])[1])
    try:
        server = socketserver.ThreadingTCPServer((gateway, port), Forward)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        # The engine runs in a virtual machine, which brings its own way to the host.
        yield "host.docker.internal"
        return
    server.daemon_threads = True
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield gateway
        server.shutdown()
