/* What pclassd asks pclass-names: one datagram of a fixed size each way over a SOCK_SEQPACKET pair, answered in order. Both programs are
 * built together and run on one machine; anything of another size ends the talk. The helper has its end as NAMES_FD and ends at EOF. */
#pragma once
#include <stdint.h>

#define NAMES_FD 3
#define NAMES_TEXT_MAX 256  /* with the closing NUL; a longer name is no name here */
#define NAMES_GIDS_MAX 1024 /* groups of one user */
#define NAMES_GIDS_TOO_MANY UINT32_MAX

typedef enum NamesKind {
        NAMES_UID_OF_USER,  /* name -> id */
        NAMES_GID_OF_GROUP, /* name -> id */
        NAMES_USER_OF_UID,  /* id -> name and gids (getgrouplist, the primary one included) */
        NAMES_GROUP_OF_GID, /* id -> name */
        _NAMES_KIND_N,
} NamesKind;

typedef struct NamesRequest {
        uint32_t seq; /* chosen by the asker, returned */
        uint32_t kind;
        uint32_t id;
        char name[NAMES_TEXT_MAX];
} NamesRequest;

typedef struct NamesReply {
        uint32_t seq;
        int32_t code;    /* 0; -ENOENT: NSS says there is none; -EAGAIN: NSS could not tell now */
        uint32_t id;
        uint32_t n_gids; /* or NAMES_GIDS_TOO_MANY */
        char name[NAMES_TEXT_MAX];
        uint32_t gids[NAMES_GIDS_MAX];
} NamesReply;
