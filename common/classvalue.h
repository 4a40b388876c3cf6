/* Values of class properties: from what an administrator writes to the one text that programs compare and convert. */
#pragma once
#include "common/classdef.h"

/* Checks `text` and gives its canonical form (numbers without leading zeros, sizes in bytes, sorted CPU lists). -EINVAL with
 * *ret_expected set to "a number from 1 to 10000" or the like (static); -ENOMEM. */
int class_value_canonical(ClassProperty p, const char *text, char **ret, const char **ret_expected);
