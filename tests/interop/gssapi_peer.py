"""One side of a GSSAPI context of MIT Kerberos. Each line on stdin is an order in JSON, each line on stdout its result.

The environment says who it is: KRB5_CONFIG, and KRB5_KTNAME (acceptor) or KRB5CCNAME (initiator).
"""

import base64
import json
import sys

import gssapi
import gssapi.raw as raw

MECHANISMS = {
    "kerberos": gssapi.MechType.kerberos,
    "spnego": gssapi.OID.from_int_seq("1.3.6.1.5.5.2"),
}
FLAGS = gssapi.RequirementFlag
Type = raw.IOVBufferType


def begin(order):
    binding = order.get("binding")
    bindings = raw.ChannelBindings(application_data=base64.b64decode(binding)) if binding else None
    mech = MECHANISMS[order["mech"]]
    if order["side"] == "acceptor":
        return gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept"), usage="accept", channel_bindings=bindings)
    flags = FLAGS.mutual_authentication | FLAGS.replay_detection | FLAGS.out_of_sequence_detection
    flags |= FLAGS.confidentiality | FLAGS.integrity
    if order.get("delegate"):
        flags |= FLAGS.delegate_to_peer
    name = gssapi.Name(order["target"], gssapi.NameType.kerberos_principal)
    return gssapi.SecurityContext(name=name, mech=mech, flags=flags, usage="initiate", channel_bindings=bindings)


def step(context, order):
    token = context.step(order.get("token"))
    result = {"token": token, "complete": context.complete}
    if context.complete:
        result["initiator"] = str(context.initiator_name)
        result["flags"] = int(context.actual_flags)
        delegated = context.delegated_creds
        result["delegated"] = str(delegated.name) if delegated else None
    return result


def wrap_iov(context, order):
    """As pyspnego does it for WinRM."""
    parts = raw.IOV(Type.header, order["data"], Type.padding, std_layout=False)
    raw.wrap_iov(context, parts, confidential=True)
    header, data, padding = (part.value or b"" for part in parts)
    return {"header": header, "data": data + padding}


def unwrap_iov(context, order):
    parts = raw.IOV((Type.header, False, order["header"]), order["data"], Type.data, std_layout=False)
    raw.unwrap_iov(context, parts)
    return {"data": parts[1].value or b""}


def perform(context, order):
    match order["do"]:
        case "step":
            return step(context, order)
        case "wrap":
            return {"token": context.wrap(order["data"], True).message}
        case "unwrap":
            result = context.unwrap(order["token"])
            return {"data": result.message, "encrypted": result.encrypted}
        case "wrap_iov":
            return wrap_iov(context, order)
        case "unwrap_iov":
            return unwrap_iov(context, order)
        case other:
            raise ValueError(other)


BYTES = ("token", "data", "header")


def main():
    context = None
    for line in sys.stdin:
        order = json.loads(line)
        for name in BYTES:
            if order.get(name) is not None:
                order[name] = base64.b64decode(order[name])
        try:
            if order["do"] == "begin":
                context = begin(order)
                result = {}
            else:
                result = perform(context, order)
        except gssapi.exceptions.GSSError as error:
            result = {"error": str(error), "token": getattr(error, "token", None)}
        for name in BYTES:
            if result.get(name) is not None:
                result[name] = base64.b64encode(result[name]).decode()
        print(json.dumps(result), flush=True)


main()
