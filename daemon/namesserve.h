/* What pclass-names does with its socket. Not part of pclassd: NSS loads libraries into whoever asks. */
#pragma once
#include "common/macro.h"
#include "daemon/names-protocol.h"

/* Takes one question and answers it. 1: answered; 0: the asker is gone; -EPROTO: that was no question; -errno. */
int names_serve_one(int fd);
/* Gives back what answers were read into. */
void names_serve_done(void);
