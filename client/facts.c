/* Made-up facts of a process. */
#include "client/facts.h"

#include <limits.h>
#include "common/str.h"

typedef enum Kind { KIND_NONE, KIND_TEXT, KIND_NUMBER, KIND_LIST } Kind;

/* What can be given. FACT_USER, FACT_GROUP and FACT_MEMBER follow from the ids. */
static const Kind kinds[_FACT_N] = {
        [FACT_CONTEXT] = KIND_TEXT,
        [FACT_UID] = KIND_NUMBER,
        [FACT_GID] = KIND_NUMBER,
        [FACT_GROUPS] = KIND_LIST,
        [FACT_COMM] = KIND_TEXT,
        [FACT_EXE] = KIND_TEXT,
        [FACT_ARG0] = KIND_TEXT,
        [FACT_CGROUP] = KIND_TEXT,
        [FACT_UNIT] = KIND_TEXT,
        [FACT_LABEL] = KIND_TEXT,
        [FACT_PID] = KIND_NUMBER,
        [FACT_RUID] = KIND_NUMBER,
        [FACT_LOGINUID] = KIND_NUMBER,
        [FACT_SESSION] = KIND_NUMBER,
        [FACT_SCRIPT] = KIND_TEXT,
        [FACT_PARENT_CLASS] = KIND_TEXT,
};

void facts_done(Facts *f) {
        for (size_t i = 0; i < _FACT_N; i++)
                free(f->texts[i]);
        free(f->groups);
        *f = (Facts) {};
}

bool facts_can_set(Fact fact) {
        return fact < _FACT_N && kinds[fact] != KIND_NONE;
}

static void set_known(Facts *f, Fact fact) {
        f->subject.known |= FACT_BIT(fact);
}

static const char **text_field(Subject *s, Fact fact) {
        switch (fact) {
        case FACT_CONTEXT:
                return &s->context;
        case FACT_COMM:
                return &s->comm;
        case FACT_EXE:
                return &s->exe;
        case FACT_ARG0:
                return &s->arg0;
        case FACT_CGROUP:
                return &s->cgroup;
        case FACT_UNIT:
                return &s->unit;
        case FACT_SCRIPT:
                return &s->script;
        case FACT_PARENT_CLASS:
                return &s->parent_class;
        default:
                return &s->label;
        }
}

static int set_text(Facts *f, Fact fact, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(f->texts[fact]);
        f->texts[fact] = copy;
        *text_field(&f->subject, fact) = copy;
        set_known(f, fact);
        return 0;
}

/* The highest id is "no id" to the kernel; pids are positive ints. */
static bool number_valid(Fact fact, uint64_t v) {
        return fact == FACT_PID ? v >= 1 && v <= INT_MAX : v < UINT32_MAX;
}

static void set_number(Facts *f, Fact fact, uint32_t v) {
        Subject *s = &f->subject;

        *(fact == FACT_UID        ? &s->uid :
          fact == FACT_GID        ? &s->gid :
          fact == FACT_RUID       ? &s->ruid :
          fact == FACT_LOGINUID   ? &s->loginuid :
          fact == FACT_SESSION    ? &s->session :
                                    (uint32_t *) &s->pid) = v;
        set_known(f, fact);
}

/* Takes the list over. */
static void set_groups(Facts *f, gid_t *groups, size_t n) {
        free(f->groups);
        f->groups = groups;
        f->subject.groups = groups;
        f->subject.n_groups = n;
        set_known(f, FACT_GROUPS);
}

static int set_groups_text(Facts *f, const char *text, TextError *err) {
        _cleanup_strv_ char **parts = NULL;
        int r = strv_split(text, ",", &parts);

        if (r < 0)
                return r;
        size_t n = strv_length(parts);
        _cleanup_free_ gid_t *groups = calloc(n + 1, sizeof(gid_t));
        if (!groups)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (str_to_u32(parts[i], &groups[i]) < 0 || !number_valid(FACT_GROUPS, groups[i]))
                        return text_error(err, NULL, 0, 0, "groups: '%s' is not a group number; expected N,N,...", parts[i]);
        set_groups(f, TAKE_PTR(groups), n);
        return 0;
}

