/* The style sheet of the results page. */
#ifndef GKV_APP_REPORT_STYLE_H
#define GKV_APP_REPORT_STYLE_H

/* Its lines; the last is NULL. */
extern const char *const gki_report_style[];

#endif
