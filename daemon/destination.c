/* Destinations of cgrules.conf. */
#include "daemon/destination.h"

#include <stdio.h>
#include "common/str.h"
#include "daemon/internal.h"
#include "rules/cgset.h"

#define CONTROLLERS_MAX 64

/* ---- which are allowed ------------------------------------------------------------------------------------------------------------ */

/* What of `path` lies below a root, without a slash in front; NULL: outside. */
static const char *below(const ClassRoot *root, const char *path) {
        const char *rest = startswith(path, root->path);

        if (!rest || streq(root->path, "/"))
                return rest;
        return *rest == '/' ? rest + 1 : *rest ? NULL : rest;
}

static const ClassRoot *root_of(const Classes *c, const char *path, const char **ret_below) {
        for (size_t i = 0; i < c->n_roots; i++) {
                *ret_below = below(&c->roots[i], path);
                if (*ret_below)
                        return &c->roots[i];
        }
        return NULL;
}

/* A destination as the name of a class: without slashes at its ends. */
static void class_text(const char *destination, char *buf, size_t size) {
        destination += strspn(destination, "/");
        snprintf(buf, size, "%s", destination);
        for (size_t n = strlen(buf); n > 0 && buf[n - 1] == '/'; n--)
                buf[n - 1] = '\0';
}

/* "*" is every hierarchy that has controllers: not one that somebody mounted to keep books, unless it is named. */
static uint32_t hierarchies_of(const Classes *c, char *const *controllers) {
        uint32_t mask = 0;

        for (char *const *name = controllers; *name; name++) {
                uint32_t bits = classes_controller(c, *name);
                for (uint32_t h = 0; streq(*name, "*") && h < c->n_hierarchies; h++)
                        if (!*c->hierarchies[h].controllers || startswith(c->hierarchies[h].controllers, "name="))
                                bits &= ~(1u << h);
                mask |= bits;
        }
        return mask;
}

/* There are classes alone in the class roots, whatever AllowedRoots= has above them. */
static bool in_class_root(const Classes *c, uint32_t hierarchies, const char *path) {
        for (uint32_t h = 0; h < c->n_hierarchies; h++)
                if (hierarchies & 1u << h && classes_inside(c, h, path))
                        return true;
        return false;
}

static const char *first_of(char *const *controllers) {
        return controllers[0] && !controllers[1] ? controllers[0] : "its controllers";
}

bool destination_allowed(const Classes *c, const char *destination, char *const *controllers, char *reason, size_t size) {
        uint32_t hierarchies = hierarchies_of(c, controllers);
        _cleanup_free_ char *path = NULL;
        char name[WIRE_TEXT_MAX];
        const char *rest;

        const ClassRoot *root = cg_destination_fixed(destination, &path) >= 0 ? root_of(c, path, &rest) : NULL;
        if (root && in_class_root(c, root->hierarchies, path)) {
                snprintf(reason, size, "%.60s lies in the class root: write the name of a class", destination);
                return false;
        }
        if (root && !str_is_printable_utf8(path)) {
                snprintf(reason, size, "the destination has bytes that are no UTF-8, which a place for processes cannot have here");
                return false;
        }
        if (root && hierarchies && !(hierarchies & root->hierarchies)) {
                snprintf(reason, size, "AllowedRoots= does not reach the hierarchy of %.60s", first_of(controllers));
                return false;
        }
        if (root)
                return true;
        class_text(destination, name, sizeof(name));
        const Class *class = classes_find(c, name);
        if (class && hierarchies && !(hierarchies & class->hierarchies)) {
                snprintf(reason, size, "class %.60s is not in the hierarchy of %.60s (see Hierarchies= of the class)", name, first_of(controllers));
                return false;
        }
        if (class)
                return true;
        snprintf(reason, size, "%.60s is not below AllowedRoots= (AllowedRoots=%.50s would allow it)", destination, path ? path : "/");
        return false;
}

/* ---- asking the lines --------------------------------------------------------------------------------------------------------------- */

/* What lines say about places is said by controllers. */
typedef struct Places {
        CgPlace list[CONTROLLERS_MAX];
        size_t n;
        char text[WIRE_HIERARCHIES_MAX][WIRE_TEXT_MAX];
} Places;

static void places_fill(const Classes *c, const Verdict *v, Places *ret) {
        ret->n = 0;
        for (uint32_t h = 0; h < c->n_hierarchies; h++) {
                char *save = NULL, *name = ret->text[h];
                if (!v->paths[h])
                        continue;
                strcpy(name, c->hierarchies[h].controllers);
                if (c->hierarchies[h].version == 2 && ret->n < CONTROLLERS_MAX)
                        ret->list[ret->n++] = (CgPlace) { "cgroup2", v->paths[h] };
                for (name = strtok_r(name, ", ", &save); name && ret->n < CONTROLLERS_MAX; name = strtok_r(NULL, ", ", &save))
                        ret->list[ret->n++] = (CgPlace) { name, v->paths[h] };
        }
}

