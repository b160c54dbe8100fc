"""pypsrp against our lab: every sign-in over every transport, each with a runspace pool and a SecureString.

With `--certificates FOLDER UPN` it makes an authority and a client certificate instead. Otherwise it reads one JSON object
from standard input, and prints one JSON line per cell.
"""

import datetime
import json
import os
import sys
import traceback

ROWS = [
    ("Basic", "basic", {}, False),
    ("NTLM", "ntlm", {}, True),
    ("Negotiate→NTLM", "negotiate", {}, True),
    ("Negotiate→Kerberos", "negotiate", {"kerberos": True}, True),
    ("Kerberos", "kerberos", {"kerberos": True}, True),
    ("CredSSP(NTLM)", "credssp", {"credssp_auth_mechanism": "ntlm"}, True),
    ("CredSSP(Kerberos)", "credssp", {"credssp_auth_mechanism": "kerberos", "kerberos": True}, True),
    ("certificate", "certificate", {"certificate": True}, False),
]


def connect(given, tls, auth, options):
    from pypsrp.wsman import WSMan

    arguments = {"username": given["user"], "password": given["password"]}
    if options.get("kerberos"):
        arguments["username"] = given["kerberos_user"]
    if options.get("certificate"):
        arguments = {"certificate_pem": given["certificate"], "certificate_key_pem": given["key"]}
    if "credssp_auth_mechanism" in options:
        arguments["credssp_auth_mechanism"] = options["credssp_auth_mechanism"]
    if auth in ("negotiate", "kerberos", "ntlm"):
        arguments["negotiate_service"] = "HTTP"
    return WSMan("localhost", port=given["https" if tls else "http"], path="PowerShell", ssl=tls, auth=auth,
                 cert_validation=given["ca_file"] if tls else False, encryption="auto", connection_timeout=30, **arguments)


def cell(given, tls, auth, options, number):
    from pypsrp.complex_objects import ObjectMeta, PSInvocationState
    from pypsrp.powershell import PowerShell, RunspacePool

    with connect(given, tls, auth, options) as wsman, RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
        pool.exchange_keys()
        shell = PowerShell(pool)
        shell.add_cmdlet("New-Mailbox")
        shell.add_parameter("Name", "matrix %02d" % number)
        shell.add_parameter("UserPrincipalName", "matrix%02d@%s" % (number, given["domain"]))
        shell.add_parameter("Password", pool.serialize("S\u00e4cret-%02d!aA" % number, ObjectMeta("SS")))
        output = shell.invoke()
        errors = [str(record) for record in shell.streams.error]
        if errors or len(output) != 1 or shell.state != PSInvocationState.COMPLETED:
            raise AssertionError("New-Mailbox: %s" % errors)


def make_certificates(folder, upn):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

    now = datetime.datetime.now(datetime.timezone.utc)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(subject, public, is_ca, extensions):
        builder = (x509.CertificateBuilder()
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
                   .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "matrix")]))
                   .public_key(public).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
                   .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), True))
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        return builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    text = upn.encode()
    name = x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), bytes([0x0C, len(text)]) + text)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    pem = serialization.Encoding.PEM
    texts = {
        "ca.pem": made("matrix", root_key.public_key(), True, []),
        "client.pem": made("client", key.public_key(), False, [x509.SubjectAlternativeName([name]), usage]),
        "client.key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    for file, content in texts.items():
        with open(os.path.join(folder, file), "wb") as target:
            target.write(content)


def main():
    if sys.argv[1:2] == ["--certificates"]:
        return make_certificates(*sys.argv[2:4])
    given = json.loads(sys.stdin.readline())
    number = 0
    for row, auth, options, on_http in ROWS:
        for tls in (False, True):
            if not tls and not on_http:
                continue
            number += 1
            line = {"row": row, "transport": "https" if tls else "http sealed"}
            try:
                cell(given, tls, auth, options, number)
                line["result"] = "pass"
            except BaseException as error:
                line.update(result="FAIL", error="%s: %s" % (type(error).__name__, error), trace=traceback.format_exc())
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
