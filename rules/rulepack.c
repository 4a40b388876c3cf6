/* From the parts of a rule that were read one by one to one block. */
#include "rules/rule-internal.h"

#include "common/str.h"

void rule_draft_done(RuleDraft *d) {
        for (size_t i = 0; i < d->rule.n_conditions; i++)
                condition_done(&d->rule.conditions[i]);
        for (size_t i = 0; i < d->rule.n_targets; i++) {
                strv_free(d->rule.targets[i].controllers);
                free(d->rule.targets[i].class_name);
        }
        free(d->rule.conditions);
        free(d->rule.targets);
}

/* Hands out the bytes of one block; counts them while there is none. */
typedef struct Packer {
        char *block;
        size_t at;
} Packer;

static void *pack(Packer *p, const void *data, size_t size) {
        char *place = p->block ? p->block + p->at : NULL;

        if (place && size > 0)
                memcpy(place, data, size);
        p->at += size;
        return place;
}

static char *pack_text(Packer *p, const char *text, size_t n) {
        char *place = pack(p, text, n);

        pack(p, "", 1);
        return place;
}

static const char *pack_span(Packer *p, const TextBuffer *out, Span s) {
        return pack_text(p, out->data + s.from, s.to - s.from);
}

/* Copies the parts of a draft behind each other, arrays before texts. Fills *r where there is a block, the draft itself stays. */
static void pack_rule(Packer *p, const RuleDraft *d, const TextBuffer *out, Rule *r) {
        const Rule *from = &d->rule;

        pack(p, from, sizeof(*from));
        r->conditions = pack(p, from->conditions, from->n_conditions * sizeof(Condition));
        r->targets = pack(p, from->targets, from->n_targets * sizeof(RuleTarget));
        for (size_t i = 0; i < from->n_conditions; i++) {
                Alternative *a = pack(p, from->conditions[i].alternatives, from->conditions[i].n * sizeof(Alternative));
                if (p->block)
                        r->conditions[i].alternatives = a;
        }
        r->name = pack_span(p, out, d->name);
        r->text = pack_text(p, out->data, out->n);
        r->target_text = d->target_text.to < out->n ? pack_span(p, out, d->target_text) : p->block ? r->text + d->target_text.from : NULL;
        for (size_t i = 0; i < from->n_targets; i++) {
                char *name = pack_text(p, from->targets[i].class_name, strlen(from->targets[i].class_name));
                if (p->block)
                        r->targets[i].class_name = name;
        }
        for (size_t i = 0; i < from->n_conditions; i++) {
                const char *text = pack_span(p, out, d->conditions[i]);
                if (p->block)
                        r->conditions[i].text = text;
                for (size_t k = 0; k < from->conditions[i].n; k++) {
                        const Alternative *a = &from->conditions[i].alternatives[k];
                        char *name = a->kind == ALTERNATIVE_NAME ? pack_text(p, a->name, strlen(a->name)) : NULL;
                        if (name)
                                r->conditions[i].alternatives[k].name = name;
                }
        }
}

/* What the packed rule refers to is its own now; the rest of the draft goes. */
static void hand_over(RuleDraft *d) {
        for (size_t i = 0; i < d->rule.n_conditions; i++)
                for (size_t k = 0; k < d->rule.conditions[i].n; k++)
                        if (d->rule.conditions[i].alternatives[k].kind != ALTERNATIVE_NAME)
                                d->rule.conditions[i].alternatives[k] = (Alternative) {};
        for (size_t i = 0; i < d->rule.n_targets; i++)
                d->rule.targets[i].controllers = NULL;
}

int rule_draft_pack(RuleDraft *d, const TextBuffer *out, Rule **ret) {
        Packer p = {};
        Rule counted;

        pack_rule(&p, d, out, &counted);
        p.block = malloc(p.at);
        if (!p.block)
                return -ENOMEM;
        p.at = 0;
        Rule *r = (Rule *) p.block;
        pack_rule(&p, d, out, r);
        r->refs = 1;
        hand_over(d);
        *ret = r;
        return 0;
}

int rule_new_foreign(const RuleForeign *f, Rule **ret) {
        Packer p = {};
        Rule r = {
                .refs = 1, .facts = f->facts, .foreign = true, .foreign_index = (uint32_t) f->index,
                .options = { [OPTION_LEAVE_UNIT] = f->leave_unit },
        };

        for (;;) { /* counts, then packs */
                Rule *packed = pack(&p, &r, sizeof(r));
                char *name = pack_text(&p, f->name, strlen(f->name));
                char *text = pack_text(&p, f->text, strlen(f->text));
                char *target_text = pack_text(&p, f->target_text, strlen(f->target_text));
                if (packed) {
                        packed->name = name;
                        packed->text = text;
                        packed->target_text = target_text;
                        *ret = packed;
                        return 0;
                }
                p.block = malloc(p.at);
                p.at = 0;
                if (!p.block)
                        return -ENOMEM;
        }
}
