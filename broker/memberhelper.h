/* The member helper: a small process that sets what classes say about each of their members (Nice, OOMScoreAdjust, LimitNOFILE), with
 * the capabilities that this needs, so that the broker itself has none of them and cannot write below /proc. */
#pragma once
#include <sys/types.h>
#include "common/wire.h"

/* Capabilities for WIRE_MEMBER_* bits of what is to be set. */
uint64_t memberhelper_capabilities(uint32_t what);

/* Forks it. `capabilities`: those to keep, as far as we have them; *ret_capabilities: what it has. *ret_fd: our end of its socket. Returns its
 * pid or -errno. */
pid_t memberhelper_spawn(int proc_fd, uint64_t capabilities, uint64_t *ret_capabilities, int *ret_fd);

/* Does what one item asks. Exported for tests. proc_fd: /proc. */
void memberhelper_set(int proc_fd, const WireSetMember *m, WireSetMemberReply *ret);
/* Receives and answers one datagram; false at the end of the conversation, or when it was none. */
bool memberhelper_serve_one(int channel, int proc_fd);
