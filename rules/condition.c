/* Text of one condition to its tree, and to its canonical text on the way. */
#include "rules/condition.h"

#include "common/str.h"

static void fields_free(Pattern **fields) {
        for (size_t i = 0; fields && i < CONTEXT_FIELDS; i++)
                pattern_free(fields[i]);
        free(fields);
}

void alternative_done(Alternative *a) {
        switch (a->kind) {
        case ALTERNATIVE_PATTERN:
                pattern_free(a->pattern);
                break;
        case ALTERNATIVE_CONTEXT:
                fields_free(a->fields);
                break;
        case ALTERNATIVE_NAME:
                free(a->name);
                break;
        case ALTERNATIVE_LEVEL:
                free(a->level);
                break;
        case ALTERNATIVE_NUMBERS:
                break;
        }
}

void condition_done(Condition *c) {
        for (size_t i = 0; i < c->n; i++)
                alternative_done(&c->alternatives[i]);
        free(c->alternatives);
        *c = (Condition) {};
}

/* What the steps of one parse share. */
typedef struct Parse {
        Scanner *s;
        Condition *c;
        size_t first_slot;
        TextBuffer *out; /* canonical text */
} Parse;

static int parse_key(Parse *p) {
        Scanner *s = p->s;
        const char *start, *meant;
        size_t n;
        int r;

        if (s->text[s->at] == '!') {
                p->c->negated = true;
                s->at++;
        }
        start = s->text + s->at;
        n = str_name_span(start, "-");
        if (n == 0)
                return scanner_fail(s, s->at, "expected a condition such as type=httpd_t");
        r = key_from_name(start, n, &p->c->key);
        if (r == -EOPNOTSUPP)
                return scanner_fail(s, s->at, "key \"%.*s\" is not supported by this version", (int) n, start);
        if (r < 0) {
                meant = key_suggest(start, n);
                return scanner_fail(s, s->at, "unknown key \"%.*s\"%s%s%s known keys: %s", (int) MIN(n, (size_t) 32), start,
                                    meant ? ", did you mean \"" : "", strnull(meant), meant ? "\"?" : ";", key_list());
        }
        s->at += n;
        return 0;
}

static bool operator_allowed(ValueKind kind, Operator op) {
        switch (op) {
        case OPERATOR_EQUAL:
                return true;
        case OPERATOR_REGEX:
                return kind != VALUE_NUMBER;
        case OPERATOR_AT_MOST:
        case OPERATOR_AT_LEAST:
                return kind == VALUE_NUMBER || kind == VALUE_RANGE;
        }
        return false;
}

static int parse_operator(Parse *p) {
        static const char *const spelled[] = { "=", "~", "<=", ">=" };
        static const char *const expected[] = {
                [VALUE_TEXT] = "= or ~", [VALUE_CONTEXT] = "= or ~",    [VALUE_RANGE] = "=, ~, <= or >=",
                [VALUE_NUMBER] = "=, <= or >=", [VALUE_NAME] = "= or ~",
        };
        ValueKind kind = key_value_kind(p->c->key);
        Scanner *s = p->s;

        if (startswith(s->text + s->at, "!="))
                return scanner_fail(s, s->at, "there is no !=; write !%s=... to negate", key_name(p->c->key));
        for (size_t i = 0; i < ELEMENTSOF(spelled); i++)
                if (startswith(s->text + s->at, spelled[i]) && operator_allowed(kind, (Operator) i)) {
                        p->c->op = (Operator) i;
                        s->at += strlen(spelled[i]);
                        text_add_string(p->out, p->c->negated ? "!" : "");
                        text_add_string(p->out, key_name(p->c->key));
                        text_add_string(p->out, spelled[i]);
                        return 0;
                }
        return scanner_fail(s, s->at, "expected %s after \"%s\"", expected[kind], key_name(p->c->key));
}

/* "1000" or "1000-1999". */
static int parse_numbers(const char *text, uint32_t *ret_from, uint32_t *ret_to) {
        const char *dash = strchr(text, '-');
        uint32_t from, to;
        char low[16];

        if (!dash) {
                int r = str_to_u32(text, &from);
                if (r < 0)
                        return r;
                *ret_from = *ret_to = from;
                return 0;
        }
        if ((size_t) (dash - text) >= sizeof(low))
                return -EINVAL;
        *stpncpy(low, text, (size_t) (dash - text)) = '\0';
        if (str_to_u32(low, &from) < 0 || str_to_u32(dash + 1, &to) < 0)
                return -EINVAL;
        if (from > to)
                return -ERANGE;
        *ret_from = from;
        *ret_to = to;
        return 0;
}

