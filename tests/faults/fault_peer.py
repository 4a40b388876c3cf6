"""The storm, side by side with cgrulesengd: the same load for both, in turn, in one run."""
import time

from fault_loss import dropped, netlink_sockets
from faults import FaultCase, much
from figures import ran, seen
from machine import wait_for
from peer import Peer, free_uid

UID = free_uid()


class SideBySide(FaultCase):
    RULES = f'user: uid={UID} {{home}} => a\n'
    START = False

    def storm(self):
        return self.load('burst', self.n, self.n // 200, UID)

    def end_storm(self, load):
        load.close()  # all that it started ends with it
        self.actors.remove(load)

    def ours(self):
        """(misplaced, events lost)"""
        self.service.start()
        a = self.storm()
        pids = self.survivors(a)
        self.fence()
        wrong, lost = len(self.misplaced({pid: 'a' for pid in pids})), self.counter('events_lost')
        self.assertEqual(len(pids), 200)
        self.end_storm(a)
        self.service.stop()
        return wrong, lost

    def still(self, pid):
        """It has worked off its queue: no processor time for a while."""
        before = ran([pid])
        time.sleep(0.5)  # what is measured is that nothing happens
        return ran([pid]) - before < 0.005

    def theirs(self):
        peer = Peer(UID)
        try:
            wait_for(lambda: netlink_sockets(peer.pid()), 'cgrulesengd to listen', 60)
            wait_for(lambda: self.still(peer.pid()), 'cgrulesengd to have looked around', 60)
            before = dropped(peer.pid())
            a = self.storm()
            pids = self.survivors(a)
            wait_for(lambda: self.still(peer.pid()), 'cgrulesengd to have worked off its queue', 120)
            wrong, lost = sum(not peer.has(pid) for pid in pids), dropped(peer.pid()) - before
            self.end_storm(a)
        finally:
            peer.stop()
        return wrong, lost

    def test_side_by_side(self):
        self.n = much(20000, 40000)
        rounds = much(1, 5)
        ours, peers = [], []
        for i in range(rounds):
            for who in ((ours, self.ours), (peers, self.theirs))[::1 if i % 2 else -1]:
                who[0].append(who[1]())
        seen('peer', processes=self.n, survivors=200, stayed=200 * rounds, rounds=rounds, ours_misplaced=sum(w for w, _ in ours), ours_lost=sum(n for _, n in ours),
             peer_misplaced=sum(w for w, _ in peers), peer_lost=sum(n for _, n in peers))
        self.assertEqual([w for w, _ in ours], [0] * rounds)
