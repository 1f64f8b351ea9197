/*
 * keys_header: what the keys of a dict say of themselves, from 3.6 on; 2.7's tables say nothing.
 */
#ifndef INSPECTOR_OBJECT_KEYS_HEADER_H
#define INSPECTOR_OBJECT_KEYS_HEADER_H

#include "base/bytes.h"
#include "inspector/object/shapes.h"

struct keys_header {
	uint64_t size;         /* places of the hash table, a power of two */
	uint64_t entries;      /* bytes from the keys' start to the first entry */
	uint64_t stride;       /* bytes of an entry: KEYS_LONG or KEYS_SHORT */
	uint64_t usable, used; /* entries: that there is still room for, that were made */
};

#define KEYS_LONG  24 /* hash, key, value */
#define KEYS_SHORT 16 /* key, value */

/* bytes: shapes->keys.header of them, from the start of PyDictKeysObject. False: no build writes such (Objects/dict-common.h,
 * Objects/dictobject.c, Include/internal/pycore_dict.h: 3.6 to 3.15). */
bool keys_header_read(const struct shapes *shapes, struct bytes *bytes, struct keys_header *ret);

/* Whether such keys are all that a block of so many bytes holds, but for what rounding adds: USABLE_FRACTION of the places have
 * an entry (Objects/dictobject.c: new_keys_object(), 3.6 to 3.15). */
bool keys_header_fills(const struct keys_header *header, uint64_t size);

#endif
