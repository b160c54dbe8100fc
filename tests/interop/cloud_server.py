"""A directory and an Exchange Online after Microsoft's documents, for tests, on Python's `cryptography`.

"Microsoft identity platform application authentication certificate credentials", "... and the OAuth 2.0 authorization code
flow", "Claims challenges", the app-only documents of Exchange Online. It shares no code with the client under test nor with
the embedded Exchange: assertions are verified and passwords decrypted here by another implementation.

The application says by its id what is to happen. Prints one JSON line with its address and files; ends when standard input
does. Notes each request in the log, without what is secret.
"""

import argparse
import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import secrets
import ssl
import sys
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID

TENANT = "5f3b1a52-4f1e-4a51-8a3c-0a7f3b3a9c11"
CODE, REDIRECT = "Canary-code-1", "https://bridge.example/back"
CLAIMS = {"access_token": {"nbf": {"essential": True, "value": "1604106651"}}}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LOCK = threading.Lock()


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class State:
    def __init__(self):
        self.used = set()
        self.asked = {}
        self.refresh = None
        self.tokens = {}
        self.keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048)]
        self.shipped = 0
        self.calls = {}


STATE = State()


class Refused(Exception):
    def __init__(self, status, error, code, text):
        super().__init__(text)
        self.status = status
        self.body = {"error": error, "error_description": f"AADSTS{code}: {text}\r\nTrace ID: 1\r\nCorrelation ID: 2",
                     "error_codes": [code]}


