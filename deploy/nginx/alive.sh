#!/bin/sh
# Ends a worker that takes connections and answers nothing any more; whoever keeps it (systemd) starts another.
#
#   alive.sh 127.0.0.1:8001 'systemctl kill --signal=KILL sightline-serve@8001'
#
# Three times no answer within ALIVE_SECONDS (5), and it is hung. One that refuses connections is not: it ends or starts,
# and its keeper knows. Not being able to reach Redis or PostgreSQL is no reason either: /healthz asks neither.
set -eu
address=$1
end=$2
seconds=${ALIVE_SECONDS:-5}

# 28, as curl says it, when there was no answer in time.
ask() {
    if command -v curl >/dev/null; then
        curl -so /dev/null -m "$seconds" "http://$address/healthz"
    else
        python3 -c '
import sys, urllib.request
try:
    urllib.request.urlopen(f"http://{sys.argv[1]}/healthz", timeout=float(sys.argv[2]))
except OSError as error:        # a connection that nobody takes is in the reason
    sys.exit(28 if isinstance(getattr(error, "reason", error), TimeoutError) else 7)' "$address" "$seconds" 2>/dev/null
    fi
}

for _ in 1 2 3; do
    code=0
    ask || code=$?
    [ $code -eq 28 ] || exit 0
done
echo "alive: $address takes connections and does not answer; it is ended" >&2
eval "$end"
