# Schemas and users once; then Keystone, Neutron and Octavia, for ML2/OVS the agents too. Sourced by up.
# shellcheck shell=bash

export OS_CLIENT_CONFIG_FILE=$OS_DIR/clouds.yaml
mysql_root() { mariadb --no-defaults -u root -S "$RUN/mysql.sock" -e "$1"; }
answers() { $PY "$HERE/answers.py" "$1"; }

# ---- schemas
keystone_init() {
  local manage="keystone-manage --config-file $ETC/keystone.conf"
  $manage db_sync &&
    $manage fernet_setup --keystone-user root --keystone-group root &&
    $manage credential_setup --keystone-user root --keystone-group root &&
    $manage bootstrap --bootstrap-password "$KURYR_STACK_ADMIN_PASSWORD" --bootstrap-region-id "$KURYR_STACK_REGION" \
      --bootstrap-admin-url "$KEYSTONE_URL" --bootstrap-internal-url "$KEYSTONE_URL" --bootstrap-public-url "$KEYSTONE_URL"
}
neutron_init() {
  $PY -c 'import sys; sys.argv[0] = "neutron-db-manage"
from neutron.db.migration.cli import main; sys.exit(main())' --config-file "$ETC/neutron.conf" upgrade heads
}
octavia_init() { octavia-db-manage --config-file "$ETC/octavia.conf" upgrade head; }

schemas() {
  local d neutron others
  wait_for 60 mariadb mysql_root 'select 1'
  for d in keystone neutron octavia; do
    mysql_root "create database if not exists $d character set utf8mb3"
  done
  once neutron-schema neutron_init & neutron=$!
  (once keystone-schema keystone_init && once octavia-schema octavia_init) & others=$!
  wait $neutron || exit 1
  wait $others || exit 1
}

# ---- APIs
UWSGI="uwsgi --plugin python3 --master --die-on-term --need-app --lazy-apps --enable-threads --buffer-size 65535 --disable-logging"

start_keystone() {
  start memcached memcached -u root -l 127.0.0.1 -p "$KURYR_STACK_PORT_MEMCACHED" -m 64
  wait_for 20 memcached $PY -c "import socket; socket.create_connection(('127.0.0.1', $KURYR_STACK_PORT_MEMCACHED), 1)"
  # shellcheck disable=SC2086
  start keystone env OS_KEYSTONE_CONFIG_DIR="$ETC" OS_KEYSTONE_CONFIG_FILES="$ETC/keystone.conf" $UWSGI \
    --http-socket "$KURYR_STACK_HOST:$KURYR_STACK_PORT_KEYSTONE" --add-header "Connection: close" \
    --processes "$KURYR_STACK_KEYSTONE_WORKERS" --wsgi-file /usr/bin/keystone-wsgi-public
  wait_for 60 keystone answers "$KEYSTONE_URL"
  once keystone-users $PY "$HERE/users.py" "$KURYR_STACK_SERVICE_PASSWORD" "$KURYR_STACK_KURYR_PASSWORD" \
    "$KURYR_STACK_REGION" "$NEUTRON_URL" "$OCTAVIA_URL"
}

start_neutron() {
  [ "$BACKEND" = ovn ] ||
    wait_for 60 rabbitmq answers "amqp://$KURYR_STACK_HOST:$KURYR_STACK_PORT_RABBIT"
  start neutron $PY -c 'import sys; sys.argv[0] = "neutron-server"
from neutron.cmd.eventlet.server import main; main()' --config-file "$ETC/neutron.conf"
}

# Octavia's configuration says where the driver agent's sockets are; the OVN provider needs to be told (octavia_sockets).
start_octavia() {
  local env=(env PYTHONPATH="$HERE/octavia" OCTAVIA_CONF="$ETC/octavia.conf" OCTAVIA_RUN="$RUN")
  [ "$BACKEND" = ovs ] || start octavia-agent "${env[@]}" $PY -c 'import sys, octavia_sockets; sys.argv[0] = "octavia-driver-agent"
from octavia.cmd.driver_agent import main; main()' --config-file "$ETC/octavia.conf"
  # shellcheck disable=SC2086
  start octavia "${env[@]}" $UWSGI --http-socket "$KURYR_STACK_HOST:$KURYR_STACK_PORT_OCTAVIA" \
    --add-header "Connection: close" --processes 1 --threads "$KURYR_STACK_OCTAVIA_THREADS" \
    --wsgi-file "$HERE/octavia/octavia_wsgi.py"
}

# ---- agents of ML2/OVS
# The openvswitch agent runs its privileged functions itself. The layer 3 agent needs privsep daemons: netlink in another
# namespace fails in a process patched by eventlet (EBADF).
agent_code() { # NAME MODULE [PYTHON]
  printf '%s\n' "import sys; sys.argv[0] = '$1'" "import neutron.cmd.eventlet" "${3:-}" \
    "from neutron.cmd.eventlet.$2 import main; main()"
}
UNPRIVILEGED_CLIENTS='from neutron import privileged as p
for c in (p.default, p.ovs_vsctl_cmd, p.namespace_cmd, p.conntrack_cmd, p.link_cmd): c.set_client_mode(False)'

NEW_AGENTS=()
start_agents() {
  local h
  for h in "${HYPERVISORS[@]}"; do
    alive "$h-agent" || NEW_AGENTS+=("$h/neutron-openvswitch-agent")
    start "$h-agent" nsenter --net="/run/netns/$h" env OVS_RUNDIR="$OS_DIR/$h" $PY \
      -c "$(agent_code neutron-openvswitch-agent plugins.ovs_neutron_agent "$UNPRIVILEGED_CLIENTS")" \
      --config-file "$ETC/neutron.conf" --config-file "$ETC/agent-$h.conf"
  done
  # Routers are on the first hypervisor. The agent deletes qrouter-* namespaces that it does not know, so it has a
  # /run/netns of its own; its namespaces end with it.
  h=${HYPERVISORS[0]}
  alive l3-agent || NEW_AGENTS+=("$h/neutron-l3-agent")
  start l3-agent nsenter --net="/run/netns/$h" \
    unshare --mount sh -c 'mount -t tmpfs tmpfs /run/netns && exec "$@"' - \
    env OVS_RUNDIR="$OS_DIR/$h" $PY -c "$(agent_code neutron-l3-agent agents.l3)" \
    --config-file "$ETC/neutron.conf" --config-file "$ETC/agent-$h.conf"
}
wait_agents() {
  [ ${#NEW_AGENTS[@]} = 0 ] || $PY "$HERE/wait_agents.py" "${NEW_AGENTS[@]}" || {
    log_end "$LOG"/*agent.log >&2
    die "not all agents are alive for Neutron: ${NEW_AGENTS[*]}; see $LOG/*agent.log"
  }
}

schemas
start_keystone
start_neutron
start_octavia
wait_for 120 neutron answers "$NEUTRON_URL/"
wait_for 120 octavia answers "$OCTAVIA_URL/"
if [ "$BACKEND" = ovs ]; then start_agents; fi
once public-network $PY "$HERE/public_network.py" "$KURYR_STACK_EXTERNAL" "$KURYR_STACK_QUOTA"
wait_agents
