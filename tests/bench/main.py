"""Runs the benchmark within the rig: figures, table, JSON, plots. --short: a few ratios against those of baseline.json."""
import argparse
import json
import os
import platform
import sys
import time

import contest
import figures
import firstwrite
import livereload
import plot

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = {'engine': figures.engine, 'counts': figures.engine_counts, 'events': figures.events, 'first-write': firstwrite.first_write, 'drains': figures.drains,
         'storms': figures.storms, 'overhead': figures.overhead, 'resync': figures.resync_and_memory, 'idle': figures.idle, 'reload': livereload.reload_live}
# What the short form compares, and which way is worse. Counts of instructions and bytes repeat to the digit; the rest are ratios within one run,
# of which a factor of two is a regression, not noise.
COUNTS = ('match_instructions', 'cached_instructions', 'decode_instructions', 'load_instructions', 'bytes_a_rule')
SHORT = {**{k: 'more' for k in COUNTS}, 'stay_10': 'less', 'move_1': 'less', 'drain': 'less', 'growth_1000': 'more'}


def table(f):
    width = max(len(r['what']) for r in f.rows)
    lines = [f'{"figure":{width}}  {"goal":>12}  {"median":>10}  {"min":>8} {"max":>8}  verdict']
    for r in f.rows:
        verdict = {True: 'reached', False: 'MISSED', None: '-'}[r['reached']]
        lines.append(f'{r["what"]:{width}}  {r["goal"]:>12}  {r["median"]:>10.4g}  {r["min"]:>8.4g} {r["max"]:>8.4g}  {verdict:8} {r["note"]}')
    return '\n'.join(lines)


DOCS_BEGIN, DOCS_END = '<!-- figures: written by scripts/bench --write-docs -->\n', '<!-- end of figures -->\n'


def cell(row, key):
    unit = row['unit']
    return f'{row[key]:.3g}{unit}' if key == 'median' and unit else f'{row[key]:.3g}'


def write_docs(f, path, load_before):
    """The table in the page, with what it was taken on."""
    with open(path, encoding='utf-8') as page:
        text = page.read()
    before, rest = text.split(DOCS_BEGIN)
    after = rest.split(DOCS_END)[1]
    loads = ' and '.join(f'{x:.1f}' for x in (load_before, os.getloadavg()[0]))
    lines = [f'Linux {platform.release()}, {os.cpu_count()} cores, {f.rounds} rounds. Load of the machine (1 minute) before and after: {loads}, '
             'most of the latter the benchmark\'s own.', '', '| figure | goal | median | min to max | | noted |', '|---|---|---|---|---|---|']
    for r in f.rows:
        verdict = {True: 'reached', False: '**missed**', None: ''}[r['reached']]
        lines.append(f'| {r["what"]} | {r["goal"]} | {cell(r, "median")} | {cell(r, "min")} to {cell(r, "max")} | {verdict} | {r["note"]} |')
    if 'instructions' in f.raw:
        counts = ', '.join(f'{what} {n:,}' for what, n in f.raw['instructions'].items())
        lines += ['', f'Instructions (callgrind) for one: {counts}. A rule takes {f.raw["bytes_a_rule"]} bytes in the engine.']
    with open(path, 'w', encoding='utf-8') as page:
        page.write(before + DOCS_BEGIN + '\n'.join(lines) + '\n' + DOCS_END + after)
    print(f'the table of {path} is written')


def short_counts():
    def match(what):
        return figures.instructions('bench-match', 'mixed', '10000', what, repeats=40 * 256)

    return {'match_instructions': match('match'), 'cached_instructions': match('cached'),
            'decode_instructions': figures.instructions('bench-decode', repeats=2000 * 64),
            'load_instructions': figures.instructions('bench-load', 'mixed', '10000', repeats=10000, whole=True),
            'bytes_a_rule': figures.bench_match('mixed', 10000, 'load', 1)['bytes_a_rule']}


def short_drains():
    f = figures.Figures(3, 0.3)
    figures.drains(f)
    return {'drain': next(r['median'] for r in f.rows if r['key'] == 'drain')}


def short_events():
    f = figures.Figures(3, 0.3)
    figures.events(f, sizes=(10, 1000), latency=False, peer_sizes=(10,), four=False)
    got = {r['key']: r['median'] for r in f.rows}
    ours = f.raw['stay_us']['pclass']
    return {'stay_10': got['stay_10'], 'move_1': got['move_1'], 'growth_1000': figures.Spread.ratio(ours[1000], ours[10]).median}


def short_ratios():
    return {**short_drains(), **short_events()}


def is_worse(key, got, baseline):
    return got[key] < baseline[key] / 2 if SHORT[key] == 'less' else got[key] > baseline[key] * 2


def short(path):
    if not path:
        path = os.path.join(HERE, 'baseline.json')
    with open(path, encoding='utf-8') as f:
        baseline = json.load(f)
    got = {**short_counts(), **short_ratios()}
    doubtful = [k for k in SHORT if k not in COUNTS and is_worse(k, got, baseline)]
    if doubtful:  # somebody else's burst hits one side of a ratio at times; a regression is there again
        print(f'measured once more because of {", ".join(doubtful)}', flush=True)
        again = {**(short_drains() if 'drain' in doubtful else {}), **(short_events() if doubtful != ['drain'] else {})}
        got.update({k: again[k] for k in doubtful})
    failed = 0
    for key, worse in SHORT.items():
        bad = is_worse(key, got, baseline)
        failed += bad
        print(f'{"FAIL" if bad else "ok  "} {key}: {got[key]:.4g}, baseline {baseline[key]:.4g} ({worse} is worse)')
    print(f'RESULT bench {len(SHORT) - failed} {failed}', flush=True)
    return 1 if failed else 0


def full(args):
    f = figures.Figures(args.rounds, args.scale)
    load_before = os.getloadavg()[0]
    for name, part in PARTS.items():
        if not args.only or name in args.only:
            began = time.monotonic()
            print(f'== {name}', flush=True)
            part(f)
            print(f'   {time.monotonic() - began:.0f} s', flush=True)
    print()
    print(table(f))
    os.makedirs(args.out, exist_ok=True)
    with open(f'{args.out}/bench.json', 'w', encoding='utf-8') as out:
        json.dump({'kernel': platform.release(), 'cores': os.cpu_count(), 'load': os.getloadavg(), 'rows': f.rows, 'raw': f.raw}, out, indent=1)
    plot.draw(f, args.out)
    print(f'written to {args.out}: bench.json and plots')
    if args.write_docs:
        write_docs(f, args.write_docs, load_before)
    return 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--short', action='store_true')
    p.add_argument('--baseline', help='compare with this file instead of tests/bench/baseline.json')
    p.add_argument('--write-baseline', metavar='FILE')
    p.add_argument('--write-docs', metavar='FILE', help='put the table into this page, between its marks')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--scale', type=float, default=1.0)
    p.add_argument('--only', action='append', choices=list(PARTS))
    p.add_argument('--out', required=True)
    args = p.parse_args()
    contest.check_uids()
    contest.add_users()
    if args.write_baseline:
        with open(args.write_baseline, 'w', encoding='utf-8') as f:
            json.dump({k: round(v, 3) for k, v in {**short_counts(), **short_ratios()}.items()}, f, indent=1)
            f.write('\n')
        return 0
    return short(args.baseline) if args.short else full(args)


if __name__ == '__main__':
    sys.exit(main())
