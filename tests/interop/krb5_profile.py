"""What MIT's library makes of a krb5.conf: the default realm, and the realm of each host that is named."""

import ctypes
import json
import sys

krb5 = ctypes.CDLL("libkrb5.so.3")


def main():
    context = ctypes.c_void_p()
    code = krb5.krb5_init_context(ctypes.byref(context))
    if code != 0:
        print(json.dumps({"error": code}))
        return
    realm = ctypes.c_char_p()
    code = krb5.krb5_get_default_realm(context, ctypes.byref(realm))
    answer = {"default_realm": realm.value.decode() if code == 0 else None, "hosts": {}, "values": {}}
    for host in sys.argv[1].split(","):
        realms = ctypes.POINTER(ctypes.c_char_p)()
        if krb5.krb5_get_host_realm(context, host.encode(), ctypes.byref(realms)) == 0:
            answer["hosts"][host] = realms[0].decode()
    profile = ctypes.c_void_p()
    krb5.krb5_get_profile(context, ctypes.byref(profile))
    for path in sys.argv[2].split(","):
        names = (ctypes.c_char_p * 8)(*[name.encode() for name in path.split("/")])
        values = ctypes.POINTER(ctypes.c_char_p)()
        found = []
        if krb5.profile_get_values(profile, names, ctypes.byref(values)) == 0:
            index = 0
            while values[index] is not None:
                found.append(values[index].decode())
                index += 1
        answer["values"][path] = found
    print(json.dumps(answer))


main()
