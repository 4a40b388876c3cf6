/* Reading the rule files and putting the rules in force, in slices: with ten thousand rules it takes tens of milliseconds, and events go in between.
 * A load is all or nothing: what was in force stays until the new ruleset is whole. */
#include <fcntl.h>
#include "common/conf.h"
#include "common/config.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/cgrulesload.h"
#include "daemon/internal.h"
#include "daemon/timer.h"

#define RULE_FILE_MAX (16u << 20)                /* bytes */
#define SLICE_NS UINT64_C(1000000)               /* then the loop looks for events */
#define SLICE_RULES 64                           /* between two looks at the clock */

typedef enum Stage { STAGE_READ, STAGE_ORDER, STAGE_RESOLVE, STAGE_DONE } Stage;

struct RuleLoad {
        RuleLoad *next;
        RuleBase *b;
        Stage stage;
        bool from_files;      /* else the present rules are resolved anew */
        Config *config;       /* only a check of the files that this names; nothing of it comes into force. Else NULL */
        char **paths;         /* of files */
        size_t n_read;        /* of them */
        char *text;           /* of the file that is being read */
        RulesetText cursor;
        Ruleset *files;
        RuleOrder *order;
        Ruleset *rs;
        RulesetCompiler *compiler;
        uint64_t generation;  /* of the rules in force when the order was begun */
        bool stale;           /* the machine has answered otherwise since */
        bool relied_on;       /* to resolve the present rules anew, which nobody else does then */
        RuleLoaded callback;  /* or NULL */
        void *userdata;
};

static RuleLoad *load_free(RuleLoad *l) {
        if (!l)
                return NULL;
        ruleset_compiler_free(l->compiler);
        rule_order_free(l->order);
        rulebase_discard(l->b, l->rs);
        rulebase_discard(l->b, l->files);
        config_free(l->config);
        strv_free(l->paths);
        free(l->text);
        free(l);
        return NULL;
}
DEFINE_CLEANUP(RuleLoad *, load_free)

static int load_new(RuleBase *b, bool from_files, RuleLoad **ret) {
        RuleLoad *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        *l = (RuleLoad) { .b = b, .from_files = from_files, .stage = from_files ? STAGE_READ : STAGE_ORDER };
        *ret = l;
        return 0;
}

/* ---- what is kept at run time --------------------------------------------------------------------------------------- */

static int load_runtime(RuleBase *b) {
        StoredRule *stored = NULL;
        size_t n = 0;
        int r = store_load_rules(b->m->store, &stored, &n);

        if (is_shortage(r))
                return r;
        b->runtime_lost = r < 0;
        losses_note(b->m, LOSS_RULES, r < 0 ? KEPT_LOST : (KeptState) r);
        r = 0;
        b->runtime = calloc(MAX(n, (size_t) 1), sizeof(*b->runtime));
        if (!b->runtime)
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                RuntimeRule *x = &b->runtime[b->n_runtime];
                TextError err;
                int e = rule_parse(stored[i].text, strlen(stored[i].text), &x->rule, &err);
                if (e == -ENOMEM) /* nothing is wrong with the rule, and the next save must not lose it */
                        r = e;
                else if (e < 0)
                        log_warning("Stored rule left out, it does not parse any more: column %u: %s: %s", err.column, err.message,
                                    stored[i].text);
                if (e < 0)
                        continue;
                x->before = TAKE_PTR(stored[i].before);
                x->after = TAKE_PTR(stored[i].after);
                b->n_runtime++;
        }
        stored_rules_free(stored, n);
        return r;
}

/* Runtime rules whose name a file took meanwhile: the order has left them out. */
static void drop_shadowed(RuleBase *b) {
        for (size_t i = 0; i < b->n_runtime; i++) {
                const char *name = rule_name(b->runtime[i].rule);
                const RuleEntry *e = ruleset_find(b->files, name);
                if (!e)
                        continue;
                log_warning("Runtime rule %s is dropped: a rule of that name is in %s", name, e->file);
                runtime_rule_done(&b->runtime[i]);
                memmove(&b->runtime[i], &b->runtime[i + 1], (b->n_runtime - i - 1) * sizeof(*b->runtime));
                b->n_runtime--;
                i--;
        }
}

