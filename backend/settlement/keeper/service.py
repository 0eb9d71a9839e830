"""Pays everybody who wants to be paid without asking, against the root of the last final epoch."""

import logging

from backend.chain.client import BlockId, EscrowClient, PayoutClient, Reverted
from backend.core.errors import Unavailable
from backend.db.engine import Engine
from backend.settlement import store
from backend.settlement.payouts import Range, due_groups, groups_of, ranges
from backend.settlement.publication.store import BundleFiles
from backend.settlement.statement import data_hash, decode, publishers_tree
from backend.settlement.tree import Tree

log = logging.getLogger("sightline.keeper")


class KeeperService:
    """Reads from the chain what was paid, so it can be killed anywhere; anyone else may pay meanwhile."""

    def __init__(self, engine: Engine, escrow: EscrowClient, payout: PayoutClient, bundles: BundleFiles) -> None:
        self._engine = engine
        self._escrow = escrow
        self._payout = payout
        self._bundles = bundles
        # Work left under a root. A payment that fails (a blocked recipient) is tried again under the next root or after
        # a restart, not with every step. All that is known of payments is true while `_as_of` is in the chain: after a
        # reorganisation that took it out, what was paid is read again.
        self._root = b""
        self._as_of: BlockId | None = None
        self._left: list[Range] = []
        self._tree: Tree | None = None

    def step(self) -> bool:
        """Pay one range; False when nobody is due, or another process sends the operator's transactions."""
        with self._engine.begin() as lock:
            if not store.try_operator_lock(lock):
                return False
            root = self._payout.active_root()
            if (root != self._root or not self._holds()) and not self._plan(root):
                return False
            if self._tree is None or not self._left:
                return False
            if not self._pay(self._tree, self._left[0]) and self._payout.active_root() != root:
                # A newer root or a pause came in between: what is left is planned again, or paid after the pause.
                return False
            self._left.pop(0)
            return True

    def _holds(self) -> bool:
        return self._as_of is not None and self._escrow.chain.has(self._as_of)

    def _plan(self, root: bytes) -> bool:
        """Find out who is due under a root; False while nothing can be paid under it."""
        tree = self._find_tree(root)
        if tree is None:
            return False
        with self._engine.connect() as connection:
            auto = store.read_auto_publishers(connection)
        head = self._escrow.chain.head()
        paid = self._payout.paid_by_group(groups_of(auto, tree), head)
        self._left = ranges(due_groups(auto, tree, paid))
        self._as_of = head
        self._tree, self._root = tree, root
        return True

    def _find_tree(self, root: bytes) -> Tree | None:
        """The tree behind the active root; None before the first epoch, during a pause, or while our tables lag."""
        epoch = self._escrow.epoch()
        with self._engine.connect() as connection:
            row = store.read_epoch(connection, epoch)
        if row is None or row.publishers_root != "0x" + root.hex():
            return None
        raw = self._bundles.read_statement(self._escrow.chain.chain_id, epoch, row.attempt)
        if raw is None or "0x" + data_hash(raw).hex() != row.data_hash:
            return None
        return publishers_tree(decode(raw).entries)

    def _pay(self, tree: Tree, due: Range) -> bool:
        """Pay a range; False when the contract refuses."""
        entries = tree.entries[4 * due.start_group : 4 * (due.start_group + due.groups)]
        proof = tree.range_proof(due.start_group, due.groups)
        try:
            receipt = self._payout.pay_range(due.start_group, tree.depth, entries, proof)
        except Unavailable:     # it may be mined all the same: read again what was paid before repeating it
            self._as_of = None
            raise
        except Reverted as refused:
            log.warning("groups %d to %d: %s", due.start_group, due.start_group + due.groups - 1, refused)
            return False
        self._as_of = receipt.block
        log.info("paid %d groups from %d: %d gas", due.groups, due.start_group, receipt.gas_used)
        return True