static void numbers_format(TextBuffer *out, uint32_t from, uint32_t to) {
        text_add_number(out, from);
        if (from == to)
                return;
        text_add_byte(out, '-');
        text_add_number(out, to);
}

static int add_numbers(Parse *p, const Word *w, Alternative *a) {
        _cleanup_free_ char *text = word_text(w);
        bool single = p->c->op != OPERATOR_EQUAL;
        int r;

        if (!text)
                return -ENOMEM;
        a->kind = ALTERNATIVE_NUMBERS;
        r = parse_numbers(text, &a->from, &a->to);
        if (r < 0 || (single && strchr(text, '-')))
                return scanner_fail(p->s, w->at, "expected a number up to 4294967295%s, got \"%.32s\"",
                                    single ? "" : " or a range such as 1000-1999", text);
        numbers_format(p->out, a->from, a->to);
        if (p->c->op == OPERATOR_AT_MOST)
                a->from = 0;
        else if (p->c->op == OPERATOR_AT_LEAST)
                a->to = UINT32_MAX;
        p->c->facts |= FACT_BIT(key_fact(p->c->key));
        return 0;
}

static int add_pattern(Parse *p, const Word *w, Alternative *a) {
        a->kind = ALTERNATIVE_PATTERN;
        p->c->facts |= FACT_BIT(key_fact(p->c->key));
        word_format(w, p->out);
        return pattern_new_glob(w->bytes, w->n, &a->pattern, p->s->err);
}

static int add_context(Parse *p, const Word *w, Alternative *a) {
        size_t start = 0;

        a->fields = calloc(CONTEXT_FIELDS, sizeof(Pattern *));
        if (!a->fields)
                return -ENOMEM;
        a->kind = ALTERNATIVE_CONTEXT;
        p->c->facts |= FACT_BIT(FACT_CONTEXT);
        for (size_t i = 0; i < CONTEXT_FIELDS; i++) {
                size_t end = start;
                while (end < w->n && (i == 3 || w->bytes[end].byte != ':'))
                        end++;
                if (end == start)
                        return scanner_fail(p->s, end < w->n ? w->bytes[end].column - 1u : w->at,
                                            "empty field in a context; expected user:role:type or user:role:type:range");
                int r = pattern_new_glob(w->bytes + start, end - start, &a->fields[i], p->s->err);
                if (r < 0)
                        return r;
                if (end == w->n && i < 2)
                        return scanner_fail(p->s, w->at, "a context has at least three fields: user:role:type or user:role:type:range");
                if (end == w->n)
                        break;
                start = end + 1;
        }
        word_format(w, p->out);
        return 0;
}

static int add_level(Parse *p, const Word *w, Alternative *a) {
        _cleanup_free_ char *text = word_text(w);

        a->kind = ALTERNATIVE_LEVEL;
        p->c->facts |= FACT_BIT(FACT_CONTEXT);
        a->level = malloc(sizeof(Level));
        if (!text || !a->level)
                return -ENOMEM;
        if (range_high_level(text, w->n, a->level) < 0)
                return scanner_fail(p->s, w->at, "expected an MLS level such as s2:c0.c5, got \"%.32s\"", text);
        word_format(w, p->out);
        return 0;
}

static uint32_t name_facts(Key key, bool text, bool supplementary) {
        if (key == KEY_MEMBER)
                return FACT_BIT(FACT_MEMBER);
        if (key == KEY_USER)
                return FACT_BIT(text ? FACT_USER : FACT_UID);
        return FACT_BIT(text ? FACT_GROUP : FACT_GID) | (supplementary ? FACT_BIT(FACT_GROUPS) : 0);
}

/* A number or a name to be looked up. */
static int add_plain_name(Parse *p, const Word *w, const char *name, Alternative *a) {
        if (strspn(name, "0123456789") == strlen(name)) {
                a->kind = ALTERNATIVE_NUMBERS;
                if (str_to_u32(name, &a->from) < 0)
                        return scanner_fail(p->s, w->at, "the number is above 4294967295");
                a->to = a->from;
                text_add_string(p->out, a->supplementary ? "@" : "");
                text_add_number(p->out, a->from);
                return 0;
        }
        a->name = strdup(name);
        if (!a->name)
                return -ENOMEM;
        a->kind = ALTERNATIVE_NAME;
        a->slot = (uint16_t) (p->first_slot + p->c->n_names++); /* at most ALTERNATIVES_MAX in RULE_CONDITIONS_MAX */
        word_format(w, p->out);
        return 0;
}

