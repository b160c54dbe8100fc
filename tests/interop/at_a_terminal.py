"""Runs a program that asks twice for a passphrase at a terminal."""

import os
import pty
import sys
import time

passphrase, arguments = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(arguments[0], arguments)
for _ in range(2):
    while b":" not in os.read(terminal, 4096):
        pass
    time.sleep(0.1)
    os.write(terminal, passphrase.encode() + b"\n")
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
