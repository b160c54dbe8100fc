"""pyspnego's CredSSP client, one JSON line out for each line in: tokens, then one sealed message each way.

Arguments: version, user, password. The first line out has a certificate and its key for the acceptor.
"""

import json
import sys

import spnego
import spnego._credssp
import spnego.tls
from cryptography import x509
from cryptography.hazmat.primitives import serialization


def say(**entry):
    print(json.dumps(entry), flush=True)


def main():
    version, user, password = sys.argv[1:]
    spnego._credssp._CREDSSP_VERSION = int(version)
    certificate, key, _ = spnego.tls.generate_tls_certificate()
    der = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)
    key = serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    say(certificate=der.hex(), key=key.hex())
    context = spnego.client(user, password, hostname="ex01", service="HTTP", protocol="credssp")
    token = context.step()
    while True:
        say(token=token.hex())
        answer = json.loads(sys.stdin.readline())
        if context.complete:
            break
        token = context.step(bytes.fromhex(answer["token"]))
    sealed = context.wrap_winrm(b"from pyspnego" * 1000)
    say(header=sealed.header.hex(), data=sealed.data.hex())
    answer = json.loads(sys.stdin.readline())
    clear = context.unwrap_winrm(bytes.fromhex(answer["header"]), bytes.fromhex(answer["data"]))
    say(clear=clear.hex())


main()
