"""The stack's cloud as the scripts of this folder use it: settings, connections, and commands in namespaces.

Settings come from the environment that lib/settings.sh exports: STACK_OS_DIR, KURYR_STACK_HYPERVISORS, ...
"""
import os
import socket
import subprocess

OS_DIR = os.environ['STACK_OS_DIR']
HYPERVISORS = os.environ['KURYR_STACK_HYPERVISORS'].split()
FABRIC = os.environ['KURYR_STACK_FABRIC']
EXTERNAL = os.environ['KURYR_STACK_EXTERNAL']


def connect():
    """Connections of the administrator and of user kuryr in project k8s."""
    os.environ['OS_CLIENT_CONFIG_FILE'] = os.path.join(OS_DIR, 'clouds.yaml')
    import openstack
    return openstack.connect(cloud='admin'), openstack.connect(cloud='kuryr')


def run(*command, check=True):
    """Runs a command; what it printed on failure is the error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if check and done.returncode:
        raise SystemExit(f'{" ".join(command)}: {done.stderr.strip() or done.stdout.strip()}')
    return done


def in_netns(name, command, check=True):
    return run('nsenter', f'--net=/run/netns/{name}', *command.split(), check=check)


def database_of(hypervisor):
    return f'{OS_DIR}/{hypervisor}/db.sock'


def listens(hypervisor, name):
    """Whether a part of the hypervisor's switch can be asked: after a crash its socket is there and nobody listens."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(f'{OS_DIR}/{hypervisor}/{name}') == 0


def vsctl(hypervisor, *args):
    return run('ovs-vsctl', f'--db=unix:{database_of(hypervisor)}', '--timeout=30', *args)


def netns_exists(name):
    """Whether there is such a namespace: after a restart of the machine the file may be there alone."""
    return os.path.ismount(f'/run/netns/{name}')
