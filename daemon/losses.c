/* What is told of damaged files and of a state directory that cannot be written. */
#include "daemon/losses.h"

#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"

#define RULES_LOST "the rules added at run time are not in force"

static const struct {
        const char *file, *subject;
        const char *without;  /* what is when there is no copy either */
        const char *remedy;
} files[_LOSS_N] = {
        [LOSS_RULES] = { "rules", "rules added at run time", "they are not in force, whom they placed stays where he is, and none can be added or removed", "pclassctl list-rules" },
        [LOSS_DISABLED] = { "disabled", "rules that were switched off", "", "pclassctl list-rules" }, /* the service does not start without it */
        [LOSS_MODE] = { "mode", "the mode that was set", "that of pclass.conf holds", "pclassctl observe, or pclassctl enforce" },
        [LOSS_ASSIGNMENTS] = { "assignments", "processes assigned by hand", "they are judged by rules", "pclassctl assign" },
        [LOSS_MARKS] = { "marks", "sticky processes", "whom the damaged lines were about is judged anew", "pclassctl explain" },
        [LOSS_ORIGINS] = { "origins", "where processes came from", "whom the damaged lines were about stays where he is when no rule wants him any more", "pclassctl explain" },
        [LOSS_TUNED] = { "tuned", "properties changed at run time", "what the files of root say is in force again", "pclassctl set-property" },
        [LOSS_RUNTIME_CLASSES] = { "runtime-classes", "classes made at run time", "their control groups stay, and nothing is moved there", "pclassctl add-class" },
};

int losses_parse(const char *text, uint8_t how[static _LOSS_N]) {
        for (Loss i = 0; i < _LOSS_N; i++) {
                const char *value = startswith(text, files[i].file);
                if (!value || value[0] != '=' || value[1] < '0' + KEPT_WHOLE || value[1] > '0' + KEPT_LOST || value[2])
                        continue;
                how[i] = (uint8_t) (value[1] - '0');
                return 0;
        }
        return -EINVAL;
}

static void describe(const Manager *m, Loss what, char *buf, size_t size) {
        const char *file = files[what].file;

        if (m->losses.how[what] == KEPT_COPY)
                snprintf(buf, size, "the file %s was damaged; the copy of before its last change is taken", file);
        else if (m->losses.how[what] == KEPT_GONE)
                snprintf(buf, size, "the file %s was gone; the copy of before its last change is taken (to be without it, remove %s.previous too)", file, file);
        else
                snprintf(buf, size, "the file %s is damaged or cannot be read, and there is no copy that is not: %s", file, files[what].without);
}

void losses_note(Manager *m, Loss what, KeptState how) {
        char text[400];

        m->losses.how[what] = how;
        if (how == KEPT_WHOLE)
                return;
        describe(m, what, text, sizeof(text));
        log_warning("%s: %s", files[what].subject, text);
}

const char *losses_reason(Manager *m) {
        int error = m->store ? store_unwritable(m->store) : 0;

        if (m->losses.how[LOSS_RULES] == KEPT_LOST)
                snprintf(m->losses.reason, sizeof(m->losses.reason), RULES_LOST ": the file %.150s/rules is damaged or cannot be read", m->options->state_dir);
        else if (error < 0)
                snprintf(m->losses.reason, sizeof(m->losses.reason), "no change can be stored: %.150s: %s", m->options->state_dir, strerror(-error));
        else
                return NULL;
        return m->losses.reason;
}

static void tell(DoctorCallback callback, void *userdata, const char *id, const char *subject, const char *problem, const char *remedy) {
        callback(&(DoctorFinding) { .id = id, .subject = subject, .problem = problem, .remedy = remedy }, userdata);
}

void losses_doctor(Manager *m, DoctorCallback callback, void *userdata) {
        int error = store_unwritable(m->store);
        char problem[400], remedy[400];

        if (error < 0) {
                snprintf(problem, sizeof(problem), "%.200s cannot be written: %s; changes of rules and of the mode are refused", m->options->state_dir, strerror(-error));
                snprintf(remedy, sizeof(remedy), "make it writable for the user " PCLASS_USER "; findmnt -T %.200s shows how it is mounted", m->options->state_dir);
                tell(callback, userdata, "state-unwritable", "state directory", problem, remedy);
        }
        for (Loss i = 0; i < _LOSS_N; i++) {
                if (m->losses.how[i] == KEPT_WHOLE)
                        continue;
                describe(m, i, problem, sizeof(problem));
                if (i == LOSS_RULES && m->losses.how[i] == KEPT_LOST)
                        snprintf(remedy, sizeof(remedy), "mend %.200s/rules, or move it and rules.previous away, then: systemctl restart pclass", m->options->state_dir);
                else
                        snprintf(remedy, sizeof(remedy), "make anew what is missing (%s); this is told until the service starts again", files[i].remedy);
                tell(callback, userdata, "state-damaged", files[i].subject, problem, remedy);
        }
}

int losses_not_stored(Manager *m, int error, const char *what, TextError *err) {
        (void) text_error(err, m->options->state_dir, 0, 0, "cannot store %s: %s", what, strerror(-error));
        return error == -ENOENT || error == -EPERM || error == -EACCES || error == -EBUSY || error == -EEXIST ? -EIO : error;
}
