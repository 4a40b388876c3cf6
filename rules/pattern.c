/* Globs, compiled to a flat list of operations, and regular expressions by regcomp(). Neither recurses over its input. */
#include "rules/pattern.h"

#include <locale.h>
#include <regex.h>

typedef enum GlobKind { OP_BYTE, OP_ONE, OP_SET, OP_STAR } GlobKind;

typedef struct GlobOp {
        uint8_t kind;
        uint8_t byte;  /* OP_BYTE */
        uint16_t set;  /* OP_SET: index */
} GlobOp;

typedef struct GlobSet {
        uint8_t bits[32];
} GlobSet;

typedef enum PatternForm { FORM_LITERAL, FORM_GLOB, FORM_REGEX } PatternForm;

/* One block, for there are thousands: most patterns of most sites are plain texts, and cost their bytes and these eight. */
struct Pattern {
        uint8_t form;
        uint16_t n;        /* bytes of a literal, operations of a glob */
        uint16_t n_prefix; /* plain bytes that everything that matches begins with */
        uint16_t n_sets;
        _Alignas(8) char data[]; /* literal: its bytes and a NUL; glob: operations, sets, prefix; regex: a regex_t, prefix */
};

static const GlobOp *pattern_ops(const Pattern *p) {
        return (const GlobOp *) p->data;
}

static const GlobSet *pattern_sets(const Pattern *p) {
        return (const GlobSet *) (p->data + p->n * sizeof(GlobOp));
}

static size_t prefix_offset(const Pattern *p) {
        return p->form == FORM_REGEX ? sizeof(regex_t) : p->form == FORM_GLOB ? p->n * sizeof(GlobOp) + p->n_sets * sizeof(GlobSet) : 0;
}

/* A glob while it is read. */
typedef struct GlobDraft {
        GlobOp *ops;
        size_t n_ops;
        GlobSet *sets;
        size_t n_sets;
} GlobDraft;

static void draft_done(GlobDraft *d) {
        free(d->ops);
        free(d->sets);
}

GlobRole glob_step(GlobState *s, const PatternByte *b) {
        char c = b->escaped ? '\0' : (char) b->byte;

        if (!s->in_set) {
                if (c != '[')
                        return c == '*' ? GLOB_STAR : c == '?' ? GLOB_ONE : GLOB_PLAIN;
                *s = (GlobState) { .in_set = true };
                return GLOB_SET_OPEN;
        }
        if (s->members == 0 && !s->negated && c == '!') {
                s->negated = true;
                return GLOB_SET_NOT;
        }
        if (c == ']' && s->members > 0) {
                s->in_set = false;
                return GLOB_SET_CLOSE;
        }
        s->members++;
        return GLOB_SET_MEMBER;
}

static bool set_has(const GlobSet *s, unsigned char c) {
        return s->bits[c / 8] & 1u << c % 8;
}

static void set_add(GlobSet *s, unsigned char from, unsigned char to) {
        for (unsigned c = from; c <= to; c++)
                s->bits[c / 8] |= (uint8_t) (1u << c % 8);
}

/* The members of a set between its brackets: bytes and ranges. */
static int parse_set(const PatternByte *b, size_t n, GlobSet *ret, TextError *err) {
        GlobSet set = {};

        for (size_t i = 0; i < n; i++) {
                bool plain = !b[i].escaped;
                if (plain && b[i].byte == '[' && i + 1 < n && strchr(":.=", b[i + 1].byte))
                        return text_error(err, NULL, 1, b[i].column, "named sets are not known here; write a range such as [a-z]");
                if (plain && b[i].byte == '^' && i == 0)
                        return text_error(err, NULL, 1, b[i].column, "a set is negated with \"!\", as in [!a-z]");
                if (i + 2 < n && b[i + 1].byte == '-' && !b[i + 1].escaped) {
                        if (b[i].byte > b[i + 2].byte)
                                return text_error(err, NULL, 1, b[i].column, "range in brackets runs backwards");
                        set_add(&set, b[i].byte, b[i + 2].byte);
                        i += 2;
                } else
                        set_add(&set, b[i].byte, b[i].byte);
        }
        *ret = set;
        return 0;
}

