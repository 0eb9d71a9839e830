#!/bin/sh
# Restarts the workers behind nginx one after the other, so that no request is lost.
#
#   rolling-restart.sh /etc/nginx/sightline-workers.conf 'systemctl restart sightline-serve@$port'
#
# Each worker is taken out of nginx, restarted (the command must return when the old one has ended; SIGTERM lets it
# finish what it has begun), and put back when it is ready. At the first that is not ready within a minute everything
# stops: a release that does not start costs one worker, not all. Run again, it begins with the one that was left out.
# NGINX is how nginx is called (`nginx -p … -c …`), NGINX_PID the file with its process id.
set -eu
workers=$1
restart=$2
nginx=${NGINX:-nginx}
nginx_pid=${NGINX_PID:-/run/nginx.pid}
unset NGINX     # to nginx itself the name means sockets that it inherits

fail() {
    echo "rolling-restart: $1" >&2
    exit 1
}

# Addresses of the lines that are in use, or of those that are `down`.
up() { sed -n '/^ *server [^;]* down[ ;]/d; s/^ *server \([0-9.]*:[0-9]*\)[ ;].*/\1/p' "$workers"; }
down() { sed -n 's/^ *server \([0-9.]*:[0-9]*\)\( [^;]*\)\{0,1\} down[ ;].*/\1/p' "$workers"; }
take_out() { sed -i "/^ *server [^;]* down[ ;]/! s/^\( *server $1\)\( [^;]*\)\{0,1\};/\1\2 down;/" "$workers"; }
put_back() { sed -i "s/^\( *server $1\)\( [^;]*\)\{0,1\} down\([ ;]\)/\1\2\3/" "$workers"; }

# nginx answers before its processes know; those of before finish what they have begun with the old list.
reload() {
    before=$(pgrep -P "$master" || true)
    $nginx -s reload || fail "nginx refuses its configuration"
    tries=0
    for pid in $before; do
        while grep -q 'nginx: worker' "/proc/$pid/cmdline" 2>/dev/null; do
            tries=$((tries + 1))
            if [ $tries -gt 100 ]; then
                # somebody reads slowly: it takes nothing new, and what it has goes to the next worker
                grep -q 'shutting down' "/proc/$pid/cmdline" 2>/dev/null && break
                fail "nginx has not taken the new $workers"
            fi
            sleep 0.1
        done
    done
}

ready() {
    if command -v curl >/dev/null; then
        curl -fso /dev/null -m 2 "http://$1/readyz"
    else
        python3 -c 'import sys, urllib.request as u; u.urlopen(f"http://{sys.argv[1]}/readyz", timeout=2)' "$1" 2>/dev/null
    fi
}

# Without it nobody knows when nginx has the new list, and requests would be lost.
master=$(cat "$nginx_pid" 2>/dev/null) || fail "$nginx_pid cannot be read; NGINX_PID is the file with nginx's process id"
waiting=$(down)
running=$(up)
[ -n "$waiting$running" ] || fail "$workers names no worker as \`server 127.0.0.1:8001 max_fails=0;\`"
for address in $waiting $running; do
    port=${address##*:}
    export port
    [ "$(up)" != "$address" ] || fail "$address is the only worker in use: nobody could answer meanwhile"
    take_out "$address"
    reload
    eval "$restart" || fail "$address was not restarted; it stays out of $workers"
    deadline=$(($(date +%s) + 60))
    until ready "$address"; do
        [ "$(date +%s)" -lt $deadline ] || fail "$address is not ready; it stays out of $workers"
        sleep 0.2
    done
    put_back "$address"
    reload
    echo "rolling-restart: $address is new"
done
