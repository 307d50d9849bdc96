/* The script of a results page, report.js, and the numbers that it reads. The policy of the page
 * allows this script alone, by its hash. */
#ifndef GKV_APP_REPORT_SCRIPT_H
#define GKV_APP_REPORT_SCRIPT_H

#include "core/file.h"

/* Writes the source expression of a policy for the script, 'sha256-…'. */
void gki_report_script_hash(gki_file_writer *out);

/* Writes the element of the script. */
void gki_report_script(gki_file_writer *out);

/* Writes an element with JSON that the script reads. No text of it can end the element. */
void gki_report_data(gki_file_writer *out, const char *json);

/* Writes JSON without "<", so that no text of it ends its element. */
void gki_report_json(gki_file_writer *out, const char *json);

#endif