/* Reads the set whose bracket opens at *i; leaves *i at the closing one. */
static int add_set(GlobDraft *p, const PatternByte *text, size_t n, size_t *i, TextError *err) {
        GlobState state = {};
        size_t open = *i, at = open, first = 0;
        GlobRole role = glob_step(&state, &text[at]);

        while (role != GLOB_SET_CLOSE) {
                if (++at >= n)
                        return text_error(err, NULL, 1, text[open].column, "\"[\" without its \"]\"");
                role = glob_step(&state, &text[at]);
                if (role == GLOB_SET_MEMBER && !first)
                        first = at;
        }
        GlobSet *set = &p->sets[p->n_sets];
        int r = parse_set(text + first, at - first, set, err);
        if (r < 0)
                return r;
        for (size_t k = 0; state.negated && k < sizeof(set->bits); k++)
                set->bits[k] = (uint8_t) ~set->bits[k];
        p->ops[p->n_ops++] = (GlobOp) { .kind = OP_SET, .set = (uint16_t) p->n_sets++ };
        *i = at;
        return 0;
}

static int glob_compile(GlobDraft *p, const PatternByte *text, size_t n, TextError *err) {
        for (size_t i = 0; i < n; i++) {
                GlobState state = {};
                GlobRole role = glob_step(&state, &text[i]);
                if (role == GLOB_SET_OPEN) {
                        int r = add_set(p, text, n, &i, err);
                        if (r < 0)
                                return r;
                } else if (role == GLOB_STAR) {
                        if (p->n_ops == 0 || p->ops[p->n_ops - 1].kind != OP_STAR)
                                p->ops[p->n_ops++] = (GlobOp) { .kind = OP_STAR };
                } else
                        p->ops[p->n_ops++] = (GlobOp) { .kind = role == GLOB_ONE ? OP_ONE : OP_BYTE, .byte = text[i].byte };
        }
        return 0;
}

/* The plain text that a glob is, if it is one: no operations are made for it then. */
static bool is_plain(const PatternByte *text, size_t n) {
        for (size_t i = 0; i < n; i++) {
                GlobState state = {};
                if (glob_step(&state, &text[i]) != GLOB_PLAIN)
                        return false;
        }
        return true;
}

/* Room for `size` bytes of data. Lengths are those of a rule's text, so they fit. */
static Pattern *pattern_alloc(PatternForm form, size_t size) {
        Pattern *p = malloc(sizeof(*p) + size);

        if (p)
                *p = (Pattern) { .form = (uint8_t) form };
        return p;
}

static int literal_new(const PatternByte *text, size_t n, Pattern **ret) {
        Pattern *p = pattern_alloc(FORM_LITERAL, n + 1);

        if (!p)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                p->data[i] = (char) text[i].byte;
        p->data[n] = '\0';
        p->n = p->n_prefix = (uint16_t) n;
        *ret = p;
        return 0;
}

/* Neighbouring bytes give one of 64 bits. */
static uint64_t pair_bit(unsigned char a, unsigned char b) {
        return UINT64_C(1) << ((a * 37u + b * 101u) >> 2 & 63u);
}

static int draft_finish(const GlobDraft *d, Pattern **ret) {
        size_t prefix = 0, ops = d->n_ops * sizeof(GlobOp), sets = d->n_sets * sizeof(GlobSet);

        while (prefix < d->n_ops && d->ops[prefix].kind == OP_BYTE)
                prefix++;
        Pattern *p = pattern_alloc(FORM_GLOB, ops + sets + prefix);
        if (!p)
                return -ENOMEM;
        p->n = (uint16_t) d->n_ops;
        p->n_sets = (uint16_t) d->n_sets;
        p->n_prefix = (uint16_t) prefix;
        memcpy(p->data, d->ops, ops);
        memcpy(p->data + ops, d->sets, sets);
        for (size_t i = 0; i < prefix; i++)
                p->data[ops + sets + i] = (char) d->ops[i].byte;
        *ret = p;
        return 0;
}