static int load_kept(RuleBase *b, TextError *err) {
        int r;

        if (b->runtime)
                return 0;
        r = load_runtime(b);
        if (r < 0)
                return r;
        r = store_load_disabled(b->m->store, &b->disabled);
        if (r >= 0)
                losses_note(b->m, LOSS_DISABLED, (KeptState) r);
        else if (r == -EBADMSG) /* rules that somebody wanted off would be in force */
                (void) text_error(err, b->m->options->state_dir, 0, 0, "the file disabled is damaged, and so is the copy of before, if there is one: mend it, or remove both to start without");
        else
                (void) text_error(err, b->m->options->state_dir, 0, 0, "the file disabled cannot be read: %s", strerror(-r));
        return MIN(r, 0);
}

/* ---- the stages ------------------------------------------------------------------------------------------------------- */

static int read_begin(RuleLoad *l) {
        _cleanup_strv_ char **skipped = NULL;
        int r = ruleset_new(&l->files);

        if (r >= 0)
                r = conf_list_files(l->config ? l->config->rule_dirs : l->b->m->options->rule_dirs, ".rules", &l->paths, &skipped);
        for (char **path = skipped; path && *path; path++)
                log_warning("%s " CONF_SKIPPED, *path);
        return r;
}

static int next_file(RuleLoad *l, TextError *err) {
        const char *path = l->paths[l->n_read];
        size_t size;
        int r = fd_read_file(AT_FDCWD, path, RULE_FILE_MAX, &l->text, &size);

        if (r < 0) {
                (void) text_error(err, path, 0, 0, "cannot be read: %s", strerror(-r));
                return r;
        }
        l->cursor = (RulesetText) { .text = l->text, .size = size, .file = path };
        return 0;
}

/* Behind the rules of our own files. */
static int read_cgrules(RuleLoad *l, TextError *err) {
        const Options *o = l->b->m->options;
        const char *file = l->config ? l->config->cgrules_file : o->cgrules_file;
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        int r = file ? cgrules_load(file, &c, err) : 0;

        if (r >= 0 && c)
                r = ruleset_add_cgrules(l->files, c, l->config ? l->config->cgrules_leave_unit : o->cgrules_leave_unit, err);
        return r == -EEXIST ? -EINVAL : r;
}

/* 1: there is more to read. */
static int step_read(RuleLoad *l, size_t rules, TextError *err) {
        int r = l->files ? 0 : read_begin(l);

        if (r >= 0 && !l->text && l->paths && l->paths[l->n_read])
                r = next_file(l, err);
        if (r < 0)
                return r;
        if (!l->text)
                return read_cgrules(l, err);
        r = ruleset_add_text_step(l->files, &l->cursor, rules, err);
        if (r != 0)
                return r;
        free(TAKE_PTR(l->text));
        l->n_read++;
        return 1;
}

static int order_begin(RuleLoad *l) {
        RuleBase *b = l->b;

        l->compiler = ruleset_compiler_free(l->compiler);
        l->order = rule_order_free(l->order);
        rulebase_discard(b, TAKE_PTR(l->rs));
        l->stage = STAGE_ORDER;
        l->generation = b->generation;
        l->stale = false;
        if (l->config)
                return rule_order_new(b, l->files, NULL, 0, &l->order);
        return rule_order_new(b, l->from_files ? l->files : b->files, b->runtime, b->n_runtime, &l->order);
}

static int step_order(RuleLoad *l, size_t rules, TextError *err) {
        int r = l->order ? 0 : order_begin(l);

        if (r >= 0)
                r = rule_order_step(l->order, rules, err);
        if (r != 0)
                return r;
        l->rs = rule_order_take(l->order);
        return rulebase_compiler(l->b, l->rs, &l->compiler);
}

static int load_step(RuleLoad *l, size_t rules, TextError *err) {
        /* Whoever edited a rule meanwhile was answered already: his change has to be in this order too. */
        if (l->stage != STAGE_READ && l->order && l->generation != l->b->generation) {
                int r = order_begin(l);
                if (r < 0)
                        return r;
        }
        int r = l->stage == STAGE_READ ? step_read(l, rules, err) : l->stage == STAGE_ORDER ? step_order(l, rules, err) :
                                                                    ruleset_compiler_step(l->compiler, rules);
        if (r == 0)
                l->stage++;
        return r < 0 ? r : l->stage != STAGE_DONE;
}

/* Nothing can fail any more. */
static void load_take(RuleLoad *l) {
        RuleBase *b = l->b;

        l->compiler = ruleset_compiler_free(l->compiler);
        if (l->from_files) {
                rulebase_discard(b, b->files);
                b->files = TAKE_PTR(l->files);
                drop_shadowed(b);
        }
        rulebase_swap(b, TAKE_PTR(l->rs));
}

