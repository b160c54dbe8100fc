"""A client of Exchange Online on Python's `cryptography`, against the tenant of the embedded Exchange.

It shares no code with either: assertions are signed and passwords encrypted here. `make FOLDER` writes a key and a
certificate, `ask FOLDER` reads where the tenant is from standard input and prints what came of each attempt.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def make(folder):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bridge")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256()))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)
    (folder / "cert.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))


def part(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    def __init__(self, folder, place):
        self.place = place
        self.key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
        self.der = (folder / "cert.der").read_bytes()
        self.trust = ssl.create_default_context(cadata=place["ca_pem"])
        self.endpoint = f"{place['url']}/{place['tenant']}/oauth2/v2.0/token"

    def send(self, url, data=None, headers=None):
        request = urllib.request.Request(url, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def assertion(self, key=None, algorithm="PS256", **claims):
        weak = algorithm == "RS256"
        digest = (hashlib.sha1 if weak else hashlib.sha256)(self.der).digest()
        header = {"alg": algorithm, "typ": "JWT", "x5t" if weak else "x5t#S256": part(digest)}
        now = int(time.time())
        own = self.place["application"]
        body = {"aud": self.endpoint, "iss": own, "sub": own, "jti": str(uuid.uuid4()), "nbf": now, "exp": now + 300}
        signed = f"{part(header)}.{part({**body, **claims})}"
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        kind = padding.PKCS1v15() if weak else pss
        signature = (key or self.key).sign(signed.encode(), kind, hashes.SHA256())
        return f"{signed}.{part(signature)}"

    def token(self, **form):
        form = {"scope": f"{self.place['url']}/.default", **form}
        status, body = self.send(self.endpoint, urllib.parse.urlencode(form).encode())
        body = json.loads(body)
        return status, body.get("access_token"), body.get("error_codes", [None])[0]

    def with_assertion(self, assertion):
        return self.token(client_id=self.place["application"], grant_type="client_credentials",
                          client_assertion_type=ASSERTION, client_assertion=assertion)

    def headers(self, token):
        mailbox = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
                "X-AnchorMailbox": f"APP:{mailbox}@{self.place['tenant']}"}

    def server_key(self, token):
        url = f"{self.place['url']}/AdminApi/v1.0/{self.place['tenant']}/EXOModuleFile?Version=3.9.2"
        status, body = self.send(url, headers=self.headers(token))
        assert status == 200, (status, body)
        text = json.loads(body)["value"][0]["fileContent"]
        found = re.search("<RSAKeyValue><Modulus>(.*?)</Modulus><Exponent>(.*?)</Exponent></RSAKeyValue>", text)
        modulus, exponent = (int.from_bytes(base64.b64decode(number), "big") for number in found.groups())
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def new_mailbox(self, token, name, sent):
        parameters = {"Name": name, "MicrosoftOnlineServicesID": f"{name}@contoso.com", "Password": sent}
        body = {"CmdletInput": {"CmdletName": "New-Mailbox", "Parameters": parameters}}
        url = f"{self.place['url']}/adminapi/beta/{self.place['tenant']}/InvokeCommand"
        status, answer = self.send(url, json.dumps(body).encode(), self.headers(token))
        return status, answer.decode(errors="replace")

    def sign_in(self, name, password):
        return self.token(client_id=self.place["public"], grant_type="password", username=f"{name}@contoso.com",
                          password=password)


def ask(folder, place):
    client = Client(folder, place)
    now = int(time.time())
    good = client.assertion()
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    attempts = {
        "good": good,
        "again": good,
        "weak": client.assertion(algorithm="RS256"),
        "audience": client.assertion(aud="https://elsewhere.example/token"),
        "issuer": client.assertion(iss=str(uuid.uuid4())),
        "expired": client.assertion(nbf=now - 1200, exp=now - 700),
        "early": client.assertion(nbf=now + 700, exp=now + 900),
        "skewed": client.assertion(nbf=now - 500, exp=now - 240),
        "long": client.assertion(exp=now + 3600),
        "stranger": client.assertion(key=stranger),
        "torn": good[:-8] + "AAAAAAAA",
    }
    told = {}
    token = None
    for name, assertion in attempts.items():
        status, granted, code = client.with_assertion(assertion)
        token = granted or token
        told[name] = code or status
    password = "Pass-" + secrets.token_hex(8) + "-Ünï"
    encrypt = lambda key: base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()
    key = client.server_key(token)
    told["encrypted"] = client.new_mailbox(token, "ada", encrypt(key))[0]
    told["signs in"] = client.sign_in("ada", password)[0]
    told["another password"] = client.sign_in("ada", password + "x")[2]
    # The key is another one from the second New-Mailbox on.
    status, text = client.new_mailbox(token, "bob", encrypt(key))
    told["former key"] = [status, "Required resource is not available" in text, password in text]
    told["plain"] = client.new_mailbox(token, "bob", password)[0]
    told["new key"] = client.new_mailbox(token, "bob", encrypt(client.server_key(token)))[0]
    told["bob signs in"] = client.sign_in("bob", password)[0]
    told["password"] = password
    return told


if __name__ == "__main__":
    here = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "make":
        make(here)
    else:
        print(json.dumps(ask(here, json.load(sys.stdin))))
