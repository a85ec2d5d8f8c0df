#!/usr/bin/env python3
"""Whether many queued e-mails of one tenant delay another tenant's first message.

    benches/mails.py target/release/palabre [MAILS]

One tenant asks for MAILS e-mails (10,000) that a mail server takes slowly, forty a second; meanwhile another tenant at the same server,
and one at another, send single messages. Printed: how long these take with and without the queue. Everything is on
127.0.0.1 and in one temporary folder; the mail servers are this script's own, and take everything.
"""

import asyncio
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PALABRE = sys.argv[1]
MAILS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
SAMPLES = 20
KEY = "key-of-the-bench-0123456789"


class Mailbox:
    """A mail server that notes when each mail came, by its recipient. Mails of `many` are taken slowly."""

    def __init__(self):
        self.came, self.slowly = {}, asyncio.Semaphore(8)

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            await self.converse(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass

    async def converse(self, reader, writer):
        writer.write(b"220 ready\r\n")
        to = ""
        while line := await reader.readline():
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"RCPT":
                to = line.split(b"<")[1].split(b">")[0].decode()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                if to.endswith("@many.example"):
                    async with self.slowly:
                        await asyncio.sleep(0.2)
                self.came[to] = time.monotonic()
                writer.write(b"250 taken\r\n")
            elif verb == b"EHLO":
                writer.write(b"250-localhost\r\n250 8BITMIME\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
            await writer.drain()
        writer.close()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def tenant(name, port):
    return f"""id = "{name}"
name = "{name}"
replies.fallback = "ok"
[[channels]]
id = "{name}-mail"
provider = "smtp"
address = "mailto:contact@{name}.example"
host = "127.0.0.1"
port = {port}
security = "none"
[limits]
per_second = 100000
per_day = 10000000
"""


def ask(base, tenant, to):
    body = json.dumps({"tenant": tenant, "to": f"mailto:{to}", "subject": "x", "text": "Bonjour"}).encode()
    request = urllib.request.Request(f"{base}/api/v1/messages", body, {"Authorization": f"Bearer {KEY}"})
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")


async def samples(base, boxes, name):
    """How long single messages of the other tenants take, in milliseconds: median and longest."""
    told = {}
    for who, box in boxes.items():
        took = []
        for nth in range(SAMPLES):
            to, begun = f"{name}-{nth}@{who}.example", time.monotonic()
            await asyncio.to_thread(ask, base, who, to)
            while to not in box.came:
                await asyncio.sleep(0.0005)
                assert time.monotonic() - begun < 60, f"{who}: nothing came"
            took.append((box.came[to] - begun) * 1e3)
        told[who] = (statistics.median(took), max(took))
        print(f"  {name:<12} {who:<6} median {told[who][0]:8.1f} ms   longest {told[who][1]:8.1f} ms")
    return told


async def main():
    shared, own = Mailbox(), Mailbox()
    await shared.start()
    await own.start()
    with tempfile.TemporaryDirectory(prefix="palabre-mails-") as folder:
        folder, port = pathlib.Path(folder), free_port()
        (folder / "tenants").mkdir()
        (folder / "key").write_text(KEY)
        (folder / "key").chmod(0o600)
        (folder / "palabre.toml").write_text(
            f'[http]\nlisten = "127.0.0.1:{port}"\npublic_base_url = "http://127.0.0.1:{port}"\n[database]\nurl = "sqlite://palabre.db"\n'
            f'[[api.keys]]\nname = "bench"\nkey = {{ file = "key" }}\ntenants = ["*"]\nscopes = ["read", "send"]\n'
        )
        # `many` fills the queue; `same` shares its mail server, `other` does not.
        for name, box in [("many", shared), ("same", shared), ("other", own)]:
            (folder / "tenants" / f"{name}.toml").write_text(tenant(name, box.port))
        log = open(folder / "log", "w")
        daemon = subprocess.Popen([PALABRE, "serve", "--config", str(folder / "palabre.toml")], stdout=log, stderr=log)
        try:
            base = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"{base}/readyz", timeout=1)
                    break
                except OSError:
                    assert daemon.poll() is None, (folder / "log").read_text()[-2000:]
                    await asyncio.sleep(0.05)
            boxes = {"other": own, "same": shared}
            await samples(base, boxes, "alone")
            print(f"  {MAILS} mails are asked for …")
            begun = time.monotonic()
            workers = asyncio.Semaphore(16)

            async def one(number):
                async with workers:
                    await asyncio.to_thread(ask, base, "many", f"m{number}@many.example")

            await asyncio.gather(*(one(number) for number in range(MAILS)))
            done = sum(to.endswith("@many.example") for to in shared.came)
            print(f"  asked for within {time.monotonic() - begun:.1f} s; {MAILS - done} wait")
            await samples(base, boxes, "queued")
            done = sum(to.endswith("@many.example") for to in shared.came)
            print(f"  {MAILS - done} still waited at the end" + ("" if done < MAILS else ": the queue was too short to tell"))
        finally:
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()


if __name__ == "__main__":
    os.environ.pop("http_proxy", None)
    asyncio.run(main())
