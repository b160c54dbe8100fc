"""A WinRM endpoint built only from third-party parts: psrpcore's ServerRunspacePool and pyspnego's acceptor.

Our client is run against it. Prints one JSON line with its ports, its certificate and an account, then serves until its
standard input closes.

The cmdlets are the few that the test needs; what arrives is written to --log as JSON lines, so that the test can
compare what an independent reader understood with what was meant.
"""

import argparse
import base64
import datetime
import http.server
import json
import os
import ssl
import sys
import tempfile
import threading
import time
import uuid
import xml.etree.ElementTree as ET

# What fits into an envelope of 500 KiB, and a number that is no multiple of anything.
MAX_DATA = 99_991

USER, PASSWORD = "svc-peer", "P@ssw0rd-of-the-peer"

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "ps": "http://schemas.microsoft.com/powershell",
}
SHELL = NS["rsp"]
TRANSFER = NS["x"]


def tag(prefix, name):
    return "{%s}%s" % (NS[prefix], name)


class Fault(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


class Pipeline:
    def __init__(self):
        self.pending = b""
        self.done = False
        self.stopped = False


class Shell:
    """One runspace pool with its outgoing bytes per stream."""

    def __init__(self, log):
        from psrpcore import ServerRunspacePool

        self.pool = ServerRunspacePool()
        self.pool_pending = b""
        self.pipelines = {}
        self.lock = threading.Condition()
        self.log = log

    def feed(self, data, pipeline_id=None):
        from psrpcore import PSRPPayload, StreamType

        self.pool.receive_data(PSRPPayload(data, StreamType.default, pipeline_id))
        while True:
            event = self.pool.next_event()
            if event is None:
                break
            self.handle(event)
        self.drain()

    def drain(self):
        while True:
            payload = self.pool.data_to_send()
            if payload is None:
                break
            if payload.pipeline_id is None:
                self.pool_pending += payload.data
            else:
                self.pipelines.setdefault(payload.pipeline_id, Pipeline()).pending += payload.data
        self.lock.notify_all()

    def handle(self, event):
        name = type(event).__name__
        if name == "CreatePipelineEvent":
            self.run(self.pool.pipeline_table[event.pipeline_id], event.pipeline, event.pipeline_id)

    def run(self, pipeline, powershell, pipeline_id):
        from psrpcore.types import ErrorCategory, ErrorCategoryInfo, ErrorRecord, NETException, PSString

        pipeline.start()
        failure = None
        for command in powershell.commands:
            parameters = {}
            for key, value in command.parameters:
                parameters[str(key)] = value
            self.log({"cmdlet": command.command_text, "is_script": bool(command.is_script),
                      "parameters": {k: describe(v) for k, v in parameters.items()}})
            if command.command_text == "Get-Mailbox":
                if str(parameters.get("Identity")) == "missing":
                    pipeline.write_error(
                        NETException("The operation couldn't be performed because object 'missing' couldn't be found on 'DC01'."),
                        category_info=ErrorCategoryInfo(Category=ErrorCategory.NotSpecified, Activity="Get-Mailbox",
                                                        Reason="ManagementObjectNotFoundException"),
                        fully_qualified_error_id="[Server=EX01,RequestId=1,TimeStamp=2] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] 1A2B,Microsoft.Exchange.Management.RecipientTasks.GetMailbox")
                else:
                    pipeline.write_output(mailbox(str(parameters.get("Identity"))))
            elif command.command_text in ("New-Mailbox", "Set-Mailbox"):
                pipeline.write_warning("a warning of the peer \U0001F4E7 _x0041_")
                pipeline.write_output(mailbox(str(parameters.get("Name", parameters.get("Identity")))))
            elif command.command_text == "Get-Many":
                for number in range(int(parameters["Count"])):
                    pipeline.write_output(mailbox("user%05d" % number))
            elif command.command_text == "Wait-Stop":
                # Ends only by the stop signal.
                self.pipelines[pipeline_id].waiting = pipeline
                return
            else:
                failure = command.command_text
                break
        if failure is None:
            pipeline.complete()
        else:
            record = ErrorRecord(
                NETException("The term '%s' is not recognized." % failure),
                ErrorCategoryInfo(Category=ErrorCategory.ObjectNotFound, Reason="CommandNotFoundException", TargetName=failure),
                TargetObject=PSString(failure), FullyQualifiedErrorId="CommandNotFoundException")
            from psrpcore.types import PSInvocationState

            pipeline.state = PSInvocationState.Running
            pipeline._change_state(PSInvocationState.Failed, error=record)
        self.pipelines[pipeline_id].done = True

    def stop(self, pipeline_id):
        state = self.pipelines[pipeline_id]
        waiting = getattr(state, "waiting", None)
        if waiting is not None and not state.done:
            waiting.stop()
            state.done = True
        self.drain()


def describe(value):
    """What psrpcore understood of a parameter, with its type."""
    import psrpcore.types as t

    if value is None:
        return {"type": "null"}
    if isinstance(value, t.PSSecureString):
        return {"type": "PSSecureString", "value": value.decrypt()}
    if isinstance(value, (list, t.PSListBase)):
        return {"type": type(value).__name__, "items": [describe(v) for v in value]}
    if isinstance(value, dict):
        return {"type": type(value).__name__, "entries": {str(k): describe(v) for k, v in value.items()}}
    if isinstance(value, t.PSBool) or isinstance(value, bool):
        return {"type": "PSBool", "value": bool(value)}
    if isinstance(value, int):
        return {"type": type(value).__name__, "value": int(value)}
    return {"type": type(value).__name__, "value": str(value)}


def mailbox(name):
    import psrpcore.types as t

    box = t.PSCustomObject(
        Name=t.PSString(name),
        Guid=t.PSGuid(str(uuid.uuid5(uuid.NAMESPACE_DNS, name))),
        EmailAddresses=t.PSList([t.PSString("SMTP:%s@contoso.com" % name), t.PSString("X500:/o=Contoso/cn=_x0041_%s" % name)]),
        EmailAddressPolicyEnabled=t.PSBool(True),
        Unicode=t.PSString("\u00e4\u4e2d\U0001F4E7\r\n\t"),
    )
    return box


class Server:
    def __init__(self, log_path, fail_after=0):
        self.shells = {}
        self.lock = threading.Lock()
        self.log_file = open(log_path, "a", encoding="utf-8") if log_path else None
        self.fail_after = fail_after
        self.other_binding = None

    def log(self, entry):
        if self.log_file:
            self.log_file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self.log_file.flush()

    def answer(self, body):
        root = ET.fromstring(body)
        header, payload = root.find(tag("s", "Header")), root.find(tag("s", "Body"))
        action = header.findtext(tag("a", "Action"))
        message_id = header.findtext(tag("a", "MessageID"))
        self.log({"action": action.rsplit("/", 1)[-1]})
        try:
            response_action, xml = self.dispatch(action, header, payload)
        except Fault as fault:
            response_action, xml = NS["w"] + "/fault", fault_body(fault)
            return 500, envelope(response_action, message_id, xml)
        return 200, envelope(response_action, message_id, xml)

    def shell_of(self, header):
        for selector in header.iter(tag("w", "Selector")):
            if selector.get("Name") == "ShellId" and selector.text in self.shells:
                return selector.text, self.shells[selector.text]
        raise Fault(2150858843, "The request for the Windows Remote Shell with ShellId failed because the shell was not found on the server.")

    def dispatch(self, action, header, payload):
        if action == TRANSFER + "/Create":
            node = payload.find(tag("rsp", "Shell"))
            creation = node.find(tag("ps", "creationXml"))
            shell_id = node.get("ShellId") or str(uuid.uuid4()).upper()
            shell = Shell(self.log)
            with shell.lock:
                shell.feed(base64.b64decode(creation.text))
            self.shells[shell_id] = shell
            return TRANSFER + "/CreateResponse", (
                '<x:ResourceCreated xmlns:x="%s"><a:Address>http://localhost/wsman</a:Address><a:ReferenceParameters>'
                '<w:ResourceURI>%s</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet>'
                '</a:ReferenceParameters></x:ResourceCreated><rsp:Shell><rsp:ShellId>%s</rsp:ShellId>'
                '<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams></rsp:Shell>'
                % (TRANSFER, header.findtext(tag("w", "ResourceURI")), shell_id, shell_id))
        if action == TRANSFER + "/Delete":
            shell_id, _ = self.shell_of(header)
            del self.shells[shell_id]
            return TRANSFER + "/DeleteResponse", ""
        shell_id, shell = self.shell_of(header)
        if action == SHELL + "/Command":
            node = payload.find(tag("rsp", "CommandLine"))
            command_id = node.get("CommandId")
            with shell.lock:
                from psrpcore import ServerPipeline

                ServerPipeline(shell.pool, uuid.UUID(command_id))
                shell.pipelines[uuid.UUID(command_id)] = Pipeline()
                shell.feed(base64.b64decode(node.findtext(tag("rsp", "Arguments"))), uuid.UUID(command_id))
            return SHELL + "/CommandResponse", "<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>" % command_id
        if action == SHELL + "/Send":
            stream = payload.find(tag("rsp", "Send")).find(tag("rsp", "Stream"))
            command_id = stream.get("CommandId")
            with shell.lock:
                shell.feed(base64.b64decode(stream.text), uuid.UUID(command_id) if command_id else None)
            return SHELL + "/SendResponse", "<rsp:SendResponse />"
        if action == SHELL + "/Signal":
            node = payload.find(tag("rsp", "Signal"))
            code, command_id = node.findtext(tag("rsp", "Code")), node.get("CommandId")
            self.log({"signal": code})
            with shell.lock:
                if code == "powershell/signal/crtl_c":
                    shell.stop(uuid.UUID(command_id))
                else:
                    shell.pipelines.pop(uuid.UUID(command_id), None)
            return SHELL + "/SignalResponse", "<rsp:SignalResponse />"
        if action == SHELL + "/Receive":
            desired = payload.find(tag("rsp", "Receive")).find(tag("rsp", "DesiredStream"))
            command_id = desired.get("CommandId")
            return SHELL + "/ReceiveResponse", self.receive(shell, command_id)
        raise Fault(2150858752, "action not supported: " + action)

    def receive(self, shell, command_id):
        deadline = time.monotonic() + 20
        with shell.lock:
            while True:
                if command_id:
                    state = shell.pipelines.get(uuid.UUID(command_id))
                    if state is None:
                        raise Fault(2150858843, "no such command")
                    data, state.pending = state.pending[:MAX_DATA], state.pending[MAX_DATA:]
                    done = state.done and not state.pending
                else:
                    data, shell.pool_pending = shell.pool_pending, b""
                    done = False
                if data or done:
                    break
                if time.monotonic() > deadline:
                    raise Fault(2150858793, "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.")
                shell.lock.wait(0.5)
        attribute = ' CommandId="%s"' % command_id if command_id else ""
        stream = '<rsp:Stream Name="stdout"%s>%s</rsp:Stream>' % (attribute, base64.b64encode(data).decode()) if data else ""
        state = ""
        if command_id:
            which = "Done" if done else "Running"
            state = '<rsp:CommandState CommandId="%s" State="%s/CommandState/%s" />' % (command_id, SHELL, which)
        return "<rsp:ReceiveResponse>%s%s</rsp:ReceiveResponse>" % (stream, state)


def envelope(action, relates_to, body):
    names = " ".join('xmlns:%s="%s"' % (k, NS[k]) for k in ("s", "a", "w", "p", "rsp"))
    return (
        '<s:Envelope xml:lang="en-US" %s><s:Header><a:Action>%s</a:Action><a:MessageID>uuid:%s</a:MessageID>'
        "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To><a:RelatesTo>%s</a:RelatesTo></s:Header>"
        "<s:Body>%s</s:Body></s:Envelope>" % (names, action, str(uuid.uuid4()).upper(), relates_to, body)
    ).encode()


def fault_body(fault):
    return (
        '<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code>'
        '<s:Reason><s:Text xml:lang="">%s</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f="%s" Code="%d" Machine="peer">'
        "<f:Message>%s</f:Message></f:WSManFault></s:Detail></s:Fault>" % (fault.text, NS["f"], fault.code, fault.text))


def boundary_parts(body):
    """Reads a multipart/encrypted or multipart/x-multi-encrypted body by lengths: (plain length, header, data) of each part."""
    marker, octets = b"--Encrypted Boundary", b"application/octet-stream\r\n"
    parts, place = [], 0
    while not body.startswith(marker + b"--\r\n", place):
        assert body.startswith(marker + b"\r\n", place), "boundary"
        start = body.index(octets, place) + len(octets)
        head = body[place:start].decode("latin-1")
        length = int(head.lower().split("length=", 1)[1].split("\r\n", 1)[0])
        header_length = int.from_bytes(body[start:start + 4], "little")
        start += 4
        if "credssp" in head.lower():
            # Header and data are one TLS record.
            end = start + 5 + int.from_bytes(body[start + 3:start + 5], "big")
        else:
            # Padding is counted in Length.
            end = start + header_length + length
        parts.append((length, body[start:start + header_length], body[start + header_length:end]))
        place = end
    assert place + len(marker) + 4 == len(body), "terminator"
    return parts


LABELS = {"kerberos": "application/HTTP-Kerberos-session-encrypted", "credssp": "application/HTTP-CredSSP-session-encrypted"}
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
# What one TLS record holds.
CHUNK = 16384


def handler(server, tls_binding, schemes, has_client_certificate=False):
    """schemes: in lower case, what is offered and taken."""
    import spnego
    from spnego.channel_bindings import GssChannelBindings

    offer = [("WWW-Authenticate", name) for name in ("Negotiate", "Kerberos", "CredSSP", "NTLM") if name.lower() in schemes]
    if "basic" in schemes and tls_binding:
        offer.append(("WWW-Authenticate", 'Basic realm="peer"'))

    def acceptor(scheme):
        options = {}
        if tls_binding and scheme != "credssp":
            options["channel_bindings"] = GssChannelBindings(application_data=server.other_binding or tls_binding)
        protocol = {"ntlm": "ntlm", "kerberos": "kerberos", "credssp": "credssp"}.get(scheme, "negotiate")
        flags = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
        if protocol == "kerberos":
            flags = spnego.NegotiateOptions.use_gssapi
        return spnego.server(hostname="localhost", service="HTTP", protocol=protocol, options=flags, **options)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def setup(self):
            super().setup()
            self.context, self.scheme, self.served = None, None, 0

        def log_message(self, *args):
            pass

        def reply(self, status, body=b"", headers=()):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self, why=None):
            if why:
                server.log({"sign_in_refused": why})
            self.context = None
            self.reply(401, headers=offer)

        def signed_in_without_context(self, authorization):
            """Basic and certificates: proved with each request, protected by TLS."""
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() == "basic" and "basic" in schemes and tls_binding:
                expected = "%s\\%s:%s" % ("CONTOSO", USER, PASSWORD)
                return "basic" if base64.b64decode(token).decode() == expected else None
            if authorization == MUTUAL and has_client_certificate:
                subject = dict(pair[0] for pair in self.connection.getpeercert()["subject"])
                return "certificate" if subject.get("commonName") == USER else None
            return None

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            authorization = self.headers.get("Authorization")
            token_header = []
            if authorization and (authorization == MUTUAL or authorization.lower().startswith("basic ")):
                how = self.signed_in_without_context(authorization)
                if how is None:
                    return self.refuse("not by " + authorization.partition(" ")[0])
                server.log({"signed_in": how, "mechanism": how, "tls": bool(tls_binding)})
                if not body:
                    return self.reply(200)
                status, answer = server.answer(body)
                return self.reply(status, answer, headers=[("Content-Type", "application/soap+xml;charset=UTF-8")])
            if authorization:
                self.scheme, _, token = authorization.partition(" ")
                if self.scheme.lower() not in schemes:
                    return self.refuse("not offered: " + self.scheme)
                try:
                    if self.context is None or self.context.complete:
                        self.context = acceptor(self.scheme.lower())
                    answer = self.context.step(base64.b64decode(token))
                except Exception as error:  # any refusal is a 401
                    return self.refuse("%s: %s" % (type(error).__name__, error))
                if answer:
                    token_header = [("WWW-Authenticate", "%s %s" % (self.scheme, base64.b64encode(answer).decode()))]
                if not self.context.complete:
                    return self.reply(401, headers=token_header)
                server.log({"signed_in": self.scheme, "mechanism": self.context.negotiated_protocol,
                            "as": str(self.context.client_principal), "tls": bool(tls_binding)})
                if self.scheme.lower() == "credssp":
                    given = self.context.get_extra_info("client_credential")
                    server.log({"delegated": "%s\\%s" % (given.domain_name, given.username),
                                "password_fits": given.password == PASSWORD,
                                "credssp_version": str(self.context.get_extra_info("protocol_version"))})
            if self.context is None or not self.context.complete:
                return self.refuse()
            if not body:
                return self.reply(200, headers=token_header)
            content_type = self.headers.get("Content-Type", "")
            sealed = content_type.startswith("multipart/")
            if not sealed and not tls_binding:
                server.log({"clear_text_refused": True})
                return self.reply(401)
            label = LABELS.get(self.scheme.lower(), "application/HTTP-SPNEGO-session-encrypted")
            if sealed:
                assert label in content_type, content_type
                plain = b""
                for length, header, data in boundary_parts(body):
                    part = self.context.unwrap_winrm(header, data)
                    assert len(part) == length, "Length"
                    plain += part
                body = plain
            status, answer = server.answer(body)
            content_type = "application/soap+xml;charset=UTF-8"
            if sealed:
                size = CHUNK if self.scheme.lower() == "credssp" else max(len(answer), 1)
                chunks = [answer[place:place + size] for place in range(0, len(answer), size)]
                kind = "multipart/x-multi-encrypted" if len(chunks) > 1 else "multipart/encrypted"
                answer = b"".join(self.sealed_part(label, chunk) for chunk in chunks) + b"--Encrypted Boundary--\r\n"
                content_type = '%s;protocol="%s";boundary="Encrypted Boundary"' % (kind, label)
            self.served += 1
            closing = []
            if server.fail_after and self.served >= server.fail_after:
                # The connection dies after this answer, as idle ones do behind HTTP.sys.
                closing, self.close_connection = [("Connection", "close")], True
            self.reply(status, answer, headers=token_header + [("Content-Type", content_type)] + closing)

        def sealed_part(self, label, chunk):
            wrapped = self.context.wrap_winrm(chunk)
            head = ("--Encrypted Boundary\r\n\tContent-Type: %s\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
                    "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n" % (label, len(chunk) + wrapped.padding_length))
            return head.encode() + len(wrapped.header).to_bytes(4, "little") + wrapped.header + wrapped.data

    return Handler


