/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queries of processes to the admin queue, in the name of a grant.
 */
#ifndef _USHER_GRANT_QUERY_H
#define _USHER_GRANT_QUERY_H

#include <linux/types.h>

struct usher_admin;
struct usher_grant;

int usher_grant_query(struct usher_grant *grant, const struct usher_admin *arg,
		      u32 *result);

#endif /* _USHER_GRANT_QUERY_H */
