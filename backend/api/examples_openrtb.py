"""An OpenRTB request and its answer, and what is required of both, for the description of the API."""

BID_REQUEST: dict[str, object] = {
    "id": "7f9c2ba4e88f827d",
    "imp": [{
        "id": "1", "tagid": "lobby-wall", "bidfloor": 1.25, "bidfloorcur": "USD", "secure": 1,
        "banner": {"w": 300, "h": 250, "format": [{"w": 300, "h": 250}, {"w": 300, "h": 600}]},
        "ext": {"sightline3d": {
            "v": 1, "width_mm": 3_000, "height_mm": 2_500, "position_mm": [12_000, 1_800, -4_000], "normal": [0, 0, 1],
            "curvature": 0, "visible_bp": 9_200, "screen_bp": 640, "angle_cdeg": 1_800, "dwell_ms": 2_600,
        }},
    }],
    "app": {"id": "4711", "name": "Harbour", "bundle": "com.example.harbour", "publisher": {"id": "88"}},
    "device": {
        "ua": "Mozilla/5.0", "ip": "203.0.113.7", "language": "de", "devicetype": 1, "lmt": 1,
        "geo": {"country": "DEU"},
    },
    "at": 1, "tmax": 120, "cur": ["USD"], "bcat": ["IAB25"], "badv": ["casino.example"],
    "source": {"schain": {"ver": "1.0", "complete": 1, "nodes": [{"asi": "exchange.example", "sid": "88", "hp": 1}]}},
}

BID_RESPONSE: dict[str, object] = {
    "id": "7f9c2ba4e88f827d", "cur": "USD", "bidid": "019a44d1c7f0a1b2c3d4e5f60718293a",
    "seatbid": [{"seat": "sightline", "group": 0, "bid": [{
        "id": "019a44d1c7f0a1b2c3d4e5f60718293a", "impid": "1", "price": 2.35, "adid": "31", "crid": "31", "cid": "7",
        "adomain": ["shop.example"], "cat": ["IAB22"], "cattax": 1, "mtype": 1, "exp": 120, "w": 300, "h": 250,
        "adm": '<a href="https://ads.example/openrtb2/click/AQ…"><img src="https://assets.example/31.png"></a>',
        "burl": "https://ads.example/openrtb2/burl/AQ…?price=${AUCTION_PRICE}",
        "nurl": "https://ads.example/openrtb2/nurl/AQ…?price=${AUCTION_PRICE}",
        "lurl": "https://ads.example/openrtb2/lurl/AQ…?loss=${AUCTION_LOSS}",
    }]}],
}

BID_REQUEST_SCHEMA: dict[str, object] = {
    "type": "object", "required": ["id", "imp"],
    "description": "OpenRTB 2.6, §3.2. What is not known is ignored; docs/openrtb.md says what is read.",
    "properties": {
        "id": {"type": "string"},
        "imp": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}},
        }},
    },
}

BID_RESPONSE_SCHEMA: dict[str, object] = {
    "type": "object", "required": ["id"], "description": "OpenRTB 2.6, §4.2: with `seatbid`, or with `nbr`",
    "properties": {
        "id": {"type": "string"}, "cur": {"type": "string"}, "bidid": {"type": "string"}, "nbr": {"type": "integer"},
        "seatbid": {"type": "array", "items": {
            "type": "object", "required": ["bid"], "properties": {
                "seat": {"type": "string"}, "group": {"type": "integer"},
                "bid": {"type": "array", "minItems": 1, "items": {
                    "type": "object", "required": ["id", "impid", "price"], "properties": {
                        "id": {"type": "string"}, "impid": {"type": "string"}, "price": {"type": "number"},
                        "adm": {"type": "string"}, "burl": {"type": "string"}, "crid": {"type": "string"},
                        "adomain": {"type": "array", "items": {"type": "string"}},
                    },
                }},
            },
        }},
    },
}