static int ask_lines(Manager *m, Verdict *v, const Ruleset *rs, CgVerdict *ret) {
        unsigned needs = ruleset_cgrules_needs(rs);
        CgProcess p = { .subject = &v->info.subject };
        Places places;
        int r = 0;

        if (needs & CG_NEEDS_PLACES) {
                r = verdict_paths(m, v);
                if (r < 0)
                        return r;
                places_fill(&m->classes, v, &places);
                p.places = places.list;
                p.n_places = places.n;
        }
        if (needs & CG_NEEDS_REALTIME) {
                r = procinfo_realtime(&m->reader, &v->info);
                p.realtime = r > 0;
        }
        return r < 0 ? r : ruleset_match_cgrules(rs, &p, v->entry, &v->entry, ret);
}

/* ---- where to ----------------------------------------------------------------------------------------------------------------------- */

static int no_target(Verdict *v, Holder holder, const char *detail) {
        v->n_targets = 0;
        v->wanted = 0;
        v->holder = holder;
        snprintf(v->detail, sizeof(v->detail), "%.95s", detail);
        return 1;
}

/* How many of the last components of `path`, which `destination` gives for a process, stand behind the first that names a fact of it. */
static uint32_t own_components(const char *destination, const char *path) {
        _cleanup_free_ char *fixed = NULL;

        return cg_destination_fixed(destination, &fixed) < 0 ? 0 : (uint32_t) (path_components(path) - path_components(fixed));
}

/* A place below a root. One that exists but not on all of these hierarchies is asked for again. */
static void take_place(Manager *m, const ClassRoot *root, const char *rest, const CgRule *line, uint32_t hierarchies, VerdictTarget *t) {
        Class *c = classes_find(&m->classes, t->name);

        t->hierarchies = hierarchies & root->hierarchies;
        t->root = root;
        t->component = t->name + (rest - t->name);
        t->leaf2 = "";
        t->class = c && !c->dropping && !(t->hierarchies & ~c->hierarchies) ? c : NULL;
        t->own = t->class ? 0 : own_components(line->destination, t->name);
}

static bool take_class(Manager *m, const CgRule *line, uint32_t hierarchies, VerdictTarget *t) {
        char text[WIRE_TEXT_MAX];
        const char *slash;

        class_text(line->destination, text, sizeof(text));
        memmove(t->name, t->name + 1, strlen(t->name));
        slash = strrchr(t->name, '/');
        t->component = slash ? slash + 1 : t->name;
        t->hierarchies = hierarchies;
        return verdict_target_class(m, text, t) && t->hierarchies;
}

static bool take_move(Manager *m, Verdict *v, const CgMove *move, uint32_t hierarchies) {
        VerdictTarget *t = &v->targets[v->n_targets];
        const ClassRoot *root;
        const char *rest;

        *t = (VerdictTarget) {};
        if (strlen(move->path) >= sizeof(t->name))
                return false;
        strcpy(t->name, move->path);
        root = root_of(&m->classes, t->name, &rest);
        if (root)
                take_place(m, root, rest, move->rule, hierarchies, t);
        else if (!take_class(m, move->rule, hierarchies, t))
                return false;
        v->wanted |= t->hierarchies;
        v->n_targets++;
        return true;
}

/* Lines are carried out from top to bottom, so on a hierarchy that several name the last one counts. */
static int take_moves(Manager *m, Verdict *v, const CgVerdict *cg) {
        uint32_t left = UINT32_MAX;
        char text[96];

        for (size_t i = cg->n_moves; i > 0; i--) {
                const CgMove *move = &cg->moves[i - 1];
                uint32_t mask = hierarchies_of(&m->classes, move->rule->controllers) & left;
                if (cgrule_facts(move->rule) & v->names_pending & (FACT_BIT(FACT_USER) | FACT_BIT(FACT_GROUP))) /* a number would stand for it */
                        return no_target(v, HOLDER_UNKNOWN_FACT, "its name is being asked for");
                left &= ~mask;
                if (!mask)
                        continue;
                snprintf(text, sizeof(text), "line %u: %.60s is no place here", move->rule->line, move->path);
                if (v->n_targets == VERDICT_TARGETS_MAX || !take_move(m, v, move, mask))
                        return no_target(v, HOLDER_ERROR, text);
        }
        return 1;
}

int destination_judge(Manager *m, Verdict *v, const Ruleset *rs) {
        CgVerdict cg = {};
        int r = ruleset_cgrules(rs) ? ask_lines(m, v, rs, &cg) : 0;

        if (r <= 0)
                return r;
        v->ignored = cg.ignored;
        if (cg.problem[0])
                r = no_target(v, HOLDER_ERROR, cg.problem);
        else if (!cg.ignored)
                r = take_moves(m, v, &cg);
        cg_verdict_done(&cg);
        return r;
}
