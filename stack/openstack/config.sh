# The services' configuration, written anew at each start, and the users' files. Sourced by up.
# shellcheck shell=bash

sql() { echo "mysql+pymysql://root@localhost/$1?unix_socket=$RUN/mysql.sock&charset=utf8"; }

database() { # NAME
  cat <<Y
[database]
connection = $(sql "$1")
max_pool_size = 10
max_overflow = 20
Y
}

credentials() { # USER
  cat <<Y
auth_type = password
auth_url = $KEYSTONE_URL
username = $1
password = $KURYR_STACK_SERVICE_PASSWORD
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = $KURYR_STACK_REGION
Y
}

keystone_conf() {
  cat <<Y
[DEFAULT]
debug = $KURYR_STACK_DEBUG
public_endpoint = http://$KURYR_STACK_HOST:$KURYR_STACK_PORT_KEYSTONE/
$(database keystone)
[token]
provider = fernet
expiration = 14400
[fernet_tokens]
key_repository = $OS_DIR/fernet
[credential]
key_repository = $OS_DIR/credential
# one cache for all of Keystone's processes: with one each, what a process answers depends on what it was asked before
[cache]
enabled = true
backend = dogpile.cache.memcached
memcache_servers = 127.0.0.1:$KURYR_STACK_PORT_MEMCACHED
[identity]
password_hash_rounds = 4
Y
}

neutron_conf() {
  local bus router driver tenant rpc
  case $BACKEND in
    ovn) bus=fake:// router=ovn-router driver=ovn tenant=geneve rpc=0 ;;
    ovs) bus=rabbit://guest:guest@$KURYR_STACK_HOST:$KURYR_STACK_PORT_RABBIT/
      router=router driver=openvswitch tenant=vxlan rpc=1 ;;
  esac
  cat <<Y
[DEFAULT]
debug = $KURYR_STACK_DEBUG
state_path = $OS_DIR/neutron
bind_host = $KURYR_STACK_HOST
bind_port = $KURYR_STACK_PORT_NEUTRON
api_paste_config = /usr/lib/python3/dist-packages/neutron/tests/etc/api-paste.ini
api_workers = $KURYR_STACK_NEUTRON_WORKERS
rpc_workers = $rpc
rpc_state_report_workers = 0
transport_url = $bus
core_plugin = ml2
service_plugins = $router,trunk,segments,qos,port_forwarding
allow_overlapping_ips = true
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
global_physnet_mtu = 1500
dns_domain = openstack.internal.
$(database neutron)
[keystone_authtoken]
www_authenticate_uri = $KEYSTONE_URL
service_token_roles_required = true
$(credentials neutron)
[nova]
$(credentials neutron)
[placement]
$(credentials neutron)
[oslo_concurrency]
lock_path = $OS_DIR/neutron/lock
[oslo_messaging_notifications]
driver = noop
[ml2]
mechanism_drivers = $driver
type_drivers = $tenant,flat,vlan
tenant_network_types = $tenant
extension_drivers = port_security,qos,dns,tag_ports_during_bulk_creation
overlay_ip_version = 4
[ml2_type_geneve]
vni_ranges = 1:65536
max_header_size = 38
[ml2_type_vxlan]
vni_ranges = 1:65536
[ml2_type_flat]
flat_networks = physnet1
[ml2_type_vlan]
network_vlan_ranges = physnet1:1000:1999
[securitygroup]
enable_security_group = true
Y
  # ovn_metadata_enabled: just for the port it makes on each network; a load balancer's health monitor needs it
  [ "$BACKEND" = ovs ] || cat <<Y
[ovn]
ovn_nb_connection = unix:$RUN/nb.sock
ovn_sb_connection = unix:$RUN/sb.sock
ovn_metadata_enabled = true
enable_distributed_floating_ip = true
ovn_emit_need_to_frag = true
Y
}

agent_conf() { # HYPERVISOR NUMBER: ML2/OVS, for its agents; root already, so no root_helper
  cat <<Y
[DEFAULT]
debug = $KURYR_STACK_DEBUG
host = $1
state_path = $OS_DIR/$1/neutron
transport_url = rabbit://guest:guest@127.0.0.1:$KURYR_STACK_PORT_RABBIT/
interface_driver = openvswitch
enable_metadata_proxy = false
[oslo_concurrency]
lock_path = $OS_DIR/$1/neutron/lock
[ovs]
datapath_type = netdev
local_ip = $KURYR_STACK_UNDERLAY.$2
bridge_mappings = physnet1:br-ex
ovsdb_connection = unix:$OS_DIR/$1/db.sock
[agent]
tunnel_types = vxlan
polling_interval = $KURYR_STACK_AGENT_POLL
root_helper =
[securitygroup]
enable_security_group = true
firewall_driver = openvswitch
Y
}