def make_certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA384()))
    cert_path, key_path = os.path.join(folder, "peer.pem"), os.path.join(folder, "peer.key")
    with open(cert_path, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(key_path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    digest = hashes.Hash(hashes.SHA384())
    digest.update(certificate.public_bytes(serialization.Encoding.DER))
    return cert_path, key_path, b"tls-server-end-point:" + digest.finalize()


def make_client_identity(folder):
    """A certificate for the account, and its own authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.timezone.utc)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(subject, public, is_ca, extra=()):
        builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("peer clients")).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=2))
                   .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), True))
        for extension in extra:
            builder = builder.add_extension(extension, False)
        return builder.sign(root_key, hashes.SHA256())

    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    paths = [os.path.join(folder, file) for file in ("client-ca.pem", "client.pem", "client.key")]
    pem = serialization.Encoding.PEM
    texts = [certificate("peer clients", root_key.public_key(), True).public_bytes(pem),
             certificate(USER, key.public_key(), False, [usage]).public_bytes(pem),
             key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())]
    for path, text in zip(paths, texts):
        with open(path, "wb") as file:
            file.write(text)
    return paths


def require_binding():
    """pyspnego compares the binding but passes over one of zeros, which stands for none."""
    import spnego._ntlm as ntlm
    from spnego.exceptions import BadBindingsError

    accept = ntlm.NTLMProxy._step_accept_authenticate

    def strict(self, token, channel_bindings):
        response = ntlm.NTClientChallengeV2.unpack(ntlm.Authenticate.unpack(token).nt_challenge_response[16:])
        if channel_bindings and not any(response.av_pairs.get(ntlm.AvId.channel_bindings, b"")):
            raise BadBindingsError(context_msg="no channel binding")
        return accept(self, token, channel_bindings)

    ntlm.NTLMProxy._step_accept_authenticate = strict


def serve(handler_class, tls=None):
    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_class)
    if tls:
        one.socket = tls.wrap_socket(one.socket, server_side=True, do_handshake_on_connect=False)
    one.daemon_threads = True
    threading.Thread(target=one.serve_forever, daemon=True).start()
    return one.server_address[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    parser.add_argument("--fail-after", type=int, default=0)
    parser.add_argument("--schemes", default="negotiate,ntlm",
                        help="negotiate, ntlm, kerberos, credssp, basic; Kerberos needs KRB5_CONFIG and KRB5_KTNAME")
    parser.add_argument("--credssp-version", type=int, help="the version of CredSSP to speak, 2 to 6")
    parser.add_argument("--strict-binding", action="store_true", help="refuse NTLM without a channel binding, as CbtHardeningLevel=Strict")
    parser.add_argument("--wrong-binding", action="store_true", help="expect the channel binding of another certificate")
    options = parser.parse_args()
    if options.credssp_version:
        import spnego._credssp

        spnego._credssp._CREDSSP_VERSION = options.credssp_version
    folder = tempfile.mkdtemp()
    users = os.path.join(folder, "users")
    with open(users, "w", encoding="utf-8") as file:
        file.write("CONTOSO:%s:%s\n" % (USER, PASSWORD))
    os.environ["NTLM_USER_FILE"] = users
    server = Server(options.log, options.fail_after)
    cert, key, binding = make_certificate(folder)
    schemes = options.schemes.split(",")
    if options.strict_binding:
        require_binding()
    if options.wrong_binding:
        server.other_binding = b"tls-server-end-point:" + bytes(48)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    client_ca, client_cert, client_key = make_client_identity(folder)
    mutual = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mutual.load_cert_chain(cert, key)
    mutual.load_verify_locations(client_ca)
    mutual.verify_mode = ssl.CERT_REQUIRED
    print(json.dumps({
        "http": serve(handler(server, None, schemes)),
        "https": serve(handler(server, binding, schemes), tls),
        "mutual": serve(handler(server, binding, [], True), mutual),
        "ca_file": cert, "client_certificate": client_cert, "client_key": client_key,
        "user": "CONTOSO\\" + USER, "password": PASSWORD}), flush=True)
    sys.stdin.read()
    server.log({"shells_left": len(server.shells)})


if __name__ == "__main__":
    main()
