"""Results of a comparison.

    table.py line WHO PODS CALLS MEMORY_MB <REPORT     one measurement as a line of JSON, from the bench's report
    table.py table <LINES                              all of them as a Markdown table
"""
import json
import statistics
import sys

NAMES = {'upstream': 'kuryr-kubernetes 10.0.0 (Python)', 'ours': 'this project'}
COLUMNS = ('pods at once', 'controller', 'first', 'median', 'last', 'KuryrPorts gone', 'Neutron calls', 'memory')


def line(who, pods, calls, memory):
    report = json.load(sys.stdin)
    figures = report['figures']
    runs = report['runs'][f'cold_{pods}_active_s']
    runs = runs['runs'] if isinstance(runs, dict) else runs
    print(json.dumps({
        'controller': who, 'pods': int(pods), 'first_s': min(runs), 'median_s': statistics.median(runs),
        'last_s': max(runs), 'gone_s': figures[f'release_{pods}_s'], 'calls': int(calls), 'memory_mb': float(memory)}))


def table():
    rows = [json.loads(row) for row in sys.stdin if row.strip()]
    rows.sort(key=lambda r: (r['pods'], r['controller'] == 'ours'))
    print('| ' + ' | '.join(COLUMNS) + ' |')
    print('|' + ' --- |' * len(COLUMNS))
    for r in rows:
        seconds = [f'{r[k]:.1f} s' for k in ('first_s', 'median_s', 'last_s', 'gone_s')]
        cells = [str(r['pods']), NAMES[r['controller']], *seconds, str(r['calls']), f'{r["memory_mb"]:.0f} MB']
        print('| ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    {'line': line, 'table': table}[sys.argv[1]](*sys.argv[2:])