int facts_set(Facts *f, Fact fact, const char *text, TextError *err) {
        uint32_t v;

        switch (kinds[fact]) {
        case KIND_TEXT:
                return set_text(f, fact, text);
        case KIND_LIST:
                return set_groups_text(f, text, err);
        case KIND_NUMBER:
                if (str_to_u32(text, &v) < 0 || !number_valid(fact, v))
                        return text_error(err, NULL, 0, 0, "%s: '%s' is not a number that it can be", fact_name(fact), text);
                set_number(f, fact, v);
                return 0;
        default:
                return text_error(err, NULL, 0, 0, "%s cannot be given; it follows from the ids", fact_name(fact));
        }
}

static bool json_number(json_object *value, Fact fact, uint32_t *ret) {
        int64_t v;

        if (!json_object_is_type(value, json_type_int))
                return false;
        v = json_object_get_int64(value); /* too large ones come as INT64_MAX */
        if (v < 0 || !number_valid(fact, v))
                return false;
        *ret = v;
        return true;
}

static int set_json_groups(Facts *f, json_object *value, const char *file, unsigned line, TextError *err) {
        if (!json_object_is_type(value, json_type_array))
                return text_error(err, file, line, 0, "groups: expected an array of numbers");
        size_t n = json_object_array_length(value);
        _cleanup_free_ gid_t *groups = calloc(n + 1, sizeof(gid_t));
        if (!groups)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (!json_number(json_object_array_get_idx(value, i), FACT_GROUPS, &groups[i]))
                        return text_error(err, file, line, 0, "groups: element %zu is not a group number", i + 1);
        set_groups(f, TAKE_PTR(groups), n);
        return 0;
}

static int set_json_text(Facts *f, Fact fact, json_object *value, const char *file, unsigned line, TextError *err) {
        if (!json_object_is_type(value, json_type_string))
                return text_error(err, file, line, 0, "%s: expected a string", fact_name(fact));
        const char *text = json_object_get_string(value);
        if (strlen(text) != (size_t) json_object_get_string_len(value))
                return text_error(err, file, line, 0, "%s: a NUL character cannot be in it", fact_name(fact));
        return set_text(f, fact, text);
}

static int set_json_member(Facts *f, const char *key, json_object *value, const char *file, unsigned line, TextError *err) {
        uint32_t v;

        for (Fact fact = 0; fact < _FACT_N; fact++) {
                if (kinds[fact] == KIND_NONE || !streq(fact_name(fact), key))
                        continue;
                if (kinds[fact] == KIND_TEXT)
                        return set_json_text(f, fact, value, file, line, err);
                if (kinds[fact] == KIND_LIST)
                        return set_json_groups(f, value, file, line, err);
                if (!json_number(value, fact, &v))
                        return text_error(err, file, line, 0, "%s: expected a number that it can be", key);
                set_number(f, fact, v);
                return 0;
        }
        return text_error(err, file, line, 0, "unknown key '%.64s'; expected context, uid, gid, groups, comm, exe, arg0, cgroup, unit, "
                          "label, pid, ruid, loginuid, session, script or parent-class", key);
}

static int parse_object(json_tokener *tokener, const char *text, size_t size, const char *file, unsigned line,
                        json_object **ret, TextError *err) {
        size_t blank = strspn(text, " \t\r"); /* ends at the NUL at the latest */
        json_object *object;

        if (blank >= size || text[blank] != '{')
                return text_error(err, file, line, blank + 1, "expected a JSON object");
        json_tokener_reset(tokener);
        object = json_tokener_parse_ex(tokener, text, size);
        enum json_tokener_error e = json_tokener_get_error(tokener);
        if (e == json_tokener_success) {
                *ret = object;
                return 0;
        }
        json_object_put(object);
        return text_error(err, file, line, json_tokener_get_parse_end(tokener) + 1, "not JSON: %s",
                          e == json_tokener_continue ? "the object does not end" : json_tokener_error_desc(e));
}

int facts_set_json(Facts *f, json_tokener *tokener, const char *text, size_t size, const char *file, unsigned line, TextError *err) {
        json_object *object = NULL;
        int r = parse_object(tokener, text, size, file, line, &object, err);

        if (r < 0 || !object)
                return r;
        json_object_object_foreach(object, key, value) {
                r = set_json_member(f, key, value, file, line, err);
                if (r < 0)
                        break;
        }
        json_object_put(object);
        return r;
}
