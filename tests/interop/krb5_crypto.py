"""What MIT's libk5crypto makes of keys, messages and checksums: a line of JSON in, a line of JSON out."""

import ctypes
import json
import sys

krb5 = ctypes.CDLL("libkrb5.so.3")


class Keyblock(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("length", ctypes.c_uint), ("contents", ctypes.c_char_p)]


class Data(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("length", ctypes.c_uint), ("data", ctypes.c_void_p)]


class EncData(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("kvno", ctypes.c_uint), ("ciphertext", Data)]


class Checksum(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("type", ctypes.c_int32), ("length", ctypes.c_uint), ("contents", ctypes.c_void_p)]


def data(content):
    buffer = ctypes.create_string_buffer(content, max(len(content), 1))
    return Data(0, len(content), ctypes.cast(buffer, ctypes.c_void_p)), buffer


def check(code):
    if code != 0:
        raise RuntimeError(f"code {code}")


def answer(context, request):
    content = bytes.fromhex(request["data"])
    key_bytes = bytes.fromhex(request["key"])
    key = Keyblock(0, request["etype"], len(key_bytes), key_bytes)
    usage = ctypes.c_int32(request["usage"])
    if request["what"] == "checksum":
        given, _hold = data(content)
        result = Checksum()
        check(krb5.krb5_c_make_checksum(context, request["type"], ctypes.byref(key), usage, ctypes.byref(given), ctypes.byref(result)))
        return ctypes.string_at(result.contents, result.length)
    output, _hold_output = data(bytes(len(content) + 100))
    given, _hold = data(content)
    if request["what"] == "encrypt":
        sealed = EncData(0, request["etype"], 0, output)
        length = ctypes.c_size_t()
        check(krb5.krb5_c_encrypt_length(context, request["etype"], ctypes.c_size_t(len(content)), ctypes.byref(length)))
        check(krb5.krb5_c_encrypt(context, ctypes.byref(key), usage, None, ctypes.byref(given), ctypes.byref(sealed)))
        return ctypes.string_at(sealed.ciphertext.data, length.value)
    sealed = EncData(0, request["etype"], 0, given)
    check(krb5.krb5_c_decrypt(context, ctypes.byref(key), usage, None, ctypes.byref(sealed), ctypes.byref(output)))
    return ctypes.string_at(output.data, output.length)


def main():
    context = ctypes.c_void_p()
    check(krb5.krb5_init_context(ctypes.byref(context)))
    for line in sys.stdin:
        try:
            print(json.dumps({"data": answer(context, json.loads(line)).hex()}))
        except RuntimeError as error:
            print(json.dumps({"error": str(error)}))


main()