def verified(assertion, audience, client):
    """Everything that the document says of an assertion."""
    head, body, signature = assertion.split(".")
    header, claims = json.loads(unpadded(head)), json.loads(unpadded(body))
    if header["alg"] != "PS256" or header["typ"] != "JWT":
        raise Refused(401, "invalid_client", 50027, "The assertion is not signed as it has to be.")
    thumbprint = hashlib.sha256(CERTIFICATE.public_bytes(serialization.Encoding.DER)).digest()
    if unpadded(header["x5t#S256"]) != thumbprint:
        raise Refused(401, "invalid_client", 700027, "The certificate is not registered.")
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    CERTIFICATE.public_key().verify(unpadded(signature), f"{head}.{body}".encode(), pss, hashes.SHA256())
    # The directory's clock, which a test may set wrong by the name of the application.
    now = time.time() + {"four-behind": 240, "four-ahead": -240, "eleven-behind": 660, "eleven-ahead": -660}.get(client, 0)
    if not claims["nbf"] <= now < claims["exp"] or claims["exp"] - claims["nbf"] > 600:
        raise Refused(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
    if claims["aud"] != audience or claims["iss"] != client or claims["sub"] != client:
        raise Refused(401, "invalid_client", 50027, "The claims are not those of this application.")
    with LOCK:
        if claims["jti"] in STATE.used:
            raise Refused(401, "invalid_client", 50027, "The assertion was used before.")
        STATE.used.add(claims["jti"])


def refreshed(client):
    with LOCK:
        STATE.refresh = f"Canary-refresh-{secrets.token_urlsafe(200)}"
        return {"refresh_token": STATE.refresh, **issued(client)}


def issued(client, lifetime=3599):
    payload = {"tid": TENANT, "appid": client, "roles": ["Exchange.ManageAsApp"], "exp": int(time.time()) + lifetime}
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    token = f"eyJhbGciOiJub25lIn0.{encoded}.Canary{secrets.token_urlsafe(60)}"
    STATE.tokens[token] = client
    return {"token_type": "Bearer", "expires_in": lifetime, "access_token": token}


def token(path, form):
    client, grant = form["client_id"], form["grant_type"]
    with LOCK:
        STATE.asked[client] = asked = STATE.asked.get(client, 0) + 1
    if form["scope"].split()[0] not in (f"{BASE}/.default", "https://elsewhere.example/.default"):
        raise Refused(400, "invalid_resource", 500011, "The resource principal was not found.")
    if client == "rotating" and asked <= 2:
        raise Refused(401, "invalid_client", 700027, "Client assertion failed signature validation.")
    if grant == "client_credentials" and form.get("client_assertion_type") == ASSERTION:
        verified(form["client_assertion"], f"{BASE}{path}", client)
    elif grant == "client_credentials" and form.get("client_secret") == "Canary-secret-1":
        pass
    elif grant == "authorization_code":
        if form["code"] != CODE or form["redirect_uri"] != REDIRECT or asked > 1:
            raise Refused(400, "invalid_grant", 54005, "The code was redeemed already.")
        return refreshed(client)
    elif grant == "refresh_token" and "offline_access" in form["scope"]:
        if form["refresh_token"] != STATE.refresh:
            raise Refused(400, "invalid_grant", 700082, "The refresh token has expired.")
        return refreshed(client)
    else:
        raise Refused(401, "invalid_client", 7000215, "Invalid client secret provided.")
    if client == "challenged" and asked > 1 and json.loads(form.get("claims", "{}")) != CLAIMS:
        raise Refused(400, "invalid_request", 90014, "The claims were not asked for.")
    with LOCK:
        return issued(client)


def module():
    """The module with the key of now, behind what else a script holds. Each time it is shipped it holds the newest key."""
    with LOCK:
        STATE.shipped += 1
        numbers = STATE.keys[-1].public_key().public_numbers()
    number = lambda value: base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()
    key = f"<RSAKeyValue><Modulus>{number(numbers.n)}</Modulus><Exponent>{number(numbers.e)}</Exponent></RSAKeyValue>"
    script = f"function x {{\n  $key = '{key}'\n  $old = '<RSAKeyValue><Modulus>AQAB</Modulus></RSAKeyValue>'\n}}\n"
    return {"value": [{"fileName": "ExchangeOnline.psm1", "fileContent": script, "exportedCmdlets": "Get-Mailbox,New-Mailbox"}]}


def decrypted(key, encrypted):
    """RFC 8017, 7.2.2. OpenSSL makes up a text where the padding is wrong, so that is looked at first."""
    private, size = key.private_numbers(), key.key_size // 8
    opened = pow(int.from_bytes(encrypted, "big"), private.d, private.public_numbers.n).to_bytes(size, "big")
    if len(encrypted) != size or not opened.startswith(b"\x00\x02"):
        raise ValueError("not under this key")
    return key.decrypt(encrypted, padding.PKCS1v15())


def error(text, kind="System.Exception"):
    return {"error": {"code": "BadRequest", "message": "Error executing cmdlet", "details": [
        {"code": "Client", "target": "", "message": f"|{kind}|{text}"}]}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        entry = {"method": self.command, "path": self.path, "status": status, "time": time.time()}
        with LOCK, open(ARGUMENTS.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def client(self):
        return STATE.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def do_GET(self):
        body = self.body()
        assert not body
        path, _, query = self.path.partition("?")
        if path == "/msi/token":
            asked = dict(urllib.parse.parse_qsl(query))
            good = self.headers.get("Metadata") == "true" and asked["api-version"] == "2018-02-01" and asked["resource"] == BASE
            if not good:
                return self.answer(400, {"error": "invalid_request"})
            with LOCK:
                told = issued("machine")
            # Numbers as text, as the service has them.
            return self.answer(200, {**told, "expires_in": "3599"})
        if path == f"/AdminApi/v1.0/{TENANT}/EXOModuleFile" and self.client() and self.headers.get("CommandName") == "*":
            return self.answer(200, module())
        return self.answer(404 if self.client() else 401)

    def do_POST(self):
        body = self.body()
        if self.path.endswith("/oauth2/v2.0/token"):
            try:
                form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
                return self.answer(200, token(self.path, form))
            except Refused as refused:
                return self.answer(refused.status, refused.body)
        client = self.client()
        if client is None:
            return self.answer(401)
        return self.cmdlet(client, json.loads(body)["CmdletInput"])

    def cmdlet(self, client, given):
        name, parameters = given["CmdletName"], given["Parameters"]
        identity = str(parameters.get("Identity", ""))
        with LOCK:
            STATE.calls[identity] = count = STATE.calls.get(identity, 0) + 1
        if client == "challenged" and count == 1:
            claims = base64.b64encode(json.dumps(CLAIMS).encode()).decode()
            challenge = f'Bearer realm="", authorization_uri="{BASE}", error="insufficient_claims", claims="{claims}"'
            return self.answer(401, None, [("WWW-Authenticate", challenge)])
        if identity == "revoke":
            # Every token of now is dead, once.
            with LOCK:
                if "revoked" not in STATE.calls:
                    STATE.calls["revoked"] = 1
                    STATE.tokens.clear()
                    count = 0
            if count == 0:
                return self.answer(401)
        if identity.startswith("throttled") and count <= 2:
            return self.answer(429, {"error": {"code": "TooManyRequests", "message": "slower"}}, [("Retry-After", "1.5")])
        if name == "New-Mailbox":
            try:
                password = decrypted(STATE.keys[-1], base64.b64decode(parameters["Password"]))
            except ValueError:
                return self.answer(400, error("Required resource is not available to continue execution of the cmdlet."))
            if identity == "rotate" or parameters["Name"] == "rotate":
                with LOCK:
                    STATE.keys.append(rsa.generate_private_key(public_exponent=65537, key_size=2048))
            return self.answer(200, {"value": [{"Name": parameters["Name"], "Hash": hashlib.sha256(password).hexdigest()}]})
        return self.answer(200, {"@adminapi.warnings": [], "value": [{"Identity": identity}]})


def certificate(subject, key, issuer=None, ca=False, days=30):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.timezone.utc)
    issuer_name, issuer_key = issuer or (name, key)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer_name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now + datetime.timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if issuer:
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def unencrypted(key):
    return key.private_bytes(serialization.Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write(name, data):
    with open(f"{ARGUMENTS.folder}/{name}", "wb") as file:
        file.write(data)


def files():
    """A server's certificate from an authority, and the application's in every form that a bridge may be given."""
    key = lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    authority, server, application = key(), key(), key()
    ca = certificate("authority", authority, ca=True)
    write("ca.pem", pem(ca))
    write("server.pem", unencrypted(server) + pem(certificate("server", server, (ca.subject, authority))))
    own = certificate("bridge", application)
    write("app.pem", unencrypted(application) + pem(own))
    modern = BestAvailableEncryption(b"Canary-pfx-1")
    write("app.pfx", pkcs12.serialize_key_and_certificates(b"bridge", application, own, None, modern))
    old = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000)
    old = old.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1()).build(b"Canary-pfx-1")
    write("old.pfx", pkcs12.serialize_key_and_certificates(b"bridge", application, own, None, old))
    other = key()
    write("other.pem", unencrypted(other) + pem(certificate("other", other)))
    return own


class Server(http.server.ThreadingHTTPServer):
    # Fifty connections at once must find room to wait.
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that does not trust this server goes away in the middle, and is meant to."""


def main():
    global BASE, CERTIFICATE
    CERTIFICATE = files()
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{ARGUMENTS.folder}/server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    BASE = f"https://127.0.0.1:{server.server_port}"
    plain = Server(("127.0.0.1", 0), Handler)
    for one in (server, plain):
        threading.Thread(target=one.serve_forever, daemon=True).start()
    thumbprint = CERTIFICATE.fingerprint(hashes.SHA1()).hex()
    print(json.dumps({"base": BASE, "tenant": TENANT, "thumbprint": thumbprint,
                      "plain": f"http://127.0.0.1:{plain.server_port}"}), flush=True)
    sys.stdin.read()


PARSER = argparse.ArgumentParser()
PARSER.add_argument("--folder", required=True)
PARSER.add_argument("--log", required=True)
ARGUMENTS = PARSER.parse_args()
main()
