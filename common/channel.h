/* One datagram with file descriptors over a SOCK_SEQPACKET socket. */
#pragma once
#include <sys/types.h>
#include "common/wire.h"

#define CHANNEL_FDS_MAX 16

/* A pair of connected SEQPACKET sockets, close-on-exec, not blocking, buffers large enough for `datagrams` full ones. -errno. */
int channel_pair(unsigned datagrams, int ret[static 2]);

/* Sends header + items (+ fds). -EAGAIN when the peer does not read, -EPIPE when it is gone. Never raises SIGPIPE. */
int channel_send(int fd, unsigned op, uint32_t seq, const void *items, size_t count, const int *fds, size_t n_fds);

/* Receives one datagram into buf (8-byte aligned, WIRE_SIZE_MAX) and checks it with wire_check(). Received fds are close-on-exec and
 * given to the caller; *n_fds is the room on entry, the number on return (fds beyond the room are closed and give -EPROTO).
 * 0 = peer closed, > 0 = size, -EAGAIN, -EPROTO, -errno. fds may be NULL (then any fd gives -EPROTO). */
ssize_t channel_receive(int fd, void *buf, const WireHeader **ret_header, const void **ret_items, int *fds, size_t *n_fds);
