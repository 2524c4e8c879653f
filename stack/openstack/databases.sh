# MariaDB; for ML2/OVN the northbound and southbound databases with northd; for ML2/OVS RabbitMQ. Sourced by up.
# shellcheck shell=bash

start_mariadb() {
  if [ ! -d "$DB/mysql/mysql" ]; then
    mariadb-install-db --no-defaults --user=root --datadir="$DB/mysql" --skip-test-db \
      --auth-root-authentication-method=normal >"$LOG/mariadb-install.log" 2>&1
    say "mariadb files made"
  fi
  start mariadb mariadbd --no-defaults --user=root --datadir="$DB/mysql" --socket="$RUN/mysql.sock" \
    --pid-file="$RUN/mysql.pidfile" --skip-networking --skip-log-bin --max-connections=300 \
    --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=256M --innodb-log-file-size=64M \
    --character-set-server=utf8mb3 --performance-schema=OFF
}

start_ovn_central() {
  local d
  for d in nb sb; do
    [ -e "$DB/$d.db" ] || ovsdb-tool create "$DB/$d.db" /usr/share/ovn/ovn-$d.ovsschema
    start ovn-$d ovsdb-server -vconsole:warn --remote=punix:"$RUN/$d.sock" --unixctl="$RUN/$d.ctl" "$DB/$d.db"
  done
  for d in nb sb; do wait_for 20 ovn-$d ovsdb-client list-dbs unix:"$RUN/$d.sock"; done
  ovn-nbctl --db=unix:"$RUN/nb.sock" --no-wait init
  ovn-sbctl --db=unix:"$RUN/sb.sock" init
  start ovn-northd env OVN_RUNDIR="$RUN" ovn-northd -vconsole:warn --ovnnb-db=unix:"$RUN/nb.sock" \
    --ovnsb-db=unix:"$RUN/sb.sock" --unixctl="$RUN/northd.ctl"
}

# The bus without Debian's wrapper, which becomes user rabbitmq by su, and with an epmd of its own:
# else Erlang starts one that outlives it.
start_rabbitmq() {
  local d=$OS_DIR/rabbit node=$((KURYR_STACK_PORT_RABBIT + 1)) epmd=$((KURYR_STACK_PORT_RABBIT + 2))
  mkdir -p "$d"
  cat >"$d/rabbitmq.conf" <<Y
listeners.tcp.1 = $KURYR_STACK_HOST:$KURYR_STACK_PORT_RABBIT
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
Y
  echo '[].' >"$d/plugins"
  start epmd epmd -address 127.0.0.1 -port $epmd
  start rabbitmq env HOME="$d" ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_NODENAME=openstack@localhost RABBITMQ_CONF_ENV_FILE=/dev/null \
    RABBITMQ_CONFIG_FILE="$d/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$d/plugins" \
    RABBITMQ_MNESIA_BASE="$d/mnesia" RABBITMQ_LOG_BASE="$LOG" RABBITMQ_PID_FILE="$d/pid" RABBITMQ_DIST_PORT=$node \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}" \
    "$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server)"
  start bus $PY "$HERE/bus.py" "$KURYR_STACK_HOST" "$KURYR_STACK_PORT_RABBIT" "${HYPERVISORS[@]}"
}

start_mariadb
if [ "$BACKEND" = ovn ]; then start_ovn_central; else start_rabbitmq; fi
