# Processes in the background: started once, remembered by pid and start time, stopped with all they left.
# Sourced. The caller sets RUN (pid files) and LOG (one log each).
# shellcheck shell=bash

export STARTED=${STARTED:-$(date +%s.%N)}   # of the first script: its children go on counting
PROGRAM=${0##*/}
say() { printf '%6.1fs %s\n' "$(awk -v a="$STARTED" -v b="$(date +%s.%N)" 'BEGIN {print b - a}')" "$*"; }
die() { echo "$PROGRAM: $*" >&2; exit 1; }

# ip netns exec would hide /sys/fs/cgroup: it mounts its own /sys
in_netns() { local n=$1; shift; nsenter --net="/run/netns/$n" "$@"; }

# A crash or a restart of the machine may leave the name without the namespace.
ensure_netns() {
  mountpoint -q "/run/netns/$1" && return 0
  [ ! -e "/run/netns/$1" ] || ip netns del "$1"
  ip netns add "$1"
}

# A reused pid has another start time, so it is never mistaken for the service. A zombie counts as gone.
started_at() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'; }
alive_file() {
  local p s
  [ -s "$1" ] && read -r p s <"$1" && [ -n "$s" ] && [ "$(started_at "$p")" = "$s" ]
}
alive() { alive_file "$RUN/$1.pid"; }
any_alive() {
  local f
  for f in "$1"/*.pid; do
    [ -e "$f" ] && alive_file "$f" && return 0
  done
  return 1
}

# start NAME COMMAND...: unless it runs; in its own session, log in $LOG/NAME.log, without the caller's lock
start() {
  local n=$1 p; shift
  alive "$n" && return 0
  setsid "$@" </dev/null >>"$LOG/$n.log" 2>&1 9>&- &
  p=$!
  echo "$p $(started_at $p)" >"$RUN/$n.pid"
  disown $p
  say "start $n ($p)"
}

# wait_for SECONDS NAME COMMAND...: until the command succeeds; a service NAME that ends meanwhile is an error at once
wait_for() {
  local n=$2 end=$(($(date +%s) + $1)); shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt $end ] || die "$n does not answer; see $LOG/$n.log"
    if [ -e "$RUN/$n.pid" ] && ! alive "$n"; then die "$n ended; see $LOG/$n.log"; fi
    sleep 0.1
  done
}

# KILL to each and wait for the end (of a pid namespace's first process: the end of all in it)
kill_all() {
  local k
  for k in $1; do kill -9 "$k" 2>/dev/null; done
  for k in $1; do
    while [ -n "$(started_at "$k")" ]; do sleep 0.05; done
  done
}
session_of() { ps -e -o pid= -o sid= | awk -v s="$1" '$2 == s {print $1}'; }

# stop NAME...: TERM to each, after GRACE seconds KILL to what is left of its session
GRACE=10
stop() {
  local n p k end=$(($(date +%s) + GRACE))
  for n; do
    alive "$n" && { read -r p _ <"$RUN/$n.pid"; kill "$p" 2>/dev/null; }
  done
  for n; do
    [ -s "$RUN/$n.pid" ] || continue
    while alive "$n" && [ "$(date +%s)" -lt $end ]; do sleep 0.1; done
    read -r p _ <"$RUN/$n.pid"
    # each service leads a session, and its children are in it (unless the pid is another's by now)
    if alive "$n" || [ -z "$(started_at "$p")" ]; then
      kill_all "$(session_of "$p")"
    fi
    rm -f "$RUN/$n.pid"
  done
  return 0
}

# service_status: all services of $RUN: pid and memory with its share of common pages
service_status() {
  local f n p k
  for f in "$RUN"/*.pid; do
    [ -e "$f" ] || continue
    n=$(basename "$f" .pid)
    if alive "$n"; then
      read -r p _ <"$f"
      printf '%-24s %-8s %7.1f MiB\n' "$n" "$p" "$(for k in $(session_of "$p"); do
        awk '/^Pss:/ {print $2}' "/proc/$k/smaps_rollup" 2>/dev/null
      done | awk '{t += $1} END {print t / 1024}')"
    else
      printf '%-24s ended; see %s\n' "$n" "$LOG/$n.log"
    fi
  done
}
