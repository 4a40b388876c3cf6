/* The exe reader: a tiny process that may read /proc/PID/exe of anybody, and can do nothing else. pclassd sends it /proc/PID
 * directory descriptors; it answers with paths it can vouch for. */
#pragma once
#include <sys/types.h>
#include "common/wire.h"

/* Forks it. *ret_fd: the other end of its socket, for pclassd. Returns its pid or -errno. */
pid_t exereader_spawn(uid_t uid, gid_t gid, int *ret_fd);

/* What is compared: the namespaces in which a path means what it means on this host. */
typedef struct ExeHost {
        char own[64], init[64]; /* "mnt:[N]" of the reader and of pid 1; init may be empty */
} ExeHost;
int exereader_host(ExeHost *ret);
/* Answers for one process by a directory descriptor of /proc/PID. Only readlinkat() and fstatat() are called. */
void exereader_answer(const ExeHost *host, int dirfd, WireExeReply *ret);
/* Receives and answers one datagram; false at the end of the conversation, or when it was none. Exported for tests. */
bool exereader_serve_one(const ExeHost *host, int channel);
