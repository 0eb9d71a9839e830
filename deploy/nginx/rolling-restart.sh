#!/bin/sh
# Restarts the workers behind nginx one after the other, so that no request is lost.
#
#   rolling-restart.sh /etc/nginx/sightline-workers.conf 'systemctl restart sightline-serve@$port'
#
# Each worker is taken out of nginx, restarted (the command must return when the old one has ended; SIGTERM lets it
# finish what it has begun), and put back when it is ready. At the first that is not ready within a minute everything
# stops: a release that does not start costs one worker, not all.
# NGINX is how nginx is called (`nginx -p … -c …`).
set -eu
workers=$1
restart=$2
nginx=${NGINX:-nginx}

reload() {
    $nginx -s reload
    sleep 0.5   # it answers before its processes know
    tries=0     # the nginx processes of before finish what they have begun with the old list
    while pgrep -f '^nginx: worker process is shutting down' >/dev/null && [ $tries -lt 50 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}

ready() {
    if command -v curl >/dev/null; then
        curl -fso /dev/null -m 2 "http://$1/readyz"
    else
        python3 -c 'import sys, urllib.request as u; u.urlopen(f"http://{sys.argv[1]}/readyz", timeout=2)' "$1" 2>/dev/null
    fi
}

for address in $(sed -n 's/^ *server \([0-9.:]*\).*/\1/p' "$workers"); do
    port=${address##*:}
    export port
    sed -i "s/^\( *server $address\)\(.*\);/\1\2 down;/" "$workers"
    reload
    eval "$restart"
    tries=0
    until ready "$address"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            echo "rolling-restart: $address is not ready; it stays out of $workers" >&2
            exit 1
        fi
        sleep 0.2
    done
    sed -i "s/^\( *server $address.*\) down;/\1;/" "$workers"
    reload
    echo "rolling-restart: $address is new"
done
