/* Specifiers in class names. */
#include "rules/expand.h"

#include <stdio.h>
#include "common/classdef.h"
#include "rules/context.h"

static const struct {
        char letter;
        Fact fact;
} specifiers[] = {
        { 'u', FACT_USER },    { 'U', FACT_UID },     { 'g', FACT_GROUP },   { 'G', FACT_GID },
        { 'p', FACT_COMM },    { 'P', FACT_PID },     { 't', FACT_CONTEXT }, { 'r', FACT_CONTEXT },
        { 's', FACT_CONTEXT }, { 'l', FACT_CONTEXT },
};

static bool specifier_fact(char letter, Fact *ret) {
        for (size_t i = 0; i < ELEMENTSOF(specifiers); i++)
                if (specifiers[i].letter == letter) {
                        *ret = specifiers[i].fact;
                        return true;
                }
        return false;
}

/* Where a number has no name, or a process none, the number stands for it, as in cgrules.conf of libcgroup 3.x. */
static bool specifier_fallback(char letter, Fact *ret) {
        static const struct {
                char letter;
                Fact fact;
        } numbers[] = { { 'u', FACT_UID }, { 'g', FACT_GID }, { 'p', FACT_PID } };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (numbers[i].letter == letter) {
                        *ret = numbers[i].fact;
                        return true;
                }
        return false;
}

bool expand_is_template(const char *class_name) {
        return strchr(class_name, '%');
}

uint32_t expand_facts(const char *class_name) {
        uint32_t facts = 0;
        Fact f;

        for (const char *p = strchr(class_name, '%'); p && p[1]; p = strchr(p + 2, '%'))
                if (specifier_fact(p[1], &f)) {
                        facts |= FACT_BIT(f);
                        /* A process always has a name: its number is not asked for, or a rule with %p would seem to depend on it. */
                        if (specifier_fallback(p[1], &f) && f != FACT_PID)
                                facts |= FACT_BIT(f);
                }
        return facts;
}

int expand_check(const char *class_name, size_t *ret_offset) {
        const char *slash = strrchr(class_name, '/');
        Fact f;

        for (const char *p = strchr(class_name, '%'); p; p = strchr(p + 2, '%'))
                if ((slash && p < slash) || (p[1] != '%' && !specifier_fact(p[1], &f))) {
                        *ret_offset = (size_t) (p - class_name);
                        return -EINVAL;
                }
        return 0;
}

/* The text of a field of the context; false when there is no context, or none with such a field. */
static bool context_field(const Subject *s, char letter, const char **ret, size_t *ret_size) {
        ContextFields f;

        if (!s->context || context_split(s->context, &f) < 0)
                return false;
        *ret = letter == 't' ? f.type : letter == 'r' ? f.role : letter == 's' ? f.user : f.range;
        *ret_size = letter == 't' ? f.n_type : letter == 'r' ? f.n_role : letter == 's' ? f.n_user : f.n_range;
        return *ret;
}

/* Texts are borrowed from the subject, numbers printed into buf. */
static bool specifier_text(const Subject *s, char letter, Fact f, char buf[static 16], const char **ret, size_t *ret_size) {
        const char *text = NULL;

        if (!(s->known & FACT_BIT(f)))
                return false;
        if (f == FACT_CONTEXT)
                return context_field(s, letter, ret, ret_size);
        if (f == FACT_UID || f == FACT_GID || f == FACT_PID) {
                snprintf(buf, 16, "%lld", f == FACT_UID ? (long long) s->uid : f == FACT_GID ? (long long) s->gid : (long long) s->pid);
                text = buf;
        } else
                text = f == FACT_USER ? s->user : f == FACT_GROUP ? s->group : s->comm;
        if (!text)
                return false;
        *ret = text;
        *ret_size = strlen(text);
        return true;
}

/* A component longer than this cannot be legal, so what does not fit needs no memory. */
typedef struct Component {
        char text[CLASS_COMPONENT_MAX + 1];
        size_t n;
} Component;

static int component_add(Component *c, const char *text, size_t n) {
        if (n > CLASS_COMPONENT_MAX - c->n)
                return -EINVAL;
        memcpy(c->text + c->n, text, n);
        c->n += n;
        c->text[c->n] = '\0';
        return 0;
}

/* Adds what a specifier stands for. */
static int component_add_fact(Component *c, const Subject *s, char letter, Fact *ret_missing) {
        const char *text = NULL;
        size_t n = 0;
        char buf[16];
        Fact f, number;

        if (letter == '%')
                return component_add(c, "%", 1);
        if (!specifier_fact(letter, &f))
                return -EINVAL;
        if (!specifier_text(s, letter, f, buf, &text, &n) &&
            (!specifier_fallback(letter, &number) || !specifier_text(s, letter, number, buf, &text, &n))) {
                *ret_missing = f;
                return -ENODATA;
        }
        return component_add(c, text, n);
}

int expand_class_name(const char *class_name, const Subject *s, char **ret, const char **ret_component, Fact *ret_missing) {
        const char *slash = strrchr(class_name, '/'), *last = slash ? slash + 1 : class_name;
        Fact missing = FACT_PID;
        Component c = {};
        _cleanup_free_ char *name = NULL;
        int r = 0;

        for (const char *p = last; *p && r >= 0; p++)
                if (*p == '%')
                        r = component_add_fact(&c, s, *++p, &missing);
                else
                        r = component_add(&c, p, 1);
        if (r == -ENODATA)
                *ret_missing = missing;
        if (r < 0)
                return r;
        if (!class_component_valid(c.text))
                return -EINVAL;
        name = malloc((size_t) (last - class_name) + c.n + 1);
        if (!name)
                return -ENOMEM;
        memcpy(name, class_name, (size_t) (last - class_name));
        memcpy(name + (last - class_name), c.text, c.n + 1);
        if (!class_name_valid(name, false))
                return -EINVAL; /* too long as a whole */
        *ret_component = name + (last - class_name);
        *ret = TAKE_PTR(name);
        return 0;
}
