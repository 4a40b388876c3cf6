/* The proc connector socket: who may speak on it, what was lost, whether it still speaks. */
#pragma once
#include "common/macro.h"
#include "daemon/procevent.h"

typedef struct Connector Connector;

#define CONNECTOR_SPARES 2

/* fd: the bound, subscribed socket (owned from now on). mask: watchers_mask(); asked of the kernel where it takes one (6.6+) unless
 * event_mask is false; filtered here otherwise. -errno. */
int connector_new(int fd, uint32_t mask, bool event_mask, Connector **ret);
/* A socket in reserve, owned from now on; closed if there is no room. */
void connector_add_spare(Connector *c, int fd);
Connector *connector_free(Connector *c);
DEFINE_CLEANUP(Connector *, connector_free)

int connector_fd(const Connector *c);
/* True when the kernel filters by event kind. */
bool connector_has_mask(const Connector *c);

/* Receives what is queued, up to CONNECTOR_BATCH datagrams in one system call, and hands each of their events to `sink`. Returns how many there were:
 * fewer than CONNECTOR_BATCH = the queue was empty then. -ENOBUFS = the kernel had to drop (go on, then resync); other -errno = the socket is dead.
 * Datagrams that are not the kernel's are counted and left out. */
#define CONNECTOR_BATCH 32
typedef void (*ConnectorSink)(const ProcEvent *event, void *userdata);
int connector_receive(Connector *c, ConnectorSink sink, void *userdata);

/* Events the kernel dropped on this socket so far (SO_MEMINFO), 0 if it cannot tell. */
uint64_t connector_drops(const Connector *c);
uint64_t connector_forged(const Connector *c);  /* datagrams from another sender than the kernel */
uint64_t connector_garbled(const Connector *c); /* kernel datagrams that made no sense */

/* A fresh socket in place of one that fell silent. Works without privilege from Linux 6.6 on; before, one in reserve is taken, and -EPERM
 * says that there is none left. */
int connector_reopen(Connector *c);

/* Raises a COMM event of our own: it comes out of the socket behind everything raised before it. */
int connector_heartbeat(void);
