"""A real SMTP server for the tests: STARTTLS, AUTH, and mails as Python's own parser reads them.

    venv/bin/python server.py CERTIFICATE KEY PORT_FILE MAILS_FILE

Listens on a free port of loopback and writes it into PORT_FILE. Each mail becomes one line of JSON in MAILS_FILE. A recipient
`refuse-NNN@…` is refused with that code; `drop@…` has the connection cut after its mail was read. The only user is
`contact` with the password `smtp-password`.
"""

import asyncio
import email
import email.policy
import json
import os
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

CERTIFICATE, KEY, PORT_FILE, MAILS_FILE = sys.argv[1:5]


def login(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == b"contact" and data.password == b"smtp-password"
    # `handled=False`: the refusal is still to be said; a server that is told otherwise keeps silent.
    return AuthResult(success=good, handled=False)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        refused = re.match(r"refuse-(\d{3})@", address)
        if refused:
            return f"{refused.group(1)} 5.1.1 <{address}> is refused as the test says"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = lambda kind: (part.get_content() if (part := parsed.get_body(preferencelist=(kind,))) else None)
        mail = {
            "peer_is_encrypted": session.ssl is not None,
            "authenticated": bool(session.authenticated),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in parsed.items()],
            "defects": [str(defect) for defect in parsed.defects],
            "text": body("plain"),
            "html": body("html"),
        }
        with open(MAILS_FILE, "a", encoding="utf-8") as mails:
            mails.write(json.dumps(mail) + "\n")
        if any(address.startswith("drop@") for address in envelope.rcpt_tos):
            server.transport.abort()
        return "250 taken"


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    make = lambda: SMTP(
        Handler(), hostname="localhost", tls_context=context, require_starttls=True, authenticator=login,
        auth_required=True, enable_SMTPUTF8=True,
    )
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with open(PORT_FILE + ".new", "w") as file:
        file.write(str(port))
    os.rename(PORT_FILE + ".new", PORT_FILE)
    # Ends with whoever started it: its standard input closes.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
