/* The limits of classes: which property is written where, what came of it. */
#pragma once
#include "broker/class.h"
#include "broker/limitfile.h"

/* What the class wants: changed at run time, else as its file says. NULL: nothing. */
const char *class_value(const Class *c, ClassProperty p);

/* Where a property of this class is written. -ENOENT: nowhere on this machine, or nowhere that the class exists; or it belongs to members. */
int class_limit_hierarchy(const ClassSet *s, const Class *c, ClassProperty p, unsigned *ret);

/* Can the property be had where the class is? Enables its controller on v2. True: no, and `why` says so. */
bool class_refuses_limit(const ClassSet *s, const Class *c, ClassProperty p, char *why, size_t size);
/* Writes one property as the class wants it now. On failure `why` is for people. */
int class_write_limit(const ClassSet *s, const Class *c, ClassProperty p, char *why, size_t size);
/* Reads it back into the note. */
void class_note_limit(const ClassSet *s, Class *c, ClassProperty p);

/* Writes every property that is set, and resets what an earlier start has set and nobody wants any more. Results are in the notes. */
void class_apply_limits(const ClassSet *s, Class *c);
/* Writes lists anew that could not be written before all classes below were known. */
void class_retry_lists(const ClassSet *s, Class *c);
/* Some files of v1 can shrink only after those of their children, and grow only before them. So before everything is applied from the
 * top: once from the bottom, where errors do not matter. */
void class_shrink_limits(const ClassSet *s);

/* What percentages mean on this machine. */
void class_scale_read(ClassScale *ret);
