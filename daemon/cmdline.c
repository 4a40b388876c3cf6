/* Words of a command line. */
#include "daemon/cmdline.h"

#define WORDS 3 /* interpreter, argument of the #! line, script */

/* Does this word end in the name that the kernel gave the process when it started it? */
static bool names_process(const char *word, const char *comm) {
        const char *slash = strrchr(word, '/'), *base = slash ? slash + 1 : word;
        size_t n = strlen(comm);

        return n > 0 && strncmp(base, comm, n) == 0 && (!base[n] || n == COMM_MAX);
}

static const char *find_script(const char *const *words, size_t n, const char *comm) {
        if (names_process(words[0], comm))
                return "";
        for (size_t i = 1; i < n; i++)
                if (names_process(words[i], comm))
                        return words[i];
        return "";
}

int cmdline_parse(const char *text, size_t n, bool cut, const char *comm, CmdLine *ret) {
        const char *words[WORDS];
        size_t count = 0;

        for (const char *at = text; count < WORDS && at < text + n; at += strlen(at) + 1) {
                if (cut && at + strlen(at) == text + n)
                        break;
                words[count++] = at;
        }
        if (count == 0)
                return -ENODATA;
        *ret = (CmdLine) { words[0], comm ? find_script(words, count, comm) : NULL };
        return 0;
}
