/* A directory of the target's own, in memory where there is such a file system, and gone when the program ends. */
#pragma once

/* Its path; made by the first call. */
const char *fuzz_place(void);
/* Removes what lies in it (no directories). */
void fuzz_place_empty(void);
