/* Shows the place of a mistake: the line, and a caret below the column. */
#pragma once
#include <stdio.h>
#include "common/macro.h"

/* line and column from 1, in bytes, as in TextError; nothing is printed for line 0. Long lines are cut around the column. */
void caret_print(FILE *f, const char *text, size_t size, unsigned line, unsigned column);