int pattern_new_glob(const PatternByte *text, size_t n, Pattern **ret, TextError *err) {
        _cleanup_(draft_done) GlobDraft d = {};
        size_t sets = 0;
        int r;

        if (n > UINT16_MAX)
                return text_error(err, NULL, 1, text[0].column, "pattern is too long");
        if (is_plain(text, n))
                return literal_new(text, n, ret);
        for (size_t i = 0; i < n; i++)
                sets += text[i].byte == '[';
        d.ops = calloc(n + 1, sizeof(GlobOp));
        d.sets = calloc(sets + 1, sizeof(GlobSet));
        if (!d.ops || !d.sets)
                return -ENOMEM;
        r = glob_compile(&d, text, n, err);
        return r < 0 ? r : draft_finish(&d, ret);
}

static bool op_takes(const Pattern *p, const GlobOp *op, unsigned char c) {
        switch ((GlobKind) op->kind) {
        case OP_BYTE:
                return op->byte == c;
        case OP_SET:
                return set_has(&pattern_sets(p)[op->set], c);
        case OP_ONE:
                return true;
        case OP_STAR:
                break;
        }
        return false;
}

/* After a mismatch only the last star has to take one byte more: what earlier stars could take instead, it can take too. */
static bool glob_match(const Pattern *p, const char *text, size_t size) {
        const GlobOp *ops = pattern_ops(p);
        size_t at = 0, op = 0, n = p->n, resume = SIZE_MAX, mark = 0;

        while (at < size) {
                if (op < n && ops[op].kind == OP_STAR) {
                        resume = ++op;
                        mark = at;
                        if (op == n)
                                return true;
                } else if (op < n && op_takes(p, &ops[op], (unsigned char) text[at])) {
                        op++;
                        at++;
                } else if (resume != SIZE_MAX) {
                        op = resume;
                        at = ++mark;
                } else
                        return false;
        }
        if (op < n && ops[op].kind == OP_STAR)
                op++;
        return op == n;
}

/* What regcomp() will write out, so that nested repetitions such as ((a{99}){99}){99} cannot ask for gigabytes; and what can be empty, for when that
 * is repeated it may take hours. A caller needs no right to have a rule checked. */
#define GROUPS_MAX 32
typedef struct RegexGroup {
        size_t total;      /* nodes so far */
        size_t last;       /* of the last atom, which a repetition multiplies */
        bool before_empty; /* all that stands before the last atom, since the last "|", can be empty */
        bool last_empty;   /* the last atom can; also when there is none */
        bool any_empty;    /* one of the alternatives before can */
} RegexGroup;
typedef struct RegexSize {
        RegexGroup groups[GROUPS_MAX + 1]; /* those that are open */
        size_t depth;
} RegexSize;

static void size_begin(RegexSize *z) {
        z->groups[z->depth] = (RegexGroup) { .before_empty = true, .last_empty = true };
}

static void size_atom(RegexSize *z, size_t size, bool empty) {
        RegexGroup *g = &z->groups[z->depth];

        g->before_empty = g->before_empty && g->last_empty;
        g->last_empty = empty;
        g->last = size;
        g->total += size;
}

static void size_end(RegexSize *z) {
        const RegexGroup *g = &z->groups[z->depth--];

        size_atom(z, g->total + 1, g->any_empty || (g->before_empty && g->last_empty));
}

static void size_alternative(RegexSize *z) {
        RegexGroup *g = &z->groups[z->depth];

        g->any_empty = g->any_empty || (g->before_empty && g->last_empty);
        g->before_empty = g->last_empty = true;
        g->last = 0;
        g->total++;
}

/* At most so many times; SIZE_MAX: without end. False: it can be empty. */
static bool size_repeat(RegexSize *z, size_t least, size_t most) {
        RegexGroup *g = &z->groups[z->depth];
        size_t copies = most == SIZE_MAX ? least + 1 : most; /* the C library writes x+ out as xx* */

        if (g->last_empty)
                return false;
        if (copies > 1) {
                g->total += g->last * (copies - 1);
                g->last *= copies;
        }
        g->total++;
        g->last++;
        g->last_empty = least == 0;
        return true;
}

