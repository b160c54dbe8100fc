#!/bin/sh
# In a session bus of its own: starts GNOME Keyring with an entry in it, and runs a command with the keyring open, without the
# entry, and with the keyring locked. keyring.sh FOLDER SECRET COMMAND...; what each run said is in FOLDER/run-*.
set -eu
folder=$1 secret=$2
shift 2
export HOME="$folder" XDG_DATA_HOME="$folder/data" XDG_RUNTIME_DIR="$folder/runtime"
mkdir -m 700 "$XDG_RUNTIME_DIR"
printf ring | gnome-keyring-daemon --foreground --unlock --components=secrets >/dev/null 2>&1 &
daemon=$!
trap 'kill "$daemon"' EXIT
bus() { dbus-send --session --print-reply --dest=org.freedesktop."$@"; }
for _ in $(seq 100); do
    bus DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets | grep -q true && break
    sleep 0.1
done
run() {
    name=$1
    shift
    code=0
    "$@" >"$folder/run-$name" 2>&1 || code=$?
    echo "exit code $code" >>"$folder/run-$name"
}
run missing "$@"
printf %s "$secret" | secret-tool store --label=mailwright service mailwright/exchange username 'CONTOSO\svc-idm'
run stored "$@"
bus secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock \
    array:objpath:/org/freedesktop/secrets/collection/login >/dev/null
run locked "$@"
