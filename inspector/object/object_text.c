/*
 * object_text: characters of one, two or four bytes each, behind a header whose length depends on the kind.
 *
 *	ASCII      [refcount type][length][hash][state][abc…]
 *	compact    [refcount type][length][hash][state][utf8_length][utf8][äöü…]
 *	legacy     [refcount type][length][hash][state][utf8_length][utf8][data ▷ …]     subclasses of str
 *	2.7        [refcount type][length][data ▷ …], and str's bytes behind its own length and hash
 */
#include "inspector/object/object_text.h"

#include "base/bytes.h"
#include "inspector/object/str_state.h"

#define LENGTH_MAX (UINT64_C(1) << 40)

/* Where characters lie, and how wide one is; width 0: bytes that are taken as they are. */
struct characters {
	raddr at;
	uint64_t n;
	unsigned width;
};

static bool find_type(struct type_table *t, raddr at, enum type_kind *ret)
{
	uint64_t type;
	if (at.value % 8 || !burst_word(t->burst, raddr_plus(at, t->shapes->ob_type), &type))
		return false;
	uint32_t index = type_table_find(t, raddr_at(type));
	if (index == TYPE_NONE)
		return false;
	*ret = type_table_get(t, index)->kind;
	return true;
}

static bool find_old(struct type_table *t, raddr at, enum type_kind kind, struct characters *ret)
{
	const struct shapes *s = t->shapes;
	uint64_t data, n;
	if (!burst_word(t->burst, raddr_plus(at, s->ob_size), &n) ||
	    !burst_word(t->burst, raddr_plus(at, s->str.legacy_data), &data))
		return false;
	*ret = kind == TYPE_BYTES
		       ? (struct characters){raddr_plus(at, s->bytes.data), n, 0}
		       : (struct characters){raddr_at(data), n, 4}; /* or 2: see is_narrow */
	return true;
}

static bool find_new(struct type_table *t, raddr at, struct characters *ret)
{
	const struct shapes *s = t->shapes;
	uint64_t data = 0, n, word;
	if (!burst_word(t->burst, raddr_plus(at, s->str.length), &n) ||
	    !burst_word(t->burst, raddr_plus(at, s->str.state), &word))
		return false;
	const struct str_state state = str_state_of(s, word);
	if (!state.compact && !burst_word(t->burst, raddr_plus(at, s->str.legacy_data), &data))
		return false;
	raddr inside = raddr_plus(at, state.ascii ? s->str.ascii_data : s->str.compact_data);
	*ret = (struct characters){state.compact ? inside : raddr_at(data), n, state.width};
	return state.width == 1 || state.width == 2 || state.width == 4;
}

static bool find_characters(struct type_table *t, raddr at, struct characters *ret)
{
	enum type_kind kind;
	bool old = t->shapes->version_hex < 0x03000000;
	if (!find_type(t, at, &kind) || !(kind == TYPE_STR || (old && kind == TYPE_BYTES)))
		return false;
	return (old ? find_old(t, at, kind, ret) : find_new(t, at, ret)) && ret->n < LENGTH_MAX;
}

static size_t encode(uint32_t c, char utf8[4])
{
	static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; n > 1 && i-- > 1; c >>= 6)
		utf8[i] = (char)(0x80 | (c & 0x3f));
	utf8[0] = (char)(n == 1 ? c : (leads[n] | c));
	return n;
}

/* False: no room, or no character. */
static bool add_character(uint32_t c, size_t max, struct text *to, size_t *used)
{
	char utf8[4];
	if (c > 0x10ffff)
		return false;
	size_t n = encode(c, utf8);
	if (*used + n > max)
		return false;
	text_add_bytes(to, utf8, n);
	*used += n;
	return true;
}

/* A pair of surrogates, of which narrow builds of 2.7 make one character. */
static uint32_t join_pair(struct bytes *b, size_t at, uint32_t c, bool *ret_pair)
{
	uint32_t low =
		c >> 10 == 0x36 && at + 4 <= b->size ? (uint32_t)bytes_unsigned(b, at + 2, 2) : 0;
	*ret_pair = low >> 10 == 0x37;
	return *ret_pair ? 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff) : c;
}

static void add_characters(const uint8_t *data, size_t n, unsigned width, size_t max,
			   struct text *ret)
{
	struct bytes b = bytes_of(data, n * width);
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t c = (uint32_t)bytes_unsigned(&b, i * width, width);
		bool pair = false;
		if (width == 2)
			c = join_pair(&b, i * width, c, &pair);
		if (!add_character(c, max, ret, &used))
			return;
		i += pair;
	}
}

/* 2.7 was built with characters of two bytes or of four; two short ones side by side are no long one. */
static bool is_narrow(struct type_table *t, const struct characters *c, size_t n)
{
	const uint8_t *data = burst_bytes(t->burst, c->at, n * 2);
	struct bytes b = bytes_of(data, data ? n * 2 : 0);
	for (size_t i = 0; i + 4 <= b.size; i += 4)
		if (bytes_unsigned(&b, i, 4) > 0x10ffff)
			return true;
	return false;
}

bool object_text(struct type_table *t, raddr at, size_t max, struct text *ret)
{
	struct characters c;
	if (!find_characters(t, at, &c))
		return false;
	size_t n = (size_t)size_min(c.n, max); /* each is at least one byte of UTF-8 */
	if (n == 0)
		return true;
	if (t->shapes->version_hex < 0x03000000 && c.width && is_narrow(t, &c, n))
		c.width = 2;
	size_t width = c.width ? c.width : 1;
	const uint8_t *data = burst_bytes(t->burst, c.at, n * width);
	if (!data)
		return false;
	if (c.width == 0)
		text_add_bytes(ret, (const char *)data, n);
	else
		add_characters(data, n, c.width, max, ret);
	return true;
}

bool object_text_length(struct type_table *t, raddr at, uint64_t *ret)
{
	struct characters c;
	if (!find_characters(t, at, &c))
		return false;
	*ret = c.n;
	return true;
}

/* Two bits of a str's state; 2.7: ob_sstate, an int behind the hash (Include/stringobject.h). */
static bool is_interned(struct type_table *t, raddr at, const struct characters *c)
{
	const struct shapes *s = t->shapes;
	bool old = s->version_hex < 0x03000000;
	uint64_t state;
	if ((old && c->width) ||
	    !burst_word(t->burst, raddr_plus(at, old ? s->ob_size + 16 : s->str.state), &state))
		return false;
	return (state & 3) != 0;
}

bool object_text_place(struct type_table *t, raddr at, struct object_text_place *ret)
{
	struct characters c;
	if (!find_characters(t, at, &c))
		return false;
	if (c.width == 4 && t->shapes->version_hex < 0x03000000 &&
	    is_narrow(t, &c, (size_t)size_min(c.n, 64)))
		c.width = 2;
	*ret = (struct object_text_place){c.at, size_multiply(c.n, c.width ? c.width : 1),
					  is_interned(t, at, &c)};
	return true;
}
