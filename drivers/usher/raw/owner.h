/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: the owner of a function: who may become one, and what is left when it ends.
 */
#ifndef _USHER_RAW_OWNER_H
#define _USHER_RAW_OWNER_H

struct usher_raw;

int usher_raw_take(struct usher_raw *raw);
void usher_raw_give_back(struct usher_raw *raw);
int usher_raw_reset_by_owner(struct usher_raw *raw);
void usher_raw_remove(struct usher_raw *raw);
void usher_raw_shutdown(struct usher_raw *raw);

#endif /* _USHER_RAW_OWNER_H */
