"""What the specification requires (OpenRTB 2.6, §3.2 and §4.2), written from it as JSON Schema: strict, unknown fields

are mistakes. The product has no part in it: it judges what we answer to exchanges and what we ask bidders.
"""

from typing import Any

from jsonschema import Draft202012Validator

TEXT, WHOLE, NUMBER = {"type": "string", "minLength": 1}, {"type": "integer"}, {"type": "number", "minimum": 0}
FLAG = {"enum": [0, 1]}
URL = {"type": "string", "pattern": "^https?://"}
ANY: dict[str, Any] = {"type": "object"}


def listed(of: Any) -> dict[str, Any]:
    return {"type": "array", "items": of}


def thing(required: str = "", **fields: Any) -> dict[str, Any]:
    """An object: the names that it must have, and all that it may have (and `ext`)."""
    return {
        "type": "object", "required": required.split(), "properties": {**fields, "ext": ANY},
        "additionalProperties": False,
    }


BID = thing(
    "id impid price", id=TEXT, impid=TEXT, price={"type": "number", "exclusiveMinimum": 0}, nurl=URL, burl=URL,
    lurl=URL, adm=TEXT, adid=TEXT, adomain=listed(TEXT), bundle=TEXT, iurl=URL, cid=TEXT, crid=TEXT, tactic=TEXT,
    cattax=WHOLE, cat=listed(TEXT), attr=listed(WHOLE), apis=listed(WHOLE), api=WHOLE, protocol=WHOLE,
    qagmediarating=WHOLE, language=TEXT, langb=TEXT, dealid=TEXT, w=WHOLE, h=WHOLE, wratio=WHOLE, hratio=WHOLE,
    exp=WHOLE, dur=WHOLE, mtype={"enum": [1, 2, 3, 4]}, slotinpod=WHOLE,
)
SEAT_BID = thing("bid", bid={**listed(BID), "minItems": 1}, seat=TEXT, group=FLAG)
BID_RESPONSE = thing(
    "id", id=TEXT, seatbid=listed(SEAT_BID), bidid=TEXT, cur={"type": "string", "pattern": "^[A-Z]{3}$"},
    customdata=TEXT, nbr=WHOLE,
)

FORMAT = thing(w=WHOLE, h=WHOLE, wratio=WHOLE, hratio=WHOLE, wmin=WHOLE)
BANNER = thing(
    format=listed(FORMAT), w=WHOLE, h=WHOLE, btype=listed(WHOLE), battr=listed(WHOLE), pos=WHOLE, mimes=listed(TEXT),
    topframe=FLAG, expdir=listed(WHOLE), api=listed(WHOLE), id=TEXT, vcm=FLAG,
)
VIDEO = thing(
    "mimes", mimes={**listed(TEXT), "minItems": 1}, minduration=WHOLE, maxduration=WHOLE, startdelay=WHOLE,
    protocols=listed(WHOLE), w=WHOLE, h=WHOLE, rqddurs=listed(WHOLE), plcmt=WHOLE, linearity=WHOLE, skip=FLAG,
    battr=listed(WHOLE), maxbitrate=WHOLE, minbitrate=WHOLE, playbackmethod=listed(WHOLE), delivery=listed(WHOLE),
    pos=WHOLE, api=listed(WHOLE),
)
IMP = thing(
    "id", id=TEXT, banner=BANNER, video=VIDEO, native=thing("request", request=TEXT, ver=TEXT), pmp=ANY, instl=FLAG,
    tagid=TEXT, bidfloor=NUMBER, bidfloorcur={"type": "string", "pattern": "^[A-Z]{3}$"}, secure=FLAG, exp=WHOLE,
    metric=listed(ANY), rwdd=FLAG, qty=ANY, dt=NUMBER,
)
PUBLISHER = thing(id=TEXT, name=TEXT, cattax=WHOLE, cat=listed(TEXT), domain=TEXT)
CHANNEL = thing(
    id=TEXT, name=TEXT, domain=TEXT, bundle=TEXT, cattax=WHOLE, cat=listed(TEXT), publisher=PUBLISHER, content=ANY,
    page=URL,
)
DEVICE = thing(
    ua=TEXT, ip=TEXT, geo=thing(country={"type": "string", "pattern": "^[A-Z]{3}$"}), dnt=FLAG, lmt=FLAG,
    devicetype=WHOLE, language={"type": "string", "pattern": "^[a-z]{2}$"},
)
NODE = thing("asi sid hp", asi=TEXT, sid=TEXT, rid=TEXT, name=TEXT, domain=TEXT, hp=FLAG)
CHAIN = thing("complete nodes ver", complete=FLAG, nodes={**listed(NODE), "minItems": 1}, ver=TEXT)
BID_REQUEST = thing(
    "id imp", id=TEXT, imp={**listed(IMP), "minItems": 1}, site=CHANNEL, app=CHANNEL, dooh=CHANNEL, device=DEVICE,
    user=thing(id=TEXT, buyeruid=TEXT, consent=TEXT), test=FLAG, at=WHOLE, tmax=WHOLE, wseat=listed(TEXT),
    bseat=listed(TEXT), allimps=FLAG, cur=listed({"type": "string", "pattern": "^[A-Z]{3}$"}), wlang=listed(TEXT),
    acat=listed(TEXT), bcat=listed(TEXT), cattax=WHOLE, badv=listed(TEXT), bapp=listed(TEXT),
    source=thing(fd=WHOLE, tid=TEXT, pchain=TEXT, schain=CHAIN),
    regs=thing(coppa=FLAG, gdpr=FLAG, us_privacy=TEXT, gpp=TEXT, gpp_sid=listed(WHOLE)),
) | {"not": {"anyOf": [{"required": ["site", "app"]}, {"required": ["site", "dooh"]}, {"required": ["app", "dooh"]}]}}


def mistakes(content: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong, in words."""
    found = Draft202012Validator(schema).iter_errors(content)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]