int rulebase_load(RuleBase *b, TextError *err) {
        _cleanup_(load_freep) RuleLoad *l = NULL;
        int r = load_kept(b, err);

        if (r >= 0)
                r = load_new(b, true, &l);
        while (r >= 0 && (r = load_step(l, SIZE_MAX, err)) > 0)
                ;
        if (r >= 0)
                load_take(l);
        return r;
}

/* ---- in the background -------------------------------------------------------------------------------------------------- */

#define AGAIN_USEC UINT64_C(1000000)

static int load_again(RuleBase *b);

static void load_end(RuleBase *b, int r, const TextError *err) {
        _cleanup_(load_freep) RuleLoad *l = b->loads;
        bool again = l->stale || (r < 0 && l->from_files && l->relied_on);

        b->loads = l->next;
        if (r >= 0 && !l->config)
                load_take(l);
        else if (r < 0 && !l->from_files) {
                log_warning_errno(r, "The rules could not be resolved anew");
                if (is_shortage(r))
                        timer_within(b->again, AGAIN_USEC);
        }
        if (!b->loads)
                (void) sd_event_source_set_enabled(b->load, SD_EVENT_OFF);
        if (l->callback)
                l->callback(r, err, l->userdata);
        if (again)
                (void) ruleload_again(b);
}

static int on_load(sd_event_source *s, void *userdata) {
        RuleBase *b = userdata;
        uint64_t until = now_ns() + SLICE_NS;
        TextError err = {};
        int r;

        do
                r = load_step(b->loads, SLICE_RULES, &err);
        while (r > 0 && now_ns() < until);
        if (r <= 0)
                load_end(b, r, &err);
        return 0;
}

/* Behind those that are under way: each sees the files as they were after it was asked for. */
static void load_queue(RuleBase *b, RuleLoad *l) {
        RuleLoad **last = &b->loads;

        while (*last)
                last = &(*last)->next;
        *last = l;
        (void) sd_event_source_set_enabled(b->load, SD_EVENT_ON);
}

static int load_begin(RuleBase *b, bool from_files, Config *config, RuleLoaded callback, void *userdata) {
        _cleanup_(load_freep) RuleLoad *l = NULL;
        int r = load_new(b, from_files, &l);

        if (r < 0)
                return r;
        l->config = config;
        l->callback = callback;
        l->userdata = userdata;
        load_queue(b, TAKE_PTR(l));
        return 0;
}

int ruleload_files(RuleBase *b, RuleLoaded callback, void *userdata) {
        return load_begin(b, true, NULL, callback, userdata);
}

int ruleload_check(RuleBase *b, Config *config, RuleLoaded callback, void *userdata) {
        return load_begin(b, true, config, callback, userdata);
}

/* One that is under way and may have had older answers is followed by another; one that has not begun will get the new ones. */
static int load_again(RuleBase *b) {
        for (RuleLoad *l = b->loads; l; l = l->next)
                if (l->stage < STAGE_RESOLVE && !l->config) {
                        l->relied_on = true;
                        return 0;
                }
        return load_begin(b, false, NULL, NULL, NULL);
}

int ruleload_again(RuleBase *b) {
        if (b->loads && b->loads->stage == STAGE_RESOLVE) {
                b->loads->stale = true;
                return 0;
        }
        int r = load_again(b);
        if (r < 0)
                timer_within(b->again, AGAIN_USEC);
        return r;
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata) {
        (void) ruleload_again(userdata);
        return 0;
}

int ruleload_init(RuleBase *b) {
        int r = sd_event_add_defer(b->m->event, &b->load, on_load, b);

        if (r >= 0)
                r = sd_event_source_set_enabled(b->load, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(b->load, PRIORITY_RULES);
        return r < 0 ? r : timer_new(b->m->event, CLOCK_MONOTONIC, 0, on_again, b, &b->again);
}

bool ruleload_under_way(const RuleBase *b) {
        return b->loads;
}

void ruleload_done(RuleBase *b) {
        while (b->loads) {
                _cleanup_(load_freep) RuleLoad *l = b->loads;
                b->loads = l->next;
                if (l->callback)
                        l->callback(-ECANCELED, NULL, l->userdata);
        }
        b->load = sd_event_source_unref(b->load);
        b->again = sd_event_source_unref(b->again);
}
