/* What is remembered of single processes beyond a restart of the service: that a sticky rule placed them, and the class they were born in where a
 * rule decided by that. A file of the state directory, a line a process, appended before the wake-up ends that brought it; it is worth something for this
 * boot only (a journal, common/kept.h). A line that was cut or damaged is left out, and said. */
#pragma once
#include "common/map.h"
#include "daemon/procident.h"
#include "daemon/proctable.h"

struct Manager;

typedef struct Marks {
        int fd;        /* the file, to append; -EBADF: not to be had, and said */
        bool failed;   /* and no more tried */
        size_t lines;  /* of the file */
        size_t damaged; /* of them, when it was read */
        char boot_id[BOOT_ID_SIZE];
        Map *old;      /* pid to Mark of the service before; NULL after the first whole pass */
} Marks;

/* Reads what there is. -ENOMEM. Anything else is said and gone without. */
int marks_open(struct Manager *m);
void marks_done(struct Manager *m);
/* Notes sticky and born of this process. */
void marks_note(struct Manager *m, const Process *p);
/* It is in the class of its rule: if that rule is sticky it stays there from now on. Not a child that is still the image of its parent: whether
 * that one is judged by itself is chance. */
void marks_stick(struct Manager *m, Process *p);
/* Gives a process that is found in a class what was noted of it. p: its entry, cookie known. */
void marks_restore(struct Manager *m, Process *p);
/* Every process has been looked at: those that are gone need no line. */
void marks_tidy(struct Manager *m);
