"""A vault server after the public documentation of Vault's HTTP API, for tests.

https://developer.hashicorp.com/vault/api-docs: key/value versions 1 and 2, AppRole, tokens with policies (read access to
path prefixes), namespaces, the mount preflight, sealing. Written without sight of the client under test; the calls of
hvac, which is made for the real server, hold it to the same API.

Prints one JSON line with its addresses and the root token; ends when standard input does. Notes method, path and status of
each request in the log.
"""

import argparse
import datetime
import http.server
import ipaddress
import json
import re
import ssl
import sys
import threading
import urllib.parse
import uuid

ROOT = "hvs." + uuid.uuid4().hex
LOCK = threading.Lock()


class Vault:
    def __init__(self):
        self.sealed = False
        self.mounts = {"secret/": 2, "kv1/": 1, "team/kv/": 2}
        self.values = {}
        self.policies = {"default": []}
        self.tokens = {ROOT: {"policies": ["root"], "uses": None}}
        self.roles = {}
        self.secret_ids = {}


VAULT = Vault()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        entry = {"method": self.command, "path": self.path, "status": status}
        entry["namespace"] = self.headers.get("X-Vault-Namespace")
        entry["request_header"] = self.headers.get("X-Vault-Request")
        with LOCK, open(ARGUMENTS.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def error(self, status, *texts):
        self.answer(status, {"errors": list(texts)})

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length) or b"{}")

    def handle_any(self):
        body = self.body()
        method, path = self.command, urllib.parse.unquote(self.path.split("?")[0])
        if path.startswith("/elsewhere/"):
            return self.answer(307, None, [("Location", "http://127.0.0.2:9" + path[len("/elsewhere"):])])
        if path.startswith("/here/"):
            return self.answer(307, None, [("Location", path[len("/here"):])])
        if path.startswith("/huge/"):
            return self.answer(200, {"data": {"x": "y" * (3 * 1024 * 1024)}})
        if path.startswith("/page/"):
            data = b"<html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            return self.wfile.write(data)
        if not path.startswith("/v1/"):
            return self.error(404)
        path = path[len("/v1/"):]
        if path == "sys/seal-status":
            return self.answer(200, {"sealed": VAULT.sealed, "type": "shamir", "t": 1, "n": 1, "progress": 0})
        if path == "sys/seal" and method in ("PUT", "POST"):
            VAULT.sealed = True
            return self.answer(204)
        if VAULT.sealed:
            return self.error(503, "Vault is sealed")
        with_role = re.fullmatch(r"auth/([^/]+)/login", path)
        if with_role:
            return self.login(with_role.group(1), body)
        token = VAULT.tokens.get(self.headers.get("X-Vault-Token") or "")
        if token is None or self.headers.get("X-Vault-Namespace") not in (None, "", "root"):
            return self.error(403, "permission denied")
        self.authorized(method, path, body, token)

    do_GET = do_POST = do_PUT = do_DELETE = do_LIST = handle_any

    def login(self, mount, body):
        if mount != "approle":
            return self.error(404, "no handler for route")
        role = next((role for role in VAULT.roles.values() if role["role_id"] == body.get("role_id")), None)
        if role is None:
            return self.error(400, "invalid role or secret ID")
        if role["bind_secret_id"] and VAULT.secret_ids.get(body.get("secret_id")) is not role:
            return self.error(400, "invalid role or secret ID")
        token = "hvs." + uuid.uuid4().hex
        VAULT.tokens[token] = {"policies": role["policies"], "uses": role["uses"] or None}
        auth = {"client_token": token, "policies": role["policies"], "lease_duration": 1200, "renewable": True}
        self.answer(200, {"auth": auth, "data": None, "lease_id": ""})

    def allows(self, token, path):
        if "root" in token["policies"]:
            return True
        prefixes = [prefix for name in token["policies"] for prefix in VAULT.policies.get(name, [])]
        return any(path == prefix or prefix.endswith("*") and path.startswith(prefix[:-1]) for prefix in prefixes)

    def authorized(self, method, path, body, token):
        if path == "auth/token/lookup-self":
            return self.answer(200, {"data": {"policies": token["policies"]}})
        if path == "auth/token/revoke-self":
            VAULT.tokens.pop(self.headers["X-Vault-Token"])
            return self.answer(204)
        is_root = "root" in token["policies"]
        preflight = re.fullmatch(r"sys/internal/ui/mounts/(.+)", path)
        if preflight:
            mount = next((m for m in VAULT.mounts if (preflight.group(1) + "/").startswith(m)), None)
            prefixes = [p for name in token["policies"] for p in VAULT.policies.get(name, [])]
            if mount is None or not (is_root or any(p.startswith(mount) for p in prefixes)):
                return self.error(403, "preflight capability check returned 403, please ensure client's policies "
                                       f'grant access to path "{preflight.group(1)}/"')
            version = VAULT.mounts[mount]
            return self.answer(200, {"data": {"path": mount, "type": "kv", "options": {"version": str(version)}}})
        if is_root and self.administer(method, path, body):
            return None
        mount = next((m for m in VAULT.mounts if path.startswith(m)), None)
        if not self.allows(token, path):
            return self.error(403, "1 error occurred:\n\t* permission denied\n\n")
        if mount is None:
            return self.error(404, "no handler for route")
        if VAULT.mounts[mount] == 1:
            if method in ("PUT", "POST"):
                VAULT.values[path] = body
                return self.answer(204)
            if path not in VAULT.values:
                return self.error(404)
            return self.answer(200, {"data": VAULT.values[path], "lease_duration": 2764800, "lease_id": ""})
        self.versioned(method, path[:len(mount)], path[len(mount):], body)

    def versioned(self, method, mount, path, body):
        kind, _, name = path.partition("/")
        versions = VAULT.values.setdefault((mount, name), []) if method != "GET" else VAULT.values.get((mount, name), [])
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        if kind == "data" and method in ("PUT", "POST"):
            metadata = {"created_time": now, "custom_metadata": None, "deletion_time": "", "destroyed": False}
            versions.append({"data": body["data"], "metadata": {**metadata, "version": len(versions) + 1}})
            return self.answer(200, {"data": versions[-1]["metadata"]})
        if kind == "data" and method == "DELETE":
            versions[-1]["metadata"]["deletion_time"] = now
            return self.answer(204)
        if kind == "destroy" and method in ("PUT", "POST"):
            for number in body["versions"]:
                versions[number - 1]["metadata"]["destroyed"] = True
            return self.answer(204)
        if kind != "data" or not versions:
            return self.error(404)
        newest = versions[-1]
        if newest["metadata"]["destroyed"] or newest["metadata"]["deletion_time"]:
            return self.answer(404, {"data": {"data": None, "metadata": newest["metadata"]}})
        self.answer(200, {"data": newest})

    def administer(self, method, path, body):
        policy = re.fullmatch(r"sys/polic(?:y|ies/acl)/(.+)", path)
        role = re.fullmatch(r"auth/approle/role/([^/]+)(/role-id|/secret-id)?", path)
        if policy and method in ("PUT", "POST"):
            rules = re.findall(r'path\s+"([^"]+)"\s*\{[^}]*"read"', body["policy"])
            VAULT.policies[policy.group(1)] = rules
            self.answer(204)
        elif path == "auth/token/create":
            token = "hvs." + uuid.uuid4().hex
            VAULT.tokens[token] = {"policies": body.get("policies", ["root"]), "uses": None}
            self.answer(200, {"auth": {"client_token": token, "policies": body.get("policies", [])}})
        elif path == "auth/token/revoke":
            VAULT.tokens.pop(body["token"], None)
            self.answer(204)
        elif path == "test/revoke-logins":
            VAULT.tokens = {ROOT: VAULT.tokens[ROOT]}
            self.answer(204)
        elif role and role.group(2) is None and method in ("PUT", "POST"):
            policies = body.get("token_policies") or body.get("policies") or []
            policies = policies.split(",") if isinstance(policies, str) else policies
            VAULT.roles[role.group(1)] = {"role_id": str(uuid.uuid4()), "policies": policies, "uses": 0,
                                          "bind_secret_id": body.get("bind_secret_id", True)}
            self.answer(204)
        elif role and role.group(2) == "/role-id":
            self.answer(200, {"data": {"role_id": VAULT.roles[role.group(1)]["role_id"]}})
        elif role and role.group(2) == "/secret-id":
            secret_id = str(uuid.uuid4())
            VAULT.secret_ids[secret_id] = VAULT.roles[role.group(1)]
            self.answer(200, {"data": {"secret_id": secret_id, "secret_id_accessor": str(uuid.uuid4())}})
        else:
            return False
        return True


def certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    with open(f"{folder}/vault.pem", "wb") as file:
        file.write(made.public_bytes(pem))
    with open(f"{folder}/vault.key", "wb") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def seed(address, secret):
    """What an administrator sets up, by a client that was made for the real server."""
    import hvac

    root = hvac.Client(url=address, token=ROOT)
    root.secrets.kv.v2.create_or_update_secret("idm/exchange", {"password": secret, "port": 5985}, mount_point="secret")
    root.secrets.kv.v2.create_or_update_secret("idm/other", {"password": secret}, mount_point="secret")
    root.secrets.kv.v2.create_or_update_secret("idm/a b/ü", {"pass word": secret}, mount_point="secret")
    root.secrets.kv.v2.create_or_update_secret("deep/exchange", {"password": secret}, mount_point="team/kv")
    root.secrets.kv.v1.create_or_update_secret("exchange", {"password": secret}, mount_point="kv1")
    for name in ("gone", "destroyed"):
        root.secrets.kv.v2.create_or_update_secret(name, {"password": secret}, mount_point="secret")
    root.secrets.kv.v2.delete_latest_version_of_secret("gone", mount_point="secret")
    root.secrets.kv.v2.destroy_secret_versions("destroyed", [1], mount_point="secret")
    # What was written is what hvac reads of the real server, too.
    kept = root.secrets.kv.v2.read_secret_version("idm/exchange", mount_point="secret", raise_on_deleted_version=True)
    assert kept["data"]["data"]["password"] == secret
    assert root.secrets.kv.v1.read_secret("exchange", mount_point="kv1")["data"]["password"] == secret
    allowed = ["secret/data/idm/exchange", "secret/data/idm/a b/ü", "secret/data/gone", "secret/data/destroyed",
               "secret/data/nothing", "team/kv/*", "kv1/*"]
    rules = "\n".join(f'path "{path}" {{ capabilities = ["read"] }}' for path in allowed)
    root.sys.create_or_update_policy("reader", rules)
    token = root.auth.token.create(policies=["reader"])["auth"]["client_token"]
    root.auth.approle.create_or_update_approle("bridge", token_policies=["reader"])
    role_id = root.auth.approle.read_role_id("bridge")["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id("bridge")["data"]["secret_id"]
    program = hvac.Client(url=address)
    program.auth.approle.login(role_id=role_id, secret_id=secret_id)
    assert program.secrets.kv.v1.read_secret("exchange", mount_point="kv1")["data"]["password"] == secret
    return {"token": token, "role_id": role_id, "secret_id": secret_id}


def main():
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    certificate(ARGUMENTS.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{ARGUMENTS.folder}/vault.pem", f"{ARGUMENTS.folder}/vault.key")
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    for server in (plain, secure):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{plain.server_port}"
    given = seed(address, ARGUMENTS.secret)
    given.update(http=address, https=f"https://localhost:{secure.server_port}", root=ROOT,
                 ca_file=f"{ARGUMENTS.folder}/vault.pem")
    print(json.dumps(given), flush=True)
    sys.stdin.read()


PARSER = argparse.ArgumentParser()
PARSER.add_argument("--folder", required=True)
PARSER.add_argument("--log", required=True)
PARSER.add_argument("--secret", required=True)
ARGUMENTS = PARSER.parse_args()
main()
