"""Carries out the treasury's orders, each exactly once, whatever is killed in between."""

import logging
from functools import partial

from backend.chain.client import Reverted
from backend.core.errors import Conflict
from backend.db.engine import Connection, Engine
from backend.onramp import store as cards
from backend.onramp.book import deposited, signed, unsigned
from backend.onramp.treasury import store
from backend.onramp.treasury.client import TreasuryClient
from backend.onramp.treasury.sending import Mined, Step, Transaction, next_step

log = logging.getLogger("sightline.treasury")

ORDERS_TRIED_MAX = 20


class TreasuryService:
    """One order at a time: signed and stored, then sent, then followed until its block is final (L60)."""

    def __init__(self, engine: Engine, client: TreasuryClient) -> None:
        self._engine = engine
        self._client = client

    def step(self) -> bool:
        """Bring one order a step further; False when there is nothing to do now, or another process does it."""
        with self._engine.begin() as lock:
            if not store.try_treasury_lock(lock):
                return False
            in_flight = store.read_orders(lock, "signed", 1)
            if in_flight:
                return self._follow(lock, in_flight[0])
            return any(self._sign(lock, order) for order in store.read_orders(lock, "waiting", ORDERS_TRIED_MAX))

    def _follow(self, lock: Connection, order: store.OrderRow) -> bool:
        transactions = store.read_transactions(lock, order.reference)
        final_nonce = self._client.final_nonce()        # before the receipts: what is used up by then has one by then
        mined = self._mined(transactions)
        hashes = [transaction.tx_hash for transaction in transactions]
        is_mirrored = store.is_mirrored(lock, self._client.chain.chain_id, hashes)
        step = next_step(transactions, mined, final_nonce, is_mirrored)
        if step is Step.DONE:
            assert mined is not None
            self._finish(order, mined)
        elif step is Step.AGAIN:
            log.warning("deposit %s was not made by %s: it is signed anew", order.reference, ", ".join(hashes))
            with self._engine.begin() as connection:
                cards.change_book(
                    connection, order.campaign, partial(unsigned, payment=order.payment, order=order.reference)
                )
        elif step is Step.SEND:
            self._client.broadcast(transactions[-1])
        elif step is Step.BUMP:
            self._bump(order, transactions[-1])
        return step in (Step.DONE, Step.AGAIN)

    def _mined(self, transactions: list[Transaction]) -> Mined | None:
        found = (self._client.mined(transaction) for transaction in transactions)
        return next((mined for mined in found if mined is not None), None)

    def _finish(self, order: store.OrderRow, mined: Mined) -> None:
        with self._engine.begin() as connection:
            cards.change_book(
                connection, order.campaign, partial(deposited, payment=order.payment, order=order.reference)
            )
            store.set_mined(connection, order, mined)
        log.info("deposited %d micro-USDC for campaign %d in %s", order.amount_micro_usdc, order.campaign,
                 mined.tx_hash)

    def _bump(self, order: store.OrderRow, stuck: Transaction) -> None:
        replacement = self._client.bump(stuck)
        with self._engine.begin() as connection:
            store.insert_transaction(connection, order.reference, replacement)
        self._client.broadcast(replacement)

    def _sign(self, lock: Connection, order: store.OrderRow) -> bool:
        """Sign, store, then send; False when the order cannot be carried out now."""
        try:
            transaction = self._signed(lock, order)
        except Reverted as refused:
            log.warning("deposit %s would fail: %s", order.reference, refused.reason)
            return False
        try:
            with self._engine.begin() as connection:
                cards.change_book(
                    connection, order.campaign, partial(signed, payment=order.payment, order=order.reference)
                )
                store.insert_transaction(connection, order.reference, transaction)
        except Conflict as called_off:
            log.info("%s", called_off)
            return False
        self._client.broadcast(transaction)
        return True

    def _signed(self, lock: Connection, order: store.OrderRow) -> Transaction:
        client = self._client
        client.allow_escrow(order.amount_micro_usdc)
        account = store.chain_campaign_of(lock, client.chain.chain_id, client.address, order)
        nonce = client.next_nonce()
        if account is None:
            return client.sign_open(order.meta, order.amount_micro_usdc, nonce)
        return client.sign_deposit(account, order.amount_micro_usdc, nonce)