octavia_conf() {
  local provider=
  [ "$BACKEND" = ovs ] || provider='ovn:OVN in the virtual switches,'
  cat <<Y
[DEFAULT]
debug = $KURYR_STACK_DEBUG
transport_url = fake://
$(database octavia)
[api_settings]
bind_host = $KURYR_STACK_HOST
bind_port = $KURYR_STACK_PORT_OCTAVIA
api_base_uri = $OCTAVIA_URL
auth_strategy = keystone
enabled_provider_drivers = ${provider}amphora:amphorae that do nothing
default_provider_driver = amphora
allow_ping_health_monitors = true
[keystone_authtoken]
www_authenticate_uri = $KEYSTONE_URL
$(credentials octavia)
[service_auth]
$(credentials octavia)
[oslo_messaging]
topic = octavia_prov
[oslo_messaging_notifications]
driver = noop
[driver_agent]
enabled_provider_agents = ${provider%%:*}
status_socket_path = $RUN/octavia-status.sock
stats_socket_path = $RUN/octavia-stats.sock
get_socket_path = $RUN/octavia-get.sock
[ovn]
ovn_nb_connection = unix:$RUN/nb.sock
ovn_sb_connection = unix:$RUN/sb.sock
[certificates]
cert_generator = local_cert_generator
cert_manager = local_cert_manager
server_certs_key_passphrase = insecure-key-do-not-use-this-key
ca_certificate = $ETC/ca.pem
ca_private_key = $ETC/ca.key
ca_private_key_passphrase = insecure
signing_digest = sha256
storage_path = $OS_DIR/certs
[health_manager]
heartbeat_key = insecure
[controller_worker]
client_ca = $ETC/ca.pem
amphora_driver = amphora_noop_driver
compute_driver = compute_noop_driver
image_driver = image_noop_driver
volume_driver = volume_noop_driver
distributor_driver = distributor_noop_driver
network_driver = allowed_address_pairs_driver
amp_boot_network_list = 00000000-0000-0000-0000-000000000001
amp_secgroup_list = 00000000-0000-0000-0000-000000000002
amp_flavor_id = 00000000-0000-0000-0000-000000000003
amp_image_tag = amphora
[task_flow]
jobboard_enabled = false
Y
}

user_files() { # USER PASSWORD PROJECT: openrc-USER; its entry of clouds.yaml on stdout
  cat >"$OS_DIR/openrc-$1" <<Y
export OS_AUTH_URL=$KEYSTONE_URL OS_USERNAME=$1 OS_PASSWORD=$2 OS_PROJECT_NAME=$3
export OS_REGION_NAME=$KURYR_STACK_REGION OS_IDENTITY_API_VERSION=3
export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default
Y
  cat <<Y
  $1:
    region_name: $KURYR_STACK_REGION
    auth:
      auth_url: $KEYSTONE_URL
      username: $1
      password: $2
      project_name: $3
      user_domain_name: Default
      project_domain_name: Default
Y
}

write_all() {
  local h number=0
  keystone_conf >"$ETC/keystone.conf"
  neutron_conf >"$ETC/neutron.conf"
  octavia_conf >"$ETC/octavia.conf"
  [ "$BACKEND" = ovn ] || for h in "${HYPERVISORS[@]}"; do
    number=$((number + 1))
    mkdir -p "$OS_DIR/$h/neutron/lock"
    agent_conf "$h" $number >"$ETC/agent-$h.conf"
  done
  [ -s "$ETC/ca.pem" ] || openssl req -x509 -newkey rsa:2048 -days 3650 -subj /CN=octavia -passout pass:insecure \
    -keyout "$ETC/ca.key" -out "$ETC/ca.pem" 2>/dev/null
  mkdir -p "$OS_DIR/certs" "$OS_DIR/fernet" "$OS_DIR/credential" "$OS_DIR/neutron/lock"
  chmod 700 "$OS_DIR/fernet" "$OS_DIR/credential"
  chmod 600 "$ETC"/*
  {
    echo clouds:
    user_files admin "$KURYR_STACK_ADMIN_PASSWORD" admin
    user_files kuryr "$KURYR_STACK_KURYR_PASSWORD" k8s
  } >"$OS_DIR/clouds.yaml"
}

write_all
