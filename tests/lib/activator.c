/* Stands for systemd on a bus that is dbus-broker, and knows one unit: polkit.service, whose program it starts when the bus asks for it. What
 * is tested here is started by its tests alone. Ends when its input ends, with what it started. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include "common/macro.h"

#define UNIT "polkit.service"
#define UNIT_FILE "/lib/systemd/system/" UNIT

/* The first line "ExecStart=", cut at its first blank into program and the rest. */
static int read_program(char *program, size_t size) {
        char line[512];
        FILE *f = fopen(UNIT_FILE, "re");

        if (!f)
                return -errno;
        while (fgets(line, sizeof(line), f)) {
                const char *value = startswith(line, "ExecStart=");
                if (!value)
                        continue;
                snprintf(program, size, "%.*s", (int) strcspn(value, " \n"), value);
                fclose(f);
                return 0;
        }
        fclose(f);
        return -ENOENT;
}

/* The bus watches the unit that it is told here; it hears nothing, and sees by the name that the program is up. */
static int on_load(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return sd_bus_reply_method_return(m, "o", "/org/freedesktop/systemd1/unit/any");
}

static int on_start(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *unit, *mode;
        char program[256];
        int r = sd_bus_message_read(m, "ss", &unit, &mode);

        if (r >= 0)
                r = streq(unit, UNIT) ? read_program(program, sizeof(program)) : -ENOENT;
        if (r < 0)
                return sd_bus_error_set_errno(e, r);
        if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                execl(program, program, (char *) NULL);
                _exit(EXIT_FAILURE);
        }
        return sd_bus_reply_method_return(m, "o", "/org/freedesktop/systemd1/job/1");
}

static int on_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Subscribe", "", "", on_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("LoadUnit", "s", "o", on_load, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("StartUnit", "ss", "o", on_start, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int on_input(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        char buf[64];

        if (read(fd, buf, sizeof(buf)) <= 0)
                sd_event_exit(sd_event_source_get_event(s), 0);
        return 0;
}

static int serve(sd_event *event, sd_bus *bus) {
        int r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", vtable, NULL);

        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, 1 /* EPOLLIN */, on_input, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.freedesktop.systemd1", 0);
        return r < 0 ? r : sd_event_loop(event);
}

int main(void) {
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int r = sd_event_default(&event);

        signal(SIGCHLD, SIG_IGN);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = serve(event, bus);
        if (r < 0)
                fprintf(stderr, "activator: %s\n", strerror(-r));
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
