"""The public files: sellers.json 1.0 and ads.txt as the IAB has them, and world-ads.txt, an ads.txt for worlds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from backend.core.ids import PublisherIndex

VERSION = "1.0"
RELATION = "DIRECT"


@dataclass(frozen=True, slots=True)
class Seller:
    """A publisher as sellers.json names it: with name and domain when it has agreed, else by its number alone.

    `intermediary`: it stands for an exchange that sells to us what is others'; `owner`: it has worlds of its own.
    """

    index: PublisherIndex
    name: str | None = None
    domain: str | None = None
    intermediary: bool = False
    owner: bool = True

    @property
    def kind(self) -> str:
        """In the words of sellers.json."""
        if self.intermediary:
            return "BOTH" if self.owner else "INTERMEDIARY"
        return "PUBLISHER"


class AdsTxtState(StrEnum):
    """What a world's own world-ads.txt says of us."""

    LISTED = "listed"
    MISSING = "missing"      # there is none, or it cannot be read
    WRONG = "wrong"          # it does not list us with the publisher's number


def still_named(seller: Seller, urls: Iterable[str]) -> Seller:
    """The seller without its name when none of these is on the domain any more that it is named with."""
    hosts = {urlsplit(url).hostname for url in urls}
    return seller if seller.domain in hosts else replace(seller, name=None, domain=None)


def seller_entry(seller: Seller) -> dict[str, object]:
    """An entry of sellers.json; a confidential one has neither name nor domain."""
    entry: dict[str, object] = {"seller_id": str(seller.index), "seller_type": seller.kind}
    if seller.name is None or seller.domain is None:
        return entry | {"is_confidential": 1}
    return entry | {"name": seller.name, "domain": seller.domain}


def sellers_json(sellers: Iterable[Seller], contact: str | None) -> dict[str, object]:
    """The whole of sellers.json; `contact` is our e-mail address, if we have one."""
    head: dict[str, object] = {"contact_email": contact} if contact else {}
    return head | {"version": VERSION, "sellers": [seller_entry(seller) for seller in sellers]}


def ads_txt(domain: str) -> str:
    """Our own: we sell no space on our pages, and the standard wants such a file to say so with a placeholder."""
    return (
        f"# Nobody sells advertising on {domain}.\n"
        f"OWNERDOMAIN={domain}\n"
        "placeholder.example.com, placeholder, DIRECT, placeholder\n"
    )


def world_ads_txt(domain: str, seller: PublisherIndex, world: int) -> str:
    """What a publisher puts at /world-ads.txt on the host of its world."""
    return (
        f"# Who may sell the surfaces of world {world}: seller's system, account there, relation, world there.\n"
        f"{domain}, {seller}, {RELATION}, {world}\n"
    )


def reads_as(text: str | None, domain: str, seller: PublisherIndex, world: int) -> AdsTxtState:
    """What a world-ads.txt (None: there is none) says of us. The world may be left out: then all worlds are meant."""
    if text is None:
        return AdsTxtState.MISSING
    wanted = [domain.lower(), str(seller), RELATION]
    for line in text.splitlines():
        fields = [field.strip() for field in line.partition("#")[0].split(",")]
        named = [fields[0].lower(), *fields[1:2], *(field.upper() for field in fields[2:3])]
        if named == wanted and fields[3:4] in ([], [""], [str(world)]):
            return AdsTxtState.LISTED
    return AdsTxtState.WRONG
