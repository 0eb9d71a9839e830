"""ads.txt and app-ads.txt (IAB): our own for apps, and the lines that publishers add to theirs."""

RELATION = "DIRECT"


def app_ads_txt(domain: str) -> str:
    """Ours: we have no apps, and the standard wants such a file to say so with a placeholder."""
    return (
        f"# Nobody sells advertising in apps of {domain}: there are none.\n"
        f"OWNERDOMAIN={domain}\n"
        "placeholder.example.com, placeholder, DIRECT, placeholder\n"
    )


def ads_txt_lines(domain: str, seller: int) -> str:
    """What a publisher adds to the ads.txt of its site and to the app-ads.txt of its apps.

    The number is that of sellers.json and of the supply chain in every bid request.
    """
    return (
        f"# Surfaces of ours that {domain} sells; the contract pays us as publisher {seller}\n"
        f"{domain}, {seller}, {RELATION}\n"
    )
