/* What the program uses of the library's inside, besides the headers of app: INI files, atomic
 * writing of files, folders, checksums, compressed files, members of zip archives, the text of JSON
 * values, and the edit distance of names. */
#ifndef GKV_APP_INSIDE_H
#define GKV_APP_INSIDE_H

#include "config/ini.h"
#include "core/file.h"
#include "core/foreign.h"
#include "core/text.h"
#include "data/checksum.h"
#include "data/reader.h"
#include "data/zip_member.h"
#include "safetensors/json_text.h"

#endif
