"""The rows of docs/RELIABILITY.md: what each fault is, what must show, which test makes it. The figures come from a run."""
from collections import namedtuple

# often and seen are filled from the figures of that key (figures.py); test is a part of the test's name, for tests/faults/run.
Row = namedtuple('Row', 'key fault often must seen test')

ROWS = (
    Row('kill', 'kill -9 of one process of the service ({roles}), in turn by chance, at a random moment while 300 processes that match come and go, under its own supervisor',
        '{points} points', 'back within 2 s; nobody misplaced after the fence; bystanders untouched',
        '{misplaced} misplaced of {checked} looked at, {bystanders_moved} bystanders moved; back after {median} s (median), {slowest} s at most, '
        'of which it waited {slowest_waited} s for a processor; {over} took more than 2 s', 'test_killed_at_many_points'),
    Row('origins', 'kill -9 between a move and the removal of its rule', '{points} times', 'the process goes home all the same', '{home} of {points} home', 'test_origins_survive'),
    Row('sandbox', 'a process of the service executes a program or mounts something, as if taken over', '{calls} calls in {processes} processes',
        'the kernel kills it, the service comes back', '{killed} killed, back each time', 'test_a_forbidden_call'),
    Row('stopped_broker', 'broker stopped for {seconds} s, meanwhile {processes} processes that match', 'once',
        'memory bounded (64 MiB), D-Bus answers, nobody misplaced', '{grown_kib} KiB more; slowest of {calls} answers {slowest_ms} ms; {misplaced} misplaced',
        'test_memory_is_bounded'),
    Row('overflow', 'listener stopped during {forks} forks', 'once', 'loss counted exactly; nobody misplaced',
        '{lost} events lost by our count, {kernel_lost} by the kernel\'s; right again after {took} s; {misplaced} of {survivors} misplaced', 'test_listener_stopped'),
    Row('resync', 'every one of {processes} processes looked at anew: when asked to ({rounds} times), and after the listener was stopped during 20,000 forks (once)', '{rounds} times and once',
        '1 s by the clock, but for what it waits for a processor; nobody misplaced',
        '{median} s (median, {own} s of processor time), {slowest} s at most, of which it waited {slowest_waited} s for a processor; after {lost} lost events all is right again {again} s after it goes on '
        '({again_ran} s of processor time of listener and broker, {again_waited} s of waiting for one); {misplaced} misplaced', 'test_resync'),
    Row('reuse', 'the number of a process that is to be moved is given to another one before the write (a pid namespace of its own with {slots} numbers)',
        '{writes} writes', 'no hit unnoticed, every stranger put back', '{hit} writes hit a stranger: {returned} put back, {ruled} went on to where their own rule says, {undetected} left in the wrong place', 'test_numbers_change_hands'),
    Row('stranger_children', 'a stranger that was hit forks before it is put back', '{rounds} times', 'its children go back too', '{back} of {children} back', 'test_children_of_a_stranger'),
    Row('forks', '50 forks right after the exec that matches', '{processes} processes', 'nobody misplaced', '{misplaced} misplaced', 'test_fifty_forks'),
    Row('double_forks', 'double forks right after the exec', '{processes} processes', 'nobody misplaced', '{misplaced} misplaced', 'test_double_forks'),
    Row('chain', 'a chain of 100 forks right after the exec', '{processes} processes', 'nobody misplaced', '{misplaced} misplaced', 'test_chain_of_100'),
    Row('clone_parent', 'children whose parent is not the process that made them (CLONE_PARENT), made while the move is under way: their events name another parent',
        '{rounds} times', 'found by the sweep', '{found} found, {slowest} s at most with a sweep every second', 'test_siblings'),
    Row('storm', '{processes} short-lived processes that match, and {survivors} that stay', 'once', 'nobody misplaced', '{misplaced} misplaced, {lost} events lost', 'test_the_storm'),
    Row('peer', 'the same by a change of user, {processes} short-lived and {survivors} that stay, pclass and cgrulesengd in turn', '{rounds} times each',
        'nobody misplaced by pclass', 'pclass: {ours_misplaced} of {stayed} misplaced, {ours_lost} events lost; cgrulesengd: {peer_misplaced} of {stayed} misplaced, {peer_lost} events lost',
        'test_side_by_side'),
    Row('silence', 'the connector falls silent without a word', '{rounds} times', 'noticed within a heartbeat (1 s here), reopened, repaired', 'noticed after {slowest} s at most; all in place',
        'test_noticed_within_a_heartbeat'),
    Row('shortage', 'no descriptor left in the listener (EMFILE)', '{processes} processes', 'no wrong move; all in place when there are descriptors again',
        '{noticed} noticed, {misplaced} misplaced afterwards', 'test_listener_without_descriptors'),
    *(Row(f'short_{key}', f'{name} as a whole program, short of memory or descriptors at one call by chance or from it on, those of libc and of the libraries included', '{turns} lives, {met} met it',
          'an error, another start or all the same where it belongs; never a crash or a wrong move', '{ended} started anew; {misplaced} misplaced', test)
      for key, name, test in (('pclassd', '`pclassd`', 'test_pclassd'), ('pclass_names', '`pclass-names`', 'test_names'),
                              ('pclass_cmdline', 'the reader of command lines', 'test_command_lines'))),
    Row('removed', 'the directory of a class removed by somebody else while processes come', '{rounds} times', 'made again with its limits; nobody misplaced',
        '{made} made again, {misplaced} of {processes} misplaced', 'test_directory_removed'),
    Row('unmounted', 'a hierarchy unmounted and mounted again', '{rounds} times', 'told both times; nobody misplaced', 'told {told} times, {misplaced} of {processes} misplaced', 'test_unmounted'),
    Row('edited', 'limits edited behind our back, with Sweep= repair, report and adopt', '{rounds} times each', 'repaired, reported or adopted', '{repaired} repaired, {reported} reported, {adopted} adopted',
        'test_limits_edited'),
    Row('hostile', 'wrong sizes, versions, handles, pids 0, 1, 2, -1 on the broker\'s socket', '{tests} tests', 'refused and counted', '{tests} passed', 'test_hostile_listener'),
    Row('forged', 'a datagram on the connector socket that is not the kernel\'s', '{sockets} sockets', 'refused; nobody moved', '{refused} refused or counted, {misplaced} misplaced', 'test_datagrams_of_others'),
    Row('soak', 'mixed load in bounded slices', '{minutes} minutes, {slices} slices, {processes} processes', 'memory and descriptors flat, no event unaccounted',
        'memory {rss_first} KiB at first, {rss_last} KiB at last, descriptors {fds_first} and {fds_last}; {unaccounted} events and {moves_unaccounted} moves unaccounted, {misplaced} misplaced',
        'test_mixed_load'),
)