/* Reads "3}", "3,}" or "3,5}"; returns the bytes taken, 0 when it is none of these. */
static size_t read_repeat(const char *p, size_t *ret_least, size_t *ret_most) {
        size_t value[2] = {}, n = 0, i = 0;

        for (;; i++)
                if (p[i] >= '0' && p[i] <= '9')
                        value[n] = MIN(value[n] * 10 + (size_t) (p[i] - '0'), (size_t) 100000);
                else if (p[i] == ',' && n == 0)
                        n = 1;
                else
                        break;
        *ret_least = value[0];
        *ret_most = n == 0 ? value[0] : p[i - 1] == ',' ? SIZE_MAX : MAX(value[0], value[1]);
        return p[i] == '}' && i > 0 && *p != ',' ? i + 1 : 0;
}

/* Length of the bracket expression that opens at p, 0 when it does not close. "[]abc]", "[^]]", "[[:alpha:]_]". */
static size_t bracket_length(const char *p) {
        size_t i = 1;

        i += p[i] == '^';
        i += p[i] == ']';
        for (; p[i] && p[i] != ']'; i++)
                if (p[i] == '[' && p[i + 1] && strchr(":.=", p[i + 1])) {
                        char closing[] = { p[i + 1], ']', '\0' };
                        const char *end = strstr(p + i + 2, closing);
                        if (!end)
                                return 0;
                        i = (size_t) (end - p) + 1;
                }
        return p[i] ? i + 1 : 0;
}

static bool is_word_byte(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("<>`'", c));
}

/* One step of the check: returns how many bytes it took, or -EINVAL with *ret_wrong. */
static int regex_step(const char *p, RegexSize *z, const char **ret_wrong) {
        size_t n = 1, least = 0, most = SIZE_MAX;

        switch (*p) {
        case '\\':
                *ret_wrong = "back-references are not allowed";
                if (p[1] >= '1' && p[1] <= '9')
                        return -EINVAL;
                *ret_wrong = "a backslash has no meaning here: it escapes punctuation only";
                if (!p[1] || is_word_byte(p[1]))
                        return -EINVAL;
                size_atom(z, 1, false);
                return 2;
        case '(':
                *ret_wrong = "groups are nested too deep";
                if (z->depth == GROUPS_MAX)
                        return -EINVAL;
                z->depth++;
                size_begin(z);
                return 1;
        case ')':
                *ret_wrong = "\")\" without its \"(\"";
                if (z->depth == 0)
                        return -EINVAL;
                size_end(z);
                return 1;
        case '|':
                size_alternative(z);
                return 1;
        case '{':
                *ret_wrong = "expected a repetition such as {2} or {2,5}";
                n = read_repeat(p + 1, &least, &most) + 1;
                if (n == 1)
                        return -EINVAL;
                break;
        case '?':
                most = 1;
                break;
        case '+':
                least = 1;
                break;
        case '*':
                break;
        case '[':
                *ret_wrong = "\"[\" without its \"]\"";
                n = bracket_length(p);
                if (n == 0)
                        return -EINVAL;
                size_atom(z, 1, false);
                return (int) n;
        default:
                size_atom(z, 1, *p == '^' || *p == '$');
                return 1;
        }
        *ret_wrong = "this repeats what can be empty, as (a*)* does";
        return size_repeat(z, least, most) ? (int) n : -EINVAL;
}

static int regex_check(const char *text, unsigned column, TextError *err) {
        RegexSize z = {};
        const char *wrong = NULL;
        size_t i = 0;

        size_begin(&z);
        if (!*text)
                return text_error(err, NULL, 1, column, "expected a regular expression between the quotes");
        if (strlen(text) > PATTERN_REGEX_MAX)
                return text_error(err, NULL, 1, column, "regular expression is longer than %d bytes", PATTERN_REGEX_MAX);
        while (text[i]) {
                int r = regex_step(text + i, &z, &wrong);
                if (r < 0)
                        return text_error(err, NULL, 1, column + (unsigned) i, "regular expression: %s", wrong);
                if (z.groups[z.depth].total > PATTERN_REGEX_EXPANSION)
                        return text_error(err, NULL, 1, column + (unsigned) i, "regular expression repeats too much");
                i += (size_t) r;
        }
        if (z.depth > 0)
                return text_error(err, NULL, 1, column, "regular expression: \"(\" without its \")\"");
        return 0;
}

