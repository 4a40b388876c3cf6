"""Changes of many rules: replaced in place, all at once, only if nobody was faster; long lists page by page."""
import bus
from bus import INVALID_ARGS, LIMITS, Case

MANY = 10000


def replace(path, text, *options, user=None):
    return bus.call('/Rules', 'Rules', 'Replace', 'osa{sv}', path, text, len(options) // 3, *options, user=user)


def set_all(text, generation=0, user=None):
    return bus.call('/Rules', 'Rules', 'SetAll', 'st', text, generation, user=user)


def texts(*names, **rule):
    return ''.join(bus.rule_text(n, **rule) + '\n' for n in names)


def order():
    rows = bus.rules()
    return sorted(rows, key=lambda n: rows[n]['Position'])


class Replace(Case):
    def generation(self):
        return self.service.get('/Rules', 'Rules', 'Generation')

    def test_keeps_its_place_and_object(self):
        paths = [self.assertOk(bus.add(n, *o)) for n, o in (('one', ()), ('two', ()), ('last', ('after', 's', 'file')))]
        self.assertOk(replace(paths[2], bus.rule_text('last', comm='pt-new')))
        self.assertOk(replace(paths[0], bus.rule_text('one', comm='pt-other')))
        rows = bus.rules()
        self.assertEqual(order(), ['one', 'two', 'file', 'last'])
        self.assertIn('comm=pt-other', rows['one']['Text'])
        self.assertIn('comm=pt-new', rows['last']['Text'])
        self.assertEqual([rows[n]['Path'] for n in ('one', 'two', 'last')], paths)

    def test_survives_a_restart(self):
        path = self.assertOk(bus.add('kept'))
        self.assertOk(replace(path, bus.rule_text('kept', comm='pt-later')))
        self.service.restart()
        self.assertIn('comm=pt-later', bus.rules()['kept']['Text'])

    def test_refused(self):
        path = self.assertOk(bus.add('one'))
        before = bus.rules()
        self.assertError(replace(path, bus.rule_text('two')), 'InvalidRule', 'keeps its name')
        self.assertError(replace(path, 'one: hue=1 => web'), 'InvalidRule', 'column 6')
        self.assertError(replace('/Rules/_999999', bus.rule_text('one')), 'NoSuchRule', '/Rules/_999999')
        self.assertError(replace(before['file']['Path'], bus.rule_text('file')), 'NotSupported', 'file')
        self.assertError(replace(path, bus.rule_text('one'), 'colour', 's', 'red'), INVALID_ARGS, "'colour'")
        self.assertError(replace(path, bus.rule_text('one'), 'if_generation', 't', self.generation() - 1), 'GenerationChanged')
        self.assertEqual(bus.rules(), before)
        self.assertOk(replace(path, bus.rule_text('one'), 'if_generation', 't', self.generation()))


class SetAll(Case):
    def test_takes_the_place_of_all(self):
        kept = self.assertOk(bus.add('kept'))
        self.assertOk(bus.add('gone', 'after', 's', 'file'))
        generation = self.assertOk(set_all(texts('new', 'kept', 'newer')))
        self.assertEqual(generation, self.service.get('/Rules', 'Rules', 'Generation'))
        self.assertEqual(order(), ['new', 'kept', 'newer', 'file'])
        self.assertEqual(bus.rules()['kept']['Path'], kept)
        self.service.restart()
        self.assertEqual(order(), ['new', 'kept', 'newer', 'file'])
        self.assertOk(set_all(''))
        self.assertEqual(order(), ['file'])

    def test_all_or_nothing(self):
        self.assertOk(bus.add('one'))
        before = bus.rules()
        self.assertError(set_all(texts('a') + 'b: hue=1 => web\n'), 'InvalidRule', 'line 2, column 4')
        self.assertError(set_all(texts('a', 'b', 'a')), 'InvalidRule', 'line 3')
        self.assertError(set_all(texts('a', 'file')), 'InUse', '50-test.rules')
        self.assertError(set_all(texts('a', 'file')), 'InUse', 'line 2')
        self.assertEqual(bus.rules(), before)

    def test_generation(self):
        seen = self.service.get('/Rules', 'Rules', 'Generation')
        self.assertOk(bus.add('faster'))
        self.assertError(set_all(texts('mine'), seen), 'GenerationChanged', str(seen + 1))
        self.assertEqual(order(), ['faster', 'file'])
        self.assertOk(set_all(texts('mine'), seen + 1))
        self.assertEqual(order(), ['mine', 'file'])

    def test_switches_are_kept_and_forgotten_with_the_rules(self):
        for name in ('one', 'two'):
            path = self.assertOk(bus.add(name))
            self.assertOk(bus.call(path, 'Rule', 'SetEnabled', 'ba{sv}', 'false', 0))
        self.assertOk(set_all(texts('one')))
        self.assertFalse(bus.rules()['one']['Enabled'])
        self.assertOk(set_all(texts('one', 'two')))
        self.assertEqual([bus.rules()[n]['Enabled'] for n in ('one', 'two')], [False, True])


class Many(Case):
    """As many rules as there can be."""

    def setUp(self):
        super().setUp()
        self.file = f'{self.service.dir}/many.rules'
        self.write(MANY)

    def clean(self):
        self.assertOk(set_all(''))

    def write(self, n, padding=0):
        with open(self.file, 'w', encoding='utf-8') as f:
            for i in range(n):
                f.write(bus.rule_text(f'many{i}', comm=f'pt-{i}' + 'x' * padding) + '\n')

    def ctl(self, *args, status=0):
        return self.service.ctl(*args, status=status)

    def page(self, *options):
        return bus.call('/Rules', 'Rules', 'List', 'a{sv}', len(options) // 3, *options)

    def test_whole_list_and_pages(self):
        self.ctl('replace', f'--all={self.file}')
        names = [f'many{i}' for i in range(MANY)] + ['file']
        self.assertEqual([r['Name'] for r in self.assertOk(self.page())], names)
        page = self.assertOk(self.page('offset', 'u', 9990, 'limit', 'u', 5))
        self.assertEqual([(r['Name'], r['Position']) for r in page], [(f'many{i}', i) for i in range(9990, 9995)])
        self.assertEqual(self.assertOk(self.page('offset', 'u', MANY + 1, 'limit', 'u', 5)), [])
        self.assertEqual(self.assertOk(self.page('offset', 'u', 4294967295)), [])
        self.assertError(self.page('limit', 'u', 0), INVALID_ARGS, 'limit')
        self.assertEqual([r['Name'] for r in self.ctl('list-rules', '--json')], names)
        objects = self.assertOk(bus.call('/', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects'))
        self.assertEqual(sum('org.pclass.Rule' in o for o in objects.values()), MANY + 1)
        self.assertError(bus.add('one-more'), LIMITS, '10000')

    def test_too_many(self):
        self.write(MANY + 1)
        self.assertIn('10000', self.ctl('replace', f'--all={self.file}', status=1))
        self.assertEqual(order(), ['file'])

    def test_list_that_no_answer_holds(self):
        self.write(MANY, padding=600)
        self.ctl('replace', f'--all={self.file}')
        self.assertError(self.page(), LIMITS, "'offset' and 'limit'")
        first = self.assertOk(self.page('limit', 'u', MANY))
        self.assertLess(len(first), MANY)
        self.assertGreater(len(first), 1000)
        self.assertEqual(len(self.ctl('list-rules', '--json')), MANY + 1)
