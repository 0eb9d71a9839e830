/* BLAKE2b of RFC 7693, in its keyed form, and Keccak-256 as Ethereum has it; of short messages. */
#include <stdint.h>
#include <string.h>

#ifdef __GNUC__
#define PRAGMA(text) _Pragma(#text)
#define UNROLLED(times) PRAGMA(GCC unroll times)
#else
#define UNROLLED(times)
#endif

typedef struct { uint64_t h[8]; } Hash;

static const uint64_t IV[8] = {
    0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
    0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL,
};
static const uint8_t SIGMA[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t little(const uint8_t *from)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | from[i];
    return value;
}

static inline uint64_t turned(uint64_t value, int bits) { return value >> bits | value << (64 - bits); }

#define MIX(a, b, c, d, x, y) do { \
    v[a] += v[b] + (x); v[d] = turned(v[d] ^ v[a], 32); v[c] += v[d]; v[b] = turned(v[b] ^ v[c], 24); \
    v[a] += v[b] + (y); v[d] = turned(v[d] ^ v[a], 16); v[c] += v[d]; v[b] = turned(v[b] ^ v[c], 63); } while (0)

static void compress(Hash *hash, const uint8_t block[128], uint64_t bytes, int is_last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++) m[i] = little(block + 8 * i);
    for (int i = 0; i < 8; i++) { v[i] = hash->h[i]; v[i + 8] = IV[i]; }
    v[12] ^= bytes;
    if (is_last) v[14] = ~v[14];
    UNROLLED(12)                /* then the places are constants: half the time */
    for (int r = 0; r < 12; r++) {
        const uint8_t *s = SIGMA[r];
        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);
        MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);
        MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);
        MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);
        MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) hash->h[i] ^= v[i] ^ v[i + 8];
}

/* The hash after its key's block. `person` has 16 bytes, `key` at most 64; the salt is a number of 8 bytes, big endian. */
static Hash salted(const uint8_t *key, size_t length, int digest, const char *person, uint64_t salt)
{
    Hash hash;
    uint8_t block[128] = {0}, big[8];
    for (int i = 7; i >= 0; i--, salt >>= 8) big[i] = (uint8_t)salt;
    memcpy(hash.h, IV, sizeof IV);
    hash.h[0] ^= 0x01010000ULL ^ (uint64_t)length << 8 ^ (uint64_t)digest;
    hash.h[4] ^= little(big);
    hash.h[6] ^= little((const uint8_t *)person);
    hash.h[7] ^= little((const uint8_t *)person + 8);
    memcpy(block, key, length);
    compress(&hash, block, 128, 0);
    return hash;
}

static Hash keyed(const uint8_t *key, size_t length, int digest, const char *person)
{
    return salted(key, length, digest, person, 0);
}

/* The first 16 bytes of the digest of one short message; `hash` is not changed. */
static void digest_of(Hash hash, const uint8_t *message, size_t length, uint8_t out[16])
{
    uint8_t block[128] = {0};
    memcpy(block, message, length);
    compress(&hash, block, 128 + length, 1);
    for (int i = 0; i < 16; i++) out[i] = (uint8_t)(hash.h[i / 8] >> (8 * (i % 8)));
}

/* ---- Keccak-f[1600] -------------------------------------------------------------------------------------------- */

#define RATE 136                /* bytes of a block, for 256 bits */

static const uint64_t ROUND[24] = {
    0x0000000000000001ULL, 0x0000000000008082ULL, 0x800000000000808aULL, 0x8000000080008000ULL,
    0x000000000000808bULL, 0x0000000080000001ULL, 0x8000000080008081ULL, 0x8000000000008009ULL,
    0x000000000000008aULL, 0x0000000000000088ULL, 0x0000000080008009ULL, 0x000000008000000aULL,
    0x000000008000808bULL, 0x800000000000008bULL, 0x8000000000008089ULL, 0x8000000000008003ULL,
    0x8000000000008002ULL, 0x8000000000000080ULL, 0x000000000000800aULL, 0x800000008000000aULL,
    0x8000000080008081ULL, 0x8000000000008080ULL, 0x0000000080000001ULL, 0x8000000080008008ULL,
};
/* Lanes in the order in which rho and pi move them, and by how many bits each is turned to the left. */
static const uint8_t LANE[24] = {10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};
static const uint8_t TURN[24] = {
    1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
};

static void permute(uint64_t a[25])
{
    for (int r = 0; r < 24; r++) {
        uint64_t column[5], held;
        UNROLLED(5)
        for (int x = 0; x < 5; x++) column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        UNROLLED(5)
        for (int x = 0; x < 5; x++) {
            uint64_t mixed = column[(x + 4) % 5] ^ turned(column[(x + 1) % 5], 63);
            UNROLLED(5)
            for (int y = 0; y < 25; y += 5) a[x + y] ^= mixed;
        }
        held = a[1];
        UNROLLED(24)
        for (int i = 0; i < 24; i++) {
            uint64_t next = a[LANE[i]];
            a[LANE[i]] = turned(held, 64 - TURN[i]);
            held = next;
        }
        UNROLLED(5)
        for (int y = 0; y < 25; y += 5) {
            uint64_t row[5];
            UNROLLED(5)
            for (int x = 0; x < 5; x++) row[x] = a[x + y];
            UNROLLED(5)
            for (int x = 0; x < 5; x++) a[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
        a[0] ^= ROUND[r];
    }
}

/* The digest of one message that is shorter than a block. */
static void keccak256(const uint8_t *message, size_t length, uint8_t out[32])
{
    uint8_t block[RATE] = {0};
    uint64_t a[25] = {0};
    memcpy(block, message, length);
    block[length] = 1;
    block[RATE - 1] |= 0x80;
    for (int i = 0; i < RATE / 8; i++) a[i] = little(block + 8 * i);
    permute(a);
    for (int i = 0; i < 32; i++) out[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
}
