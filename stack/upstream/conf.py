"""The same settings in both configurations: conf.py upstream|ours [policies]. Settings come from `stack env`."""
import json
import os
import sys

with open(os.environ['KURYR_STACK_IDS']) as f:
    IDS = json.load(f)
POLICIES = 'policies' in sys.argv[2:]
HANDLERS = 'vif,kuryrport' + (',namespace,kuryrnetwork,policy,kuryrnetworkpolicy,pod_label' if POLICIES else '')
# The Python controller's policies take each namespace to have a network of its own.
SUBNETS = 'namespace' if POLICIES else 'default'
GROUPS = 'policy' if POLICIES else 'default'
PKI = os.path.join(os.environ['KURYR_STACK_KUBERNETES'], 'pki')
NETWORKS = f"""[neutron_defaults]
project = {IDS['project']}
pod_subnet = {IDS['subnets']['k8s-pods']}
service_subnet = {IDS['subnets']['k8s-services']}
pod_security_groups = {IDS['security_groups']['k8s-pods']}
[namespace_subnet]
pod_subnet_pool = {IDS['subnet_pool']}
pod_router = {IDS['router']}
[pod_vif_nested]
worker_nodes_subnets = {IDS['subnets']['k8s-nodes']}"""


def api_server():
    with open(os.environ['KUBECONFIG']) as f:
        return f.read().split('server: "', 1)[1].split('"', 1)[0]


def cloud():
    import yaml
    with open(os.environ['OS_CLIENT_CONFIG_FILE']) as f:
        return yaml.safe_load(f)['clouds'][os.environ['OS_CLOUD']]


def upstream():
    auth = '\n'.join(f'{k} = {v}' for k, v in cloud()['auth'].items())
    print(f"""[kubernetes]
api_root = {api_server()}
ssl_client_crt_file = {PKI}/admin.crt
ssl_client_key_file = {PKI}/admin.key
ssl_ca_crt_file = {PKI}/ca.crt
ssl_verify_server_crt = true
token_file =
pod_vif_driver = nested-vlan
vif_pool_driver = noop
enabled_handlers = {HANDLERS}
pod_subnets_driver = {SUBNETS}
pod_security_groups_driver = {GROUPS}
service_security_groups_driver = {GROUPS}
[binding]
default_driver = kuryr.lib.binding.drivers.vlan
[neutron]
auth_type = password
region_name = {cloud()['region_name']}
{auth}
{NETWORKS}""")


def ours():
    print(f"""[kuryr]
cluster_id = compare
orphan_grace = 30
[kubernetes]
vif_pool_driver = noop
pod_subnets_driver = {SUBNETS}
pod_security_groups_driver = {GROUPS}
[neutron]
cloud = {os.environ['OS_CLOUD']}
clouds_file = {os.environ['OS_CLIENT_CONFIG_FILE']}
{NETWORKS}""")


{'upstream': upstream, 'ours': ours}[sys.argv[1]]()
