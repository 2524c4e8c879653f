"""NetworkPolicies with one controller running: what a label costs until it is enforced, and what a pod that joins costs.

    policies.py measure WHO ROUNDS NODE     one line of JSON; pods on NODE, none of which ever runs
    policies.py table <LINES                all of them as a Markdown table

A change counts as enforced with the end of Neutron's last changing call about it, by Neutron's own log, once there was none for QUIET
seconds; calls are those that change something.
"""
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import time

from table import NAMES

# A namespace that one controller does not let go of is not the other's.
NAMESPACE = 'kuryr-compare-' + ''.join(sys.argv[2:3])
QUIET = 6
LIMIT = 180
LOG = os.path.join(os.environ.get('KURYR_STACK_OPENSTACK', ''), 'log', 'neutron.log')
CALL = re.compile(r'^(\S+ \S+) .*"(POST|PUT|DELETE) (/v2\.0/\S*)')
POLICY = {
    'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy', 'metadata': {'name': 'servers'},
    'spec': {
        'podSelector': {'matchLabels': {'app': 'server'}},
        'policyTypes': ['Ingress'],
        'ingress': [{'from': [{'podSelector': {'matchLabels': {'role': 'client'}}}],
                     'ports': [{'protocol': 'TCP', 'port': 80}, {'protocol': 'TCP', 'port': 443}]}]}}


def kubectl(*args, given=None):
    done = subprocess.run(['kubectl', '-n', NAMESPACE, *args], input=given, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise SystemExit(f'kubectl {" ".join(args)}: {done.stderr}')
    return done.stdout


def apply(*objects):
    whole = {'apiVersion': 'v1', 'kind': 'List', 'items': list(objects)}
    kubectl('apply', '-f', '-', given=json.dumps(whole))


def pod(name, node, labels):
    return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': name, 'labels': labels},
            'spec': {'nodeName': node, 'terminationGracePeriodSeconds': 0,
                     'containers': [{'name': 'c', 'image': 'localhost/busybox:1'}]}}


def until(what, check):
    end = time.time() + LIMIT
    while not check():
        if time.time() > end:
            raise SystemExit(f'{what}: not within {LIMIT} s')
        time.sleep(0.3)


def active(*names):
    ports = json.loads(kubectl('get', 'kuryrports', '-o', 'json'))['items']
    ready = {p['metadata']['name'] for p in ports
             if any(v['vif']['versioned_object.data'].get('active') for v in p.get('status', {}).get('vifs', {}).values())}
    return ready.issuperset(names)


def calls(offset):
    """Changing calls after this place of the log, each with the second in which it ended, and the log's end."""
    with open(LOG, errors='replace') as log:
        log.seek(offset)
        found = [CALL.match(line) for line in log]
        end = log.tell()
    when = lambda text: datetime.datetime.strptime(text, '%Y-%m-%d %H:%M:%S.%f').timestamp()
    return [(when(m[1]), m[2], m[3].split('?')[0]) for m in found if m], end


def change(act):
    """Does something; what it cost when all is quiet: seconds until the last call, calls, those about groups and rules."""
    offset = os.path.getsize(LOG)
    begin = time.time()
    act()
    while True:
        time.sleep(0.5)
        made, _ = calls(offset)
        last = max([begin] + [at for at, _, _ in made])
        if time.time() - last > QUIET:
            break
        if time.time() - begin > LIMIT:
            raise SystemExit(f'Neutron is called for longer than {LIMIT} s')
    groups = [path for _, _, path in made if '/security-group' in path]
    return last - begin, len(made), len(groups)


def measure(who, rounds, node):
    subprocess.run(['kubectl', 'create', 'namespace', NAMESPACE], check=True, stdout=subprocess.DEVNULL, timeout=60)
    try:
        servers = [f's{n}' for n in range(3)]
        apply(*[pod(name, node, {'app': 'server'}) for name in servers], pod('client', node, {}))
        until('ports are ACTIVE', lambda: active(*servers, 'client'))
        policy = change(lambda: apply(POLICY))
        labels, unlabels, joins, selected = [], [], [], []
        for n in range(int(rounds)):
            labels.append(change(lambda: kubectl('label', 'pod', 'client', 'role=client')))
            unlabels.append(change(lambda: kubectl('label', 'pod', 'client', 'role-')))
            joins.append(change(lambda: apply(pod(f'j{n}', node, {'role': 'client'}))))
            selected.append(change(lambda: apply(pod(f't{n}', node, {'app': 'server'}))))
        alone = change(lambda: apply(pod('alone', node, {})))
        median = lambda all, column: statistics.median(one[column] for one in all)
        print(json.dumps({
            'controller': who, 'policy_s': policy[0], 'policy_calls': policy[1],
            'label_s': median(labels, 0), 'label_max_s': max(one[0] for one in labels), 'label_calls': median(labels, 1),
            'unlabel_s': median(unlabels, 0), 'unlabel_calls': median(unlabels, 1),
            'alone_calls': alone[1], 'join_calls': median(joins, 1), 'join_rule_calls': median(joins, 2),
            'selected_calls': median(selected, 1), 'selected_rule_calls': median(selected, 2)}), flush=True)
    finally:
        kubectl('delete', 'networkpolicy,pod', '--all', '--grace-period=0', '--force', '--wait=false')
        subprocess.run(['kubectl', 'delete', 'namespace', NAMESPACE, '--timeout=90s'], capture_output=True, timeout=120)


def table():
    rows = {r['controller']: r for r in (json.loads(line) for line in sys.stdin if line.strip())}
    who = [name for name in ('upstream', 'ours') if name in rows]
    print('| | ' + ' | '.join(NAMES[name] for name in who) + ' |')
    print('|' + ' --- |' * (len(who) + 1))

    def row(title, text):
        print(f'| {title} | ' + ' | '.join(text(rows[name]) for name in who) + ' |')
    row('policy of 3 pods, made to enforced', lambda r: f"{r['policy_s']:.1f} s, {r['policy_calls']} calls")
    row('label of a peer, set to enforced; longest', lambda r: f"{r['label_s']:.2f} s; {r['label_max_s']:.2f} s")
    row('calls of it', lambda r: f"{r['label_calls']:.0f}")
    row('label taken off to enforced', lambda r: f"{r['unlabel_s']:.2f} s, {r['unlabel_calls']:.0f} calls")
    row('calls for a pod that no policy is about', lambda r: f"{r['alone_calls']:.0f}")
    row('for one that joins as a peer; of them for groups and rules',
        lambda r: f"{r['join_calls']:.0f}; {r['join_rule_calls']:.0f}")
    row('for one that the policy selects; of them for groups and rules',
        lambda r: f"{r['selected_calls']:.0f}; {r['selected_rule_calls']:.0f}")


if __name__ == '__main__':
    {'measure': measure, 'table': table}[sys.argv[1]](*sys.argv[2:])
