# Services in the background: each under a keeper (lib/keep) that starts it again when it ends by itself and writes that
# down; remembered by the keeper's pid and start time, stopped with all they left.
# Sourced. The caller sets RUN (pid files, NAME.deaths) and LOG (one log each).
# shellcheck shell=bash

export STARTED=${STARTED:-$(date +%s.%N)}   # of the first script: its children go on counting
PROGRAM=${0##*/}
KEEPER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/keep
say() { printf '%6.1fs %s\n' "$(awk -v a="$STARTED" -v b="$(date +%s.%N)" 'BEGIN {print b - a}')" "$*"; }
die() { echo "$PROGRAM: $*" >&2; exit 1; }

# What stands after a word of these, or between user and host of an address, is nobody's to read.
without_secrets() {
  sed -E 's/((password|passwd|passphrase|secret|token|credential)["'"'"']?[[:space:]]*[:=][[:space:]]*)[^[:space:],}]+/\1***/Ig
    s#(://[^:/@[:space:]]*:)[^@/[:space:]]+@#\1***@#g; s/gAAAA[A-Za-z0-9_=-]+/***/g'
}
# log_end FILE...: the last lines of each, for whoever sees only this output
log_end() {
  local f
  for f; do
    [ -s "$f" ] || continue
    echo "--- the end of $f:"
    tail -n 25 "$f" | cut -c1-500 | without_secrets
  done
}
# fail LOG WORDS...: an error whose cause stands in a log
fail() {
  local log=$1; shift
  log_end "$log" >&2
  die "$*; see $log"
}

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
  rm -f "$RUN/$n.deaths"
  setsid "$KEEPER" "$RUN/$n" "$@" </dev/null >>"$LOG/$n.log" 2>&1 9>&- &
  p=$!
  echo "$p $(started_at $p)" >"$RUN/$n.pid"
  disown $p
  say "start $n ($p)"
}

# What a service's keeper wrote down of its ends: a line each, "TIME how"; nothing where it never ended by itself.
deaths() { cat "$RUN/$1.deaths" 2>/dev/null; }

# wait_for SECONDS NAME COMMAND...: until the command succeeds; a service NAME that ends meanwhile is an error at once
wait_for() {
  local n=$2 end=$(($(date +%s) + $1)); shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt $end ] || fail "$LOG/$n.log" "$n does not answer"
    [ -z "$(deaths "$n")" ] || fail "$LOG/$n.log" "$n ended ($(deaths "$n" | tail -n 1))"
    if [ -e "$RUN/$n.pid" ] && ! alive "$n"; then fail "$LOG/$n.log" "$n ended"; fi
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
    rm -f "$RUN/$n.pid" "$RUN/$n.child" "$RUN/$n.deaths"
  done
  return 0
}

# all_deaths: what ended by itself since it was started, a line each: "NAME TIME how"
all_deaths() {
  local f
  for f in "$RUN"/*.deaths; do
    [ -e "$f" ] && sed "s#^#$(basename "$f" .deaths) #" "$f"
  done
  return 0
}

# service_status: all services of $RUN: pid, memory with its share of common pages; then what ended by itself
service_status() {
  local f n p k
  for f in "$RUN"/*.pid; do
    [ -e "$f" ] || continue
    n=$(basename "$f" .pid)
    if alive "$n"; then
      read -r p _ <"$f"
      printf '%-24s %-8s %7.1f MiB\n' "$n" "$(cat "$RUN/$n.child" 2>/dev/null || echo -)" "$(for k in $(session_of "$p"); do
        awk '/^Pss:/ {print $2}' "/proc/$k/smaps_rollup" 2>/dev/null
      done | awk '{t += $1} END {print t / 1024}')"
    else
      printf '%-24s ended; see %s\n' "$n" "$LOG/$n.log"
    fi
  done
  all_deaths | while read -r n p k; do
    echo "$n ended by itself at $p ($k) and was started again; see $LOG/$n.log"
  done
}
