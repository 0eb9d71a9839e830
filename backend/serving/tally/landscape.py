"""The bid landscape: how much a line item would have had to bid, in coarse steps (buckets), so that it stays small.

A bucket is a quarter of an octave of eCPM (nano-USDC per thousand viewable impressions): each is 19 % above the one
before. That is finer than bids differ, and a day of bids from 0.001 to 1000 USDC needs eighty of them.
"""

BUCKETS_PER_OCTAVE = 4
NOBODY = 0              # nobody bid: the floor alone had to be reached
SPONSORED = -1          # a sponsorship had the placement: no bid would have won


def bucket_of(ecpm_nano_usdc: int) -> int:
    """The bucket of an eCPM; 0 of none.

    >>> [bucket_of(ecpm) for ecpm in (0, 4_000, 4_999, 5_000, 8_000)]
    [0, 48, 48, 48, 52]
    """
    if ecpm_nano_usdc <= 0:
        return NOBODY
    octave = ecpm_nano_usdc.bit_length() - 1
    quarter = (ecpm_nano_usdc << 2 >> octave) & 3
    return BUCKETS_PER_OCTAVE * octave + quarter + 1


def bounds_of(bucket: int) -> tuple[int, int]:
    """The least eCPM of a bucket, and the least of the next one (nano-USDC per thousand).

    >>> bounds_of(bucket_of(6_000_000_000))
    (5368709120, 6442450944)
    """
    if bucket <= NOBODY:
        return 0, 0
    octave, quarter = divmod(bucket - 1, BUCKETS_PER_OCTAVE)
    return (4 + quarter << octave) >> 2, (5 + quarter << octave) >> 2


def share_below(bucket: int, ecpm_nano_usdc: int) -> float:
    """Share of a bucket's bids that an eCPM beats, when they lie evenly in it; equals are drawn, so half of one."""
    least, next_least = bounds_of(bucket)
    if bucket == SPONSORED or ecpm_nano_usdc < least:
        return 0.0
    if ecpm_nano_usdc >= next_least:
        return 1.0
    return (ecpm_nano_usdc - least + 0.5) / (next_least - least)