/* regcomp() takes brackets, classes and case from the locale: rules mean the same bytes for everybody. */
static int regcomp_bytes(regex_t *regex, const char *text) {
        locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t) 0);

        if (!c)
                return REG_ESPACE;
        locale_t before = uselocale(c);
        int r = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
        uselocale(before);
        freelocale(c);
        return r;
}

/* The plain bytes that a regular expression begins with: up to the first operator, without the byte that it may take back. */
static size_t find_regex_prefix(const char *text, char prefix[static PATTERN_REGEX_MAX]) {
        size_t i = 0, n = 0;

        if (strchr(text, '|'))
                return 0; /* another branch may begin otherwise */
        while (text[i] && !strchr(".[]()*+?{}^$", text[i])) {
                size_t next = i + (text[i] == '\\' ? 2 : 1);
                if (text[next] && strchr("*?{", text[next]))
                        break;
                prefix[n++] = text[next - 1];
                i = next;
        }
        return n;
}

int pattern_new_regex(const char *text, unsigned column, Pattern **ret, TextError *err) {
        char anchored[PATTERN_REGEX_MAX + sizeof("^()$")], prefix[PATTERN_REGEX_MAX];
        int r = regex_check(text, column, err);

        if (r < 0)
                return r;
        size_t n = find_regex_prefix(text, prefix);
        _cleanup_free_ Pattern *p = pattern_alloc(FORM_REGEX, sizeof(regex_t) + n);
        if (!p)
                return -ENOMEM;
        regex_t *regex = (regex_t *) p->data;
        p->n_prefix = (uint16_t) n;
        memcpy(p->data + sizeof(regex_t), prefix, n);
        stpcpy(stpcpy(stpcpy(anchored, "^("), text), ")$");
        r = regcomp_bytes(regex, anchored);
        if (r == REG_ESPACE)
                return -ENOMEM;
        if (r != 0) {
                char why[128];
                regerror(r, regex, why, sizeof(why));
                return text_error(err, NULL, 1, column, "regular expression: %s", why);
        }
        *ret = TAKE_PTR(p);
        return 0;
}

Pattern *pattern_free(Pattern *p) {
        if (!p)
                return NULL;
        if (p->form == FORM_REGEX)
                regfree((regex_t *) p->data);
        free(p);
        return NULL;
}

int pattern_match(const Pattern *p, const char *text, size_t size) {
        if (p->form == FORM_REGEX) {
                /* Not regexec(): it says "no match" when it is out of memory, too. The expression has to begin at 0, and ends with the text. */
                regoff_t at = re_search((regex_t *) p->data, text, (regoff_t) size, 0, 0, NULL);
                return at >= 0 ? 1 : at == -1 ? 0 : -ENOMEM;
        }
        if (p->form == FORM_LITERAL)
                return p->n == size && memcmp(p->data, text, size) == 0;
        return glob_match(p, text, size);
}

const char *pattern_literal(const Pattern *p, size_t *ret_size) {
        if (p->form != FORM_LITERAL)
                return NULL;
        if (ret_size)
                *ret_size = p->n;
        return p->data;
}

size_t pattern_prefix(const Pattern *p, const char **ret) {
        *ret = p->data + prefix_offset(p);
        return p->n_prefix;
}

uint64_t pattern_pairs(const Pattern *p) {
        const GlobOp *ops = pattern_ops(p);
        uint64_t pairs = 0;

        if (p->form == FORM_LITERAL)
                return text_pairs(p->data, p->n);
        for (size_t i = 1; p->form == FORM_GLOB && i < p->n; i++)
                if (ops[i - 1].kind == OP_BYTE && ops[i].kind == OP_BYTE)
                        pairs |= pair_bit(ops[i - 1].byte, ops[i].byte);
        return pairs;
}

uint64_t text_pairs(const char *text, size_t size) {
        uint64_t pairs = 0;

        for (size_t i = 1; i < size; i++)
                pairs |= pair_bit((unsigned char) text[i - 1], (unsigned char) text[i]);
        return pairs;
}

bool pattern_is_any(const Pattern *p) {
        return p->form == FORM_GLOB && p->n == 1 && pattern_ops(p)[0].kind == OP_STAR;
}
