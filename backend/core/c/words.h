/* Letters of base64url, numbers and hex digits. */

static int8_t LETTER[256];      /* of base64url; -1: none */

static const char ALL_LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void fill_letters(void)
{
    memset(LETTER, -1, sizeof LETTER);
    for (int i = 0; i < 64; i++) LETTER[(uint8_t)ALL_LETTERS[i]] = (int8_t)i;
}

/* Six bits for each letter; the last of them has the bits that are left, and zeros. */
static void encoded(const uint8_t *from, int bytes, uint8_t *text)
{
    unsigned held = 0, bits = 0;
    for (int i = 0; i < bytes; i++) {
        held = held << 8 | from[i];
        for (bits += 8; bits >= 6; bits -= 6) *text++ = (uint8_t)ALL_LETTERS[held >> (bits - 6) & 63];
    }
    if (bits) *text = (uint8_t)ALL_LETTERS[held << (6 - bits) & 63];
}

#define LETTERS 144             /* of a token */

static int decoded(const uint8_t *text, uint8_t *out)
{
    int bad = 0;
    for (int i = 0; i < LETTERS; i += 4, out += 3) {
        int a = LETTER[text[i]], b = LETTER[text[i + 1]], c = LETTER[text[i + 2]], d = LETTER[text[i + 3]];
        bad |= a | b | c | d;
        out[0] = (uint8_t)((unsigned)a << 2 | (unsigned)b >> 4);
        out[1] = (uint8_t)((unsigned)b << 4 | (unsigned)c >> 2);
        out[2] = (uint8_t)((unsigned)c << 6 | (unsigned)d);
    }
    return bad >= 0;
}

static uint64_t big(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | from[i];
    return value;
}

static char *put(char *to, const char *text, size_t length) { memcpy(to, text, length); return to + length; }
#define PUT(to, text) put(to, text, sizeof(text) - 1)

static char *put_number(char *to, uint64_t value)
{
    char digits[20];
    int at = 20;
    do digits[--at] = (char)('0' + value % 10); while (value /= 10);
    return put(to, digits + at, (size_t)(20 - at));
}

static char *put_signed(char *to, int64_t value)
{
    if (value < 0) { *to++ = '-'; return put_number(to, 0 - (uint64_t)value); }
    return put_number(to, (uint64_t)value);
}

static char *put_hex(char *to, const uint8_t *from, int bytes)
{
    for (int i = 0; i < bytes; i++) { *to++ = "0123456789abcdef"[from[i] >> 4]; *to++ = "0123456789abcdef"[from[i] & 15]; }
    return to;
}
