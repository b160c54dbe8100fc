"""pypsrp against our lab: every sign-in, transport and endpoint, with real cmdlets.

Reads one JSON object from standard input:
  {"http": port, "https": port, "ca_file": path, "user": .., "password": .., "existing": identity, "domain": ..}
Prints one JSON line per cell and ends with 1 when a cell failed.
"""

import json
import sys
import traceback
import xml.etree.ElementTree as ET

from pypsrp.complex_objects import ObjectMeta, PSInvocationState
from pypsrp.exceptions import AuthenticationError, WinRMError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

ENDPOINTS = [("PowerShell", "Microsoft.Exchange"), ("wsman", "Microsoft.PowerShell")]


def connect(given, tls, auth, path, password=None):
    return WSMan(
        "localhost" if tls else "127.0.0.1",
        port=given["https" if tls else "http"],
        path=path,
        ssl=tls,
        auth=auth,
        username=given["user"],
        password=password or given["password"],
        cert_validation=given["ca_file"] if tls else False,
        encryption="auto",
        connection_timeout=30,
    )


def call(pool, name, script=False, **parameters):
    """Runs one cmdlet; gives its output, errors, warnings and the terminating error, if any."""
    shell = PowerShell(pool)
    if script:
        shell.add_script(name)
    else:
        shell.add_cmdlet(name)
    for key, value in parameters.items():
        shell.add_parameter(key, value)
    failure, output = None, []
    try:
        output = shell.invoke()
    except WinRMError as error:
        failure = str(error)
    if shell.state == PSInvocationState.FAILED:
        # pypsrp puts the terminating error behind the others and raises nothing.
        failure = str(shell.streams.error.pop())
    errors = [str(record) for record in shell.streams.error]
    warnings = [str(record.message) for record in shell.streams.warning]
    return output, errors, warnings, failure


def addresses(mailbox):
    # pypsrp leaves a list of a type that it does not know as XML.
    return [item.text for item in ET.fromstring(mailbox.adapted_properties["EmailAddresses"].property_sets[0])]


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def cell(given, tls, auth, path, configuration, number):
    with connect(given, tls, auth, path) as wsman, RunspacePool(wsman, configuration_name=configuration) as pool:
        exchange = path == "PowerShell"
        if exchange:
            _, _, _, failure = call(pool, "Get-Mailbox", script=True)
            check(failure and "no-language mode" in failure, "a script was not refused: %s" % failure)
        else:
            _, _, _, failure = call(pool, "Get-Mailbox", Identity=given["existing"])
            check(failure and "is not recognized" in failure, "Exchange was known before it was loaded: %s" % failure)
            _, errors, _, failure = call(pool, "Add-PSSnapin", Name="Microsoft.Exchange.Management.PowerShell.SnapIn")
            check(not errors and failure is None, "Add-PSSnapin: %s %s" % (errors, failure))

        output, errors, _, failure = call(pool, "Get-Mailbox", Identity=given["existing"])
        check(failure is None and not errors and len(output) == 1, "Get-Mailbox: %s %s" % (errors, failure))
        check(len(output[0].adapted_properties) >= 200, "properties: %d" % len(output[0].adapted_properties))
        check(any(address.startswith("SMTP:") for address in addresses(output[0])), "EmailAddresses: %s" % addresses(output[0]))

        output, errors, _, failure = call(pool, "Get-Mailbox", Identity="nobody-by-this-name")
        check(failure is None and not output and "couldn't be found" in errors[0], "missing: %s %s" % (errors, failure))

        pool.exchange_keys()
        name = "pypsrp \u00e4\U0001F4E7 %02d" % number
        upn = "pypsrp%02d@%s" % (number, given["domain"])
        output, errors, _, failure = call(pool, "New-Mailbox", Name=name, UserPrincipalName=upn, Password="plain-text-1!aA")
        check(failure is not None, "a plain text password was taken")
        secret = pool.serialize("P\u00e4ssw0rd-%02d!" % number, ObjectMeta("SS"))
        output, errors, _, failure = call(pool, "New-Mailbox", Name=name, UserPrincipalName=upn, Password=secret)
        check(failure is None and not errors and len(output) == 1, "New-Mailbox: %s %s" % (errors, failure))
        output, errors, _, failure = call(pool, "Get-Mailbox", Identity=upn)
        check(failure is None and output and output[0].adapted_properties["Name"] == name, "created: %s %s" % (errors, failure))
        output, errors, _, failure = call(
            pool, "Set-Mailbox", Identity=upn,
            EmailAddresses=["SMTP:%s" % upn, "smtp:second-%02d@%s" % (number, given["domain"]), "X500:/o=Contoso/cn=%02d" % number])
        check(failure is None and not errors, "Set-Mailbox: %s %s" % (errors, failure))
        output, errors, _, failure = call(pool, "Get-Mailbox", Identity=upn)
        now = addresses(output[0])
        check("smtp:second-%02d@%s" % (number, given["domain"]) in now and "X500:/o=Contoso/cn=%02d" % number in now, "addresses: %s" % now)
        output, errors, _, failure = call(pool, "Disable-Mailbox", Identity=upn)
        check(failure is not None or errors, "Disable-Mailbox did not ask for confirmation")
        output, errors, _, failure = call(pool, "Disable-Mailbox", Identity=upn, Confirm=False)
        check(failure is None and not errors, "Disable-Mailbox: %s %s" % (errors, failure))
    # The new user signs in with the password that travelled as SecureString.
    created = dict(given, user=upn, password="P\u00e4ssw0rd-%02d!" % number)
    with connect(created, tls, auth, path) as wsman, RunspacePool(wsman, configuration_name=configuration) as pool:
        check(pool.id is not None, "pool")
    # A wrong password does not.
    try:
        with connect(given, tls, auth, path, "wrong") as wsman, RunspacePool(wsman, configuration_name=configuration):
            raise AssertionError("a wrong password was taken")
    except AuthenticationError:
        pass
    except Exception as error:
        refused = "401" in str(error) or "credentials" in str(error).lower()
        # NTSTATUS of a TSRequest: STATUS_LOGON_FAILURE.
        check(refused or getattr(error, "status", 0) == 0xC000006D, "wrong password: %r %r" % (error, vars(error)))


def main():
    given = json.loads(sys.stdin.readline())
    failed, number = 0, 0
    for path, configuration in ENDPOINTS:
        for tls in (False, True):
            for auth in ("ntlm", "negotiate", "credssp"):
                number += 1
                line = {"endpoint": path, "transport": "https" if tls else "http", "auth": auth}
                try:
                    cell(given, tls, auth, path, configuration, number)
                    line["result"] = "pass"
                except BaseException as error:
                    failed += 1
                    line.update(result="FAIL", error="%s: %s" % (type(error).__name__, error), trace=traceback.format_exc())
                print(json.dumps(line, ensure_ascii=False), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
