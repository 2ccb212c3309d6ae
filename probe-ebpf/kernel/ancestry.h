/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Which executables a process comes from, beside what is recorded of its own. */
#pragma once

#include "types.h"

/* What is recorded of a process. The fields are explained in subject.rs. */
struct run_facts {
	u64 run;
	u64 process;
	u64 origin;
	u64 inode;
	u32 device;
	u32 generation;
	u32 marks;
	u32 padding;
};

#define ANCESTORS 16 /* MAX_ANCESTORS in abi */
#define OLDEST 8
#define OLDER 1
#define OVERFLOWN 2

/* See Ancestor and Ancestry in abi. */
struct ancestor {
	u64 inode;
	u32 device;
	u32 generation;
};
struct ancestry {
	struct ancestor executables[ANCESTORS];
	u32 next;
	u32 flags;
};

/* The calling process goes on with another executable than that of these facts. */
static __inline void descend(struct ancestry *ancestry, const struct run_facts *facts)
{
	u64 inode = facts->inode, place;
	u32 device = facts->device, generation = facts->generation, next = ancestry->next;
	const struct ancestor *known;

	if (!facts->process) {
		ancestry->flags |= OLDER;
		return;
	}
#pragma unroll
	for (s32 i = 0; i < ANCESTORS; i++) {
		known = &ancestry->executables[i];
		if (known->inode == inode && known->device == device &&
		    known->generation == generation)
			return;
	}
	if (next >= ANCESTORS)
		ancestry->flags |= OVERFLOWN;
	place = next & (OLDEST - 1);
	if (next >= OLDEST)
		place |= OLDEST;
	/* So that the verifier sees the bound, however the compiler reckons. */
	asm volatile("" : "+r"(place));
	place &= ANCESTORS - 1;
	ancestry->executables[place].inode = inode;
	ancestry->executables[place].device = device;
	ancestry->executables[place].generation = generation;
	/* Goes round in the second half. */
	ancestry->next = next < ANCESTORS + OLDEST - 1 ? next + 1 : ANCESTORS;
}
