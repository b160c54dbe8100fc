"""Signs in over TLS with GSSAPI of MIT Kerberos. Each line on stdin is an order in JSON, each line on stdout the HTTP status.

Environment: KRB5_CONFIG and KRB5CCNAME. The binding is made here, from the certificate that the server shows.
"""

import base64
import http.client
import json
import ssl
import sys

import gssapi
import gssapi.raw as raw
from cryptography import x509
from cryptography.hazmat.primitives import hashes

SCHEMES = {
    "Kerberos": gssapi.MechType.kerberos,
    "Negotiate": gssapi.OID.from_int_seq("1.3.6.1.5.5.2"),
}


def end_point(der):
    """tls-server-end-point, RFC 5929 4.1."""
    algorithm = x509.load_der_x509_certificate(der).signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(der)
    return b"tls-server-end-point:" + digest.finalize()


def bindings(kind, der):
    match kind:
        case "right":
            return raw.ChannelBindings(application_data=end_point(der))
        case "wrong":
            data = end_point(der)
            return raw.ChannelBindings(application_data=data[:-1] + bytes([data[-1] ^ 1]))
        case "missing":
            return None
        case other:
            raise ValueError(other)


def sign_in(order):
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", order["port"], context=tls, timeout=60)
    connection.connect()
    context = gssapi.SecurityContext(
        name=gssapi.Name(order["target"], gssapi.NameType.kerberos_principal),
        mech=SCHEMES[order["scheme"]],
        flags=gssapi.RequirementFlag.mutual_authentication,
        usage="initiate",
        channel_bindings=bindings(order["binding"], connection.sock.getpeercert(True)),
    )
    token = base64.b64encode(context.step()).decode()
    connection.request("POST", "/PowerShell", b"", {"Authorization": f"{order['scheme']} {token}"})
    response = connection.getresponse()
    response.read()
    complete = False
    if response.status == 200:
        scheme, _, token = response.getheader("WWW-Authenticate", "").partition(" ")
        assert scheme == order["scheme"], scheme
        context.step(base64.b64decode(token))
        complete = context.complete
    connection.close()
    return {"status": response.status, "complete": complete}


for line in sys.stdin:
    print(json.dumps(sign_in(json.loads(line))), flush=True)
