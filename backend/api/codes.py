"""Every code an answer may carry, with its status and meaning. `make generated` writes them into docs/errors.md."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """HTTP status of a code, and what it means (the `title` of the answer)."""

    status: int
    title: str


CODES: Mapping[str, Meaning] = {
    # the request itself
    "bad_request": Meaning(400, "The request cannot be read"),
    "malformed_json": Meaning(400, "The body is not JSON"),
    "invalid_request": Meaning(422, "A field is missing, unknown, of the wrong type or out of range; see `errors`"),
    "body_too_large": Meaning(413, "The body is larger than the limit"),
    "not_found": Meaning(404, "There is no such path"),
    "method_not_allowed": Meaning(405, "The path exists, but not for this method; see the Allow header"),
    "changed_meanwhile": Meaning(412, "It has changed since the ETag of If-Match was read; nothing was changed"),
    "idempotency_key_reused": Meaning(409, "The Idempotency-Key was used before for a different request"),
    "url_not_allowed": Meaning(422, "A URL must be https (http on this machine only), without user name or password"),
    # stores and chain
    "internal": Meaning(500, "Our mistake; it is logged under `request_id`"),
    "database_unavailable": Meaning(503, "The database does not answer; nothing was changed, retry"),
    "redis_unavailable": Meaning(503, "Redis does not answer; retry"),
    "chain_unavailable": Meaning(503, "The chain's RPC does not answer; retry"),
    "wrong_chain": Meaning(503, "The operator's RPC serves another chain; nothing was changed"),
    # signing in
    "not_signed_in": Meaning(401, "No session, or it has expired"),
    "not_permitted": Meaning(403, "Your role or the scopes of your API key do not allow this"),
    "cross_site": Meaning(403, "A cookie was sent by a page of another origin; use the dashboard or a bearer token"),
    "siwe_message_malformed": Meaning(400, "Not an EIP-4361 message in canonical form"),
    "siwe_signature_malformed": Meaning(400, "Not a 65-byte low-s signature in hex"),
    "siwe_nonce_unknown": Meaning(401, "The nonce was never issued, is used, or is older than 5 minutes"),
    "siwe_wrong_domain": Meaning(401, "The message is for another domain"),
    "siwe_wrong_uri": Meaning(401, "The message's URI is on another origin"),
    "siwe_wrong_version": Meaning(401, "The message's version is not 1"),
    "siwe_wrong_chain": Meaning(401, "The message is for another chain"),
    "siwe_from_the_future": Meaning(401, "The message was issued more than 60 seconds in the future"),
    "siwe_too_old": Meaning(401, "The message was issued more than 5 minutes ago"),
    "siwe_no_expiration": Meaning(401, "The message has no expiration time"),
    "siwe_expired": Meaning(401, "The message has expired"),
    "siwe_not_yet_valid": Meaning(401, "The message is not valid yet"),
    "siwe_signature_invalid": Meaning(401, "The signature is not by this account (contract wallets come later)"),
    # campaigns, line items, creatives
    "campaign_unknown": Meaning(404, "You have no campaign with this id"),
    "campaign_ended": Meaning(409, "The campaign has ended, which is final"),
    "line_item_unknown": Meaning(404, "You have no line item with this id"),
    "bid_missing": Meaning(422, "Give the bid either per event or per thousand viewable impressions, not both"),
    "bid_not_whole": Meaning(422, "An amount per thousand must be a multiple of 1000 micro-USDC"),
    "bid_kind_mismatch": Meaning(422, "A price per thousand makes sense for vcpm only"),
    "cap_below_bid": Meaning(422, "A cap must allow at least one event"),
    "dates_out_of_range": Meaning(422, "ends_at must be after starts_at, both between 2020 and 2100"),
    "line_item_over": Meaning(422, "The line item would already be over"),
    "targeting_contradicts": Meaning(422, "The same value is targeted and excluded"),
    "world_not_found": Meaning(422, "Targeting names a world that does not exist"),
    "placement_not_found": Meaning(422, "Targeting names a placement that does not exist"),
    # publishers, worlds, placements
    "publisher_unknown": Meaning(404, "This wallet is not a publisher yet; create a world first"),
    "publisher_taken": Meaning(409, "A publisher's index belongs to another wallet; the operator must decide"),
    "world_unknown": Meaning(404, "You have no world with this id"),
    "placement_unknown": Meaning(404, "You have no placement with this id"),
    "floor_missing": Meaning(422, "Give the floor either per viewable impression or per thousand, not both"),
    "floor_not_whole": Meaning(422, "A floor per thousand must be a multiple of 1000 micro-USDC"),
    # decisions and events
    "world_paused": Meaning(409, "The placement's world is paused"),
    "placement_paused": Meaning(409, "The placement is paused"),
    "batch_too_large": Meaning(413, "Too many events in one batch"),
    "queue_full": Meaning(503, "Too many events wait to be stored; nothing of the batch was taken, retry"),
    "token_unknown": Meaning(404, "Not a click link of ours, or the ad is gone"),
    # settlements
    "settlement_unknown": Meaning(404, "There is no such epoch, or it has no published bundle yet"),
    "bundle_unknown": Meaning(404, "There is no such bundle or file"),
    "bundle_missing": Meaning(409, "The epoch's bundle is not there (yet)"),
    "bundle_too_large": Meaning(409, "A file of the bundle is larger than an attestor reads"),
    "publisher_not_in_epoch": Meaning(404, "The publisher has earned nothing up to this epoch"),
    "address_malformed": Meaning(400, "An address is 0x and 40 hex digits"),
    "signature_malformed": Meaning(400, "An attestation is 64 bytes (EIP-2098) in hex, with the lower s"),
    "attempt_over": Meaning(409, "The epoch is at another attempt"),
    "wrong_digest": Meaning(422, "The attestation is over another digest than this attempt's"),
    "wrong_signer": Meaning(422, "The attestation is not signed by the attestor it names"),
    "not_an_attestor": Meaning(422, "The escrow does not know this attestor"),
    "epoch_unknown": Meaning(409, "An epoch is on chain but not in our tables"),
    "epoch_changed": Meaning(409, "An epoch is not what its charges say"),
    "settlement_unavailable": Meaning(503, "The published settlements cannot be read; retry"),
}


def codes_table() -> str:
    """CODES as a markdown table, sorted by status and code."""
    rows = sorted(CODES.items(), key=lambda item: (item[1].status, item[0]))
    lines = ["| Status | Code | Meaning |", "|---|---|---|"]
    return "\n".join(lines + [f"| {meaning.status} | `{code}` | {meaning.title} |" for code, meaning in rows]) + "\n"
