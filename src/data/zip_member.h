/* Members of zip archives, such as NumPy's .npz (PKWARE's APPNOTE 6.3, 4.3 and 4.4). */
#ifndef GKV_DATA_ZIP_MEMBER_H
#define GKV_DATA_ZIP_MEMBER_H

#include <stddef.h>

#include "core/error.h"

/* Decompresses a member of the zip archive in memory. The name of an .npz archive's array is its
 * member without ".npy". A NULL name is the only member. The caller frees *out, which is NULL after
 * a failure. `archive` is the name in messages, and `option` the option of the program that chooses
 * a member, or NULL. GKV_ERR_ARGUMENT if there is no such member, or several without a name; the
 * message lists them. GKV_ERR_DATA for a damaged archive, and for a member above the bound of
 * gki_inflated_bound(). GKV_ERR_MEMORY. Thread-safe. */
GKV_MUST_USE gkv_status gki_zip_member(const unsigned char *bytes, size_t size, const char *archive,
                                       const char *name, const char *option, unsigned char **out,
                                       size_t *out_size);

#endif
