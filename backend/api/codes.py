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
    "body_too_slow": Meaning(408, "The body did not arrive in time"),
    "url_too_long": Meaning(414, "The path and query are longer than the limit"),
    "headers_too_large": Meaning(431, "The headers are more or larger than the limit"),
    "rate_limited": Meaning(429, "Too many requests of this kind; wait for Retry-After seconds"),
    # stores and chain
    "internal": Meaning(500, "Our mistake; it is logged under `request_id`"),
    "database_unavailable": Meaning(503, "The database does not answer; nothing was changed, retry"),
    "redis_unavailable": Meaning(503, "Redis does not answer; retry"),
    "chain_unavailable": Meaning(503, "The chain's RPC does not answer; retry"),
    "signer_unavailable": Meaning(503, "The device with the signing key does not answer; nothing was sent, retry"),
    "wrong_chain": Meaning(503, "The operator's RPC serves another chain; nothing was changed"),
    # signing in
    "not_signed_in": Meaning(401, "No session or API key, or it is over"),
    "not_permitted": Meaning(403, "Your role or the scopes of your API key do not allow this"),
    "cross_site": Meaning(403, "A cookie was sent by a page of another origin; use the dashboard or a bearer token"),
    "siwe_message_malformed": Meaning(400, "Not an EIP-4361 message in canonical form"),
    "siwe_signature_malformed": Meaning(400, "Not a signature in hex, too long, or a broken EIP-6492 envelope"),
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
    "siwe_signature_invalid": Meaning(401, "The signature is not by this account's key (low s only) or contract"),
    "session_unknown": Meaning(404, "You have no session with this id"),
    # accounts: organisations, members, API keys, platform roles
    "not_a_member": Meaning(403, "You may not act for the account that Sightline-Account names, if there is one"),
    "no_organisation": Meaning(409, "The account is personal; give it a name first"),
    "already_member": Meaning(409, "This wallet is a member already"),
    "too_many_members": Meaning(409, "The organisation has as many members or open invitations as it may"),
    "member_unknown": Meaning(404, "The organisation has no member with this wallet"),
    "invitation_unknown": Meaning(404, "There is no such invitation, or it is over"),
    "last_owner": Meaning(409, "An organisation needs an owner"),
    "account_wallet": Meaning(403, "The wallet that holds an organisation's money can only leave by itself"),
    "scope_not_allowed": Meaning(403, "No key may have this scope, or you may not do as much yourself"),
    "key_expiry_out_of_range": Meaning(422, "expires_at must be in the future, within ten years"),
    "too_many_keys": Meaning(409, "The account has as many usable API keys as it may"),
    "key_unknown": Meaning(404, "The account has no API key with this id"),
    "role_conflict": Meaning(409, "An auditor has no other role"),
    "role_unknown": Meaning(404, "The wallet does not have this role"),
    "own_role": Meaning(409, "An admin cannot take its own role"),
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
    "hours_empty": Meaning(422, "The hours of the week leave none"),
    "time_zone_unknown": Meaning(422, "Not a time zone of the IANA database"),
    "sponsorship_placement": Meaning(422, "A sponsorship names exactly one placement"),
    "sponsorship_exclusive": Meaning(422, "A sponsorship takes its placement whole: no caps, hours or other targeting"),
    "sponsorship_hours": Meaning(422, "A sponsorship lasts whole hours, at most 92 days"),
    "sponsorship_running": Meaning(422, "Hours of a sponsorship that have begun keep their price and their placement"),
    "sponsorship_unfunded": Meaning(409, "The campaign cannot pay all hours that it would have booked"),
    "not_sold_by_the_hour": Meaning(422, "The placement's publisher sells no hours of it"),
    "below_hourly_floor": Meaning(422, "An hour of the placement costs more than this"),
    "placement_sponsored": Meaning(409, "Another sponsorship has some of these hours of the placement"),
    "publisher_not_found": Meaning(422, "Targeting names a publisher that does not exist"),
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
    # conversions
    "goal_unknown": Meaning(404, "You have no conversion goal with this id"),
    "goal_has_no_secret": Meaning(422, "Conversions of this goal come from the chain; there is nothing to sign"),
    "goal_contract_missing": Meaning(422, "A goal of the kind on_chain needs a contract and an event"),
    "goal_contract_unused": Meaning(422, "Contract and event are for goals of the kind on_chain"),
    "goal_event_malformed": Meaning(422, "An event is named by its signature, such as Purchased(address,bytes32)"),
    "lookback_out_of_range": Meaning(422, "Lookbacks are 1 to 30 days after a click, 0 to 30 after a view"),
    "postback_too_old": Meaning(401, "The postback's timestamp is more than 300 seconds from now"),
    "postback_not_signed": Meaning(401, "The postback is not signed with the goal's secret"),
    # notices and webhooks
    "notice_unknown": Meaning(404, "You have no notice with this id"),
    "notice_kind_unknown": Meaning(422, "There are no notices of this kind; docs/notices.md lists all"),
    "webhook_unknown": Meaning(404, "You have no webhook with this id"),
    "webhook_delivery_unknown": Meaning(404, "The webhook has no delivery with this id"),
    "webhook_delivery_pending": Meaning(409, "The delivery is still being tried; only finished ones are replayed"),
    "webhook_url_refused": Meaning(422, "A webhook needs an https URL on port 443 of a public host"),
    "too_many_webhooks": Meaning(409, "The account has as many webhooks as it may have"),
    # money by card and by onramp
    "cards_not_available": Meaning(503, "This operator has not set up Stripe"),
    "stripe_unavailable": Meaning(503, "Stripe does not answer; send the request again with the same Idempotency-Key"),
    "stripe_refused": Meaning(409, "Stripe refused the request; see `stripe_code`"),
    "onramp_refused": Meaning(409, "Stripe refused the onramp session; see `stripe_code`"),
    "onramp_not_available": Meaning(409, "Stripe sells no USDC on this chain"),
    "onramp_session_unknown": Meaning(404, "You have no onramp session with this id"),
    "card_payment_unknown": Meaning(404, "You have no card payment with this id"),
    "card_daily_cap": Meaning(409, "More than the account may pay by card today; see `left_cents`"),
    "campaign_funded_by_wallet": Meaning(409, "A wallet pays for this campaign; cards need another campaign"),
    "campaign_frozen": Meaning(409, "A payment of the campaign is disputed or warned about"),
    "nothing_to_refund": Meaning(409, "More than what is unspent and not on chain; see `refundable_cents`"),
    "nothing_to_release": Meaning(409, "No warning freezes this payment"),
    "webhook_unsigned": Meaning(400, "There is no Stripe-Signature, or it is malformed"),
    "webhook_signature_invalid": Meaning(400, "The signature does not belong to this body"),
    "webhook_too_old": Meaning(400, "The webhook was signed more than 300 seconds from now"),
    "webhook_malformed": Meaning(400, "The body is signed, but not an event of Stripe"),
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
