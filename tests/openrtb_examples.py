"""Requests in the shapes of the specification's own examples (OpenRTB 2.6 §6): banner, app, video, deal, native."""

from typing import Any

SITE = {
    "id": "102855", "cat": ["IAB3-1"], "domain": "news.example", "page": "https://news.example/today",
    "publisher": {"id": "8953", "name": "news.example", "cat": ["IAB3-1"], "domain": "news.example"},
}
DESKTOP = {"ua": "Mozilla/5.0 (X11; Linux x86_64)", "ip": "203.0.113.10", "devicetype": 2, "language": "en"}

SIMPLE_BANNER: dict[str, Any] = {
    "id": "80ce30c53c16e6ede735f123ef6e32361bfc7b22", "at": 1, "cur": ["USD"],
    "imp": [{"id": "1", "bidfloor": 0.03, "banner": {"h": 250, "w": 300, "pos": 0}}],
    "site": SITE, "device": DESKTOP, "user": {"id": "55816b39711f9b5acf3b90e313ed29e51665623f"},
}

MOBILE_APP: dict[str, Any] = {
    "id": "IxexyLDIIk", "at": 2, "bcat": ["IAB25", "IAB7-39", "IAB8-18"], "badv": ["apple.example", "gambling.example"],
    "imp": [{
        "id": "1", "bidfloor": 0.5, "instl": 0, "tagid": "agltb3B1Yi1pbmNyDQsSBFNpdGUY7fD0FAw",
        "banner": {"w": 300, "h": 250, "pos": 1, "btype": [4], "battr": [14], "api": [3]},
    }],
    "app": {
        "id": "agltb3B1Yi1pbmNyDAsSA0FwcBiJkfIUDA", "name": "Weather", "cat": ["IAB15", "IAB15-10"], "ver": "1.0.2",
        "bundle": "com.example.weather", "storeurl": "https://store.example/weather",
        "publisher": {"id": "agltb3B1Yi1pbmNyDAsSA0FwcBiJkfTUCV", "name": "Weather", "domain": "weather.example"},
    },
    "device": {
        "dnt": 0, "ua": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)", "ip": "203.0.113.11",
        "geo": {"country": "USA", "lat": 35.012345, "lon": -115.12345, "city": "Los Angeles", "region": "CA"},
        "carrier": "VERIZON", "language": "en", "make": "Apple", "model": "iPhone", "os": "iOS", "osv": "17.0",
        "js": 1, "connectiontype": 3, "devicetype": 1,
    },
    "user": {"id": "ffffffd5135596709273b3a1a07e466ea2bf4fff", "yob": 1984, "gender": "M"},
}

VIDEO: dict[str, Any] = {
    "id": "1234567893", "at": 2, "tmax": 120,
    "imp": [{
        "id": "1", "bidfloor": 0.5,
        "video": {
            "w": 640, "h": 360, "pos": 1, "startdelay": 0, "minduration": 5, "maxduration": 30, "maxextended": 30,
            "minbitrate": 300, "maxbitrate": 1500, "api": [1, 2], "protocols": [2, 3, 7, 13],
            "mimes": ["video/x-flv", "video/mp4", "application/x-shockwave-flash"], "linearity": 1, "boxingallowed": 1,
            "playbackmethod": [1, 3], "delivery": [2], "battr": [13, 14], "plcmt": 1,
        },
    }],
    "site": {**SITE, "content": {"id": "1234567", "series": "All About Cars", "season": "2", "episode": 23}},
    "device": {**DESKTOP, "flashver": "10.1", "os": "OS X", "js": 1},
}

DEAL: dict[str, Any] = {
    "id": "80ce30c53c16e6ede735f123ef6e32361bfc7b22", "at": 1, "cur": ["USD"],
    "imp": [{
        "id": "1", "bidfloor": 0.03, "banner": {"h": 250, "w": 300, "pos": 0},
        "pmp": {"private_auction": 1, "deals": [
            {"id": "AB-Agency1-0001", "at": 1, "bidfloor": 2.5, "wseat": ["Agency1"]},
            {"id": "XY-Agency2-0001", "at": 2, "bidfloor": 2, "wseat": ["Agency2"]},
        ]},
    }],
    "site": {**SITE, "domain": "foobar.example"}, "device": DESKTOP,
}

NATIVE: dict[str, Any] = {
    "id": "native-1", "at": 1,
    "imp": [{"id": "1", "native": {"ver": "1.2", "request": (
        '{"ver":"1.2","context":1,"plcmttype":1,"plcmtcnt":1,"assets":['
        '{"id":123,"required":1,"title":{"len":140}},'
        '{"id":128,"required":1,"img":{"type":3,"wmin":240,"hmin":200,"w":300,"h":250}},'
        '{"id":124,"required":0,"data":{"type":1,"len":25}}],"eventtrackers":[{"event":1,"methods":[1]}]}'
    )}}],
    "site": SITE, "device": DESKTOP,
}

DOOH: dict[str, Any] = {
    "id": "screen-1", "at": 2,
    "imp": [{"id": "1", "bidfloor": 1, "secure": 1, "banner": {"w": 600, "h": 500}}],
    "dooh": {"id": "hall-3", "name": "Arrivals", "venuetype": ["airport"], "venuetypetax": 1, "domain": "hall.example",
             "publisher": {"id": "5"}},
    "device": {"devicetype": 8, "geo": {"country": "DEU"}, "ip": "203.0.113.12"},
}
