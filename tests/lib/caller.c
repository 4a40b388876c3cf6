/* Calls a method of org.pclass again and again and says in one line of JSON how that went: caller MILLISECONDS IN-FLIGHT PAUSE-USEC PATH INTERFACE MEMBER.
 * Methods without arguments, or "a{sv}", and Validate, with much text. Times are microseconds from the call to its answer, whatever that says. */
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>
#include "common/macro.h"

#define TIMES_MAX 1000000

typedef struct Caller {
        sd_bus *bus;
        sd_event *event;
        const char *path, *interface, *member;
        uint64_t end_usec, pause_usec;
        unsigned in_flight;
        uint32_t *times;
        size_t n;
        unsigned served, limited, failed;
        char text[256]; /* of the last refusal */
        char rules[1000001];
} Caller;

typedef struct Call {
        Caller *caller;
        uint64_t began;
} Call;

static uint64_t now_usec(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static int start(Call *c);

static int on_pause_over(sd_event_source *s, uint64_t usec, void *userdata) {
        return start(userdata);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Call *call = userdata;
        Caller *c = call->caller;
        const sd_bus_error *error = sd_bus_message_get_error(m);

        if (c->n < TIMES_MAX)
                c->times[c->n++] = (uint32_t) (now_usec() - call->began);
        if (!error)
                c->served++;
        else if (streq(error->name, SD_BUS_ERROR_LIMITS_EXCEEDED)) {
                c->limited++;
                snprintf(c->text, sizeof(c->text), "%s", error->message);
        } else
                c->failed++;
        if (now_usec() >= c->end_usec) {
                if (--c->in_flight == 0)
                        return sd_event_exit(c->event, 0);
                return 0;
        }
        return c->pause_usec ? sd_event_add_time_relative(c->event, NULL, CLOCK_MONOTONIC, c->pause_usec, 1, on_pause_over, call) : start(call);
}

static int start(Call *call) {
        const Caller *c = call->caller;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(c->bus, &m, "org.pclass", c->path, c->interface, c->member);

        if (r >= 0 && streq(c->member, "Validate"))
                r = sd_bus_message_append(m, "s", c->rules);
        else if (r >= 0 && !startswith(c->member, "Get") && !startswith(c->interface, "org.freedesktop."))
                r = sd_bus_message_append(m, "a{sv}", 0);
        call->began = now_usec();
        if (r >= 0)
                r = sd_bus_call_async(c->bus, NULL, m, on_answer, call, 0);
        return r < 0 ? sd_event_exit(call->caller->event, r) : 0;
}

static void write_rules(Caller *c) {
        static const char rule[] = "exe=/usr/bin/x* uid=1-9 => web\n";

        for (size_t i = 0; i < sizeof(c->rules) - 1; i++)
                c->rules[i] = rule[i % (sizeof(rule) - 1)];
}

static int by_time(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return (x > y) - (x < y);
}

static void report(Caller *c) {
        qsort(c->times, c->n, sizeof(*c->times), by_time);
        printf("{\"calls\": %zu, \"served\": %u, \"limited\": %u, \"failed\": %u, \"median\": %u, \"p99\": %u, \"text\": \"%s\"}\n", c->n, c->served, c->limited,
               c->failed, c->n ? c->times[c->n / 2] : 0, c->n ? c->times[c->n * 99 / 100] : 0, c->text);
}

int main(int argc, char **argv) {
        static Caller c;
        Call *calls;
        unsigned in_flight;
        int r;

        if (argc != 7)
                return 2;
        c = (Caller) { .path = argv[4], .interface = argv[5], .member = argv[6], .pause_usec = strtoul(argv[3], NULL, 10) };
        write_rules(&c);
        in_flight = c.in_flight = (unsigned) strtoul(argv[2], NULL, 10);
        c.times = calloc(TIMES_MAX, sizeof(*c.times));
        calls = calloc(in_flight, sizeof(*calls));
        if (!c.times || !calls || sd_event_new(&c.event) < 0 || sd_bus_open_system(&c.bus) < 0 || sd_bus_attach_event(c.bus, c.event, 0) < 0)
                return 1;
        c.end_usec = now_usec() + strtoul(argv[1], NULL, 10) * 1000;
        for (unsigned i = 0; i < in_flight; i++) {
                calls[i].caller = &c;
                if (start(&calls[i]) < 0)
                        return 1;
        }
        r = sd_event_loop(c.event);
        report(&c);
        sd_bus_flush_close_unref(c.bus);
        sd_event_unref(c.event);
        free(c.times);
        free(calls);
        return r < 0;
}