/* A plain name is looked up once, when the rules are compiled; digits are a number; only globs are held against texts. */
static int add_name(Parse *p, const Word *w, Alternative *a) {
        bool at = w->n > 0 && w->bytes[0].byte == '@';
        _cleanup_(pattern_freep) Pattern *pattern = NULL;
        const char *literal;
        int r;

        if (at && p->c->key != KEY_GROUP)
                return scanner_fail(p->s, w->at, "\"@\" belongs to group=@name; for the groups of the user write member=name");
        if (w->n == at)
                return scanner_fail(p->s, w->at, "expected a name, a number or a pattern");
        a->supplementary = at;
        r = pattern_new_glob(w->bytes + at, w->n - at, &pattern, p->s->err);
        if (r < 0)
                return r;
        literal = pattern_literal(pattern, NULL);
        p->c->facts |= name_facts(p->c->key, !literal, at);
        if (literal)
                return add_plain_name(p, w, literal, a);
        a->kind = ALTERNATIVE_PATTERN;
        a->pattern = TAKE_PTR(pattern);
        word_format(w, p->out);
        return 0;
}

static int add_alternative(Parse *p, const Word *w, Alternative *a) {
        switch (key_value_kind(p->c->key)) {
        case VALUE_NUMBER:
                return add_numbers(p, w, a);
        case VALUE_CONTEXT:
                return add_context(p, w, a);
        case VALUE_NAME:
                return add_name(p, w, a);
        case VALUE_RANGE:
                if (p->c->op != OPERATOR_EQUAL)
                        return add_level(p, w, a);
                break;
        case VALUE_TEXT:
                break;
        }
        return add_pattern(p, w, a);
}

static int parse_alternative(Parse *p) {
        Condition *c = p->c;
        Word w;
        int r;

        if (c->n == ALTERNATIVES_MAX)
                return scanner_fail(p->s, p->s->at, "more than %d alternatives in one condition", ALTERNATIVES_MAX);
        Alternative *grown = reallocarray(c->alternatives, c->n + 1, sizeof(Alternative));
        if (!grown)
                return -ENOMEM;
        c->alternatives = grown;
        grown[c->n] = (Alternative) {};
        r = word_read(p->s, &w);
        if (r < 0)
                return r;
        r = add_alternative(p, &w, &grown[c->n++]);
        word_done(&w);
        return r;
}

static int parse_regex(Parse *p) {
        size_t at = p->s->at;
        _cleanup_free_ char *text = NULL;
        int r = regex_read(p->s, &text);

        if (r < 0)
                return r;
        p->c->alternatives = calloc(1, sizeof(Alternative));
        if (!p->c->alternatives)
                return -ENOMEM;
        p->c->n = 1;
        p->c->alternatives[0].kind = ALTERNATIVE_PATTERN;
        p->c->facts |= key_value_kind(p->c->key) == VALUE_NAME ? name_facts(p->c->key, true, false) :
                                                                FACT_BIT(key_fact(p->c->key));
        r = pattern_new_regex(text, (unsigned) at + 2, &p->c->alternatives[0].pattern, p->s->err);
        if (r < 0)
                return r;
        if (p->s->text[p->s->at] == '|')
                return scanner_fail(p->s, p->s->at, "a regular expression stands alone; write its alternatives inside the quotes");
        regex_format(text, p->out);
        return 0;
}

static int parse_values(Parse *p) {
        Scanner *s = p->s;
        int r;

        if (p->c->op == OPERATOR_REGEX)
                return parse_regex(p);
        for (;;) {
                r = parse_alternative(p);
                if (r < 0 || s->text[s->at] != '|')
                        return r;
                s->at++;
                text_add_byte(p->out, '|');
        }
}

int condition_parse(Scanner *s, size_t first_slot, Condition *ret) {
        Condition c = {};
        Parse p = { .s = s, .c = &c, .first_slot = first_slot, .out = &s->out };
        int r = parse_key(&p);

        if (r >= 0)
                r = parse_operator(&p);
        if (r >= 0)
                r = parse_values(&p);
        if (r >= 0 && s->text[s->at] && !is_blank(s->text[s->at]))
                r = scanner_fail(s, s->at, "expected a blank after the condition");
        if (r < 0) {
                condition_done(&c);
                return r;
        }
        *ret = c;
        return 0;
}
