"""Plots as SVG, written by hand: lines over logarithmic axes are all that is needed."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 400, 70, 50, 40, 150
COLOURS = ('#1b6ca8', '#c0392b', '#1b6ca8', '#c0392b', '#27ae60', '#8e44ad')
DASHES = ('', '', '6 4', '6 4', '', '')


def ticks(low, high, logarithmic):
    if logarithmic:
        return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    step = 10 ** math.floor(math.log10(high - low or 1))
    while (high - low) / step > 8:
        step *= 2
    return [low + i * step for i in range(int((high - low) / step) + 2)]


class Axis:
    def __init__(self, values, logarithmic, start, end):
        self.log, self.start, self.end = logarithmic, start, end
        values = [v for v in values if v > 0] if logarithmic else list(values)
        low, high = min(values, default=1), max(values, default=10)
        self.ticks = ticks(low if logarithmic else 0, high, logarithmic)
        self.low, self.high = self.ticks[0], self.ticks[-1] if self.ticks[-1] > self.ticks[0] else self.ticks[0] * 10 + 1

    def at(self, v):
        if self.log:
            v, low, high = math.log10(max(v, self.low)), math.log10(self.low), math.log10(self.high)
        else:
            low, high = self.low, self.high
        return self.start + (v - low) / (high - low) * (self.end - self.start)


def number(v):
    return f'{v:,.0f}' if v >= 1 else f'{v:g}'


def chart(path, title, x_name, y_name, series, x_log=True, y_log=True):
    """series: [(name, [(x, y), ...]), ...]"""
    points = [p for _, s in series for p in s]
    x = Axis([p[0] for p in points], x_log, LEFT, WIDTH - RIGHT)
    y = Axis([p[1] for p in points], y_log, HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
           f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_name)}</text>',
           f'<text transform="translate(16 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>']
    for v in x.ticks:
        out.append(f'<path d="M{x.at(v):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{x.at(v):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{number(v)}</text>')
    for v in y.ticks:
        out.append(f'<path d="M{LEFT} {y.at(v):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y.at(v) + 4:.1f}" text-anchor="end">{number(v)}</text>')
    for i, (name, s) in enumerate(series):
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]
        path_text = ' '.join(f'{"L" if k else "M"}{x.at(a):.1f} {y.at(b):.1f}' for k, (a, b) in enumerate(s))
        out.append(f'<path d="{path_text}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        if len(s) < 12:
            out += [f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="3" fill="{colour}"/>' for a, b in s]
        out.append(f'<path d="M{WIDTH - RIGHT + 8} {TOP + 12 + 18 * i}h18" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
                   f'<text x="{WIDTH - RIGHT + 30}" y="{TOP + 16 + 18 * i}">{escape(name)}</text>')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('\n'.join([*out, '</svg>', '']))


def distribution(values):
    """(microseconds, share that was placed by then) without those that never were."""
    placed = sorted(v for v in values if v is not None)
    return [(max(v, 1), (i + 1) / len(values) * 100) for i, v in enumerate(placed)]


def draw(f, folder):
    raw = f.raw
    if 'stay_us' in raw:
        chart(f'{folder}/cost.svg', 'CPU per exec that needs no move', 'rules', 'microseconds',
              [(w, [(n, sorted(v)[len(v) // 2]) for n, v in by.items()]) for w, by in raw['stay_us'].items()])
    if 'latency_us' in raw:
        chart(f'{folder}/latency.svg', 'From exec to class', 'microseconds', '% placed',
              [(f'{w} {k.replace("_", " ")}', distribution(raw['latency_us'][w][k])) for k in ('hot', 'hot_busy') for w in ('pclass', 'cgrulesengd')], y_log=False)
        chart(f'{folder}/latency-idle.svg', 'From exec to class, first move after idle', 'microseconds', '% placed',
              [(f'{w} {k.replace("_", " ")}', distribution(raw['latency_us'][w][k])) for k in ('idle', 'idle_busy') for w in ('pclass', 'cgrulesengd')], y_log=False)
    if 'storm' in raw:
        chart(f'{folder}/loss.svg', 'Events lost against load', 'execs a second', 'events lost',
              [(w, sorted((rate, lost) for rate, lost, _ in v)) for w, v in raw['storm'].items()], x_log=False, y_log=False)
    if 'match_10_ns' in raw:
        chart(f'{folder}/match.svg', 'One match', 'rules', 'nanoseconds',
              [(w, [(n, raw[f'{w}_{n}_ns']) for n in (10, 1000, 10000)]) for w in ('match', 'cached')])
