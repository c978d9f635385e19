/* One walk for every program: breadth first over tables that Python fills.
 *
 * A memory is a row of bytes, one for each cell that was ever written; a state is one word: the number of its memory, and the node of each
 * thread. What a step does is a path in a decision tree (../../cases.py). Where a tree has no path, or an invariant was
 * not judged for what it would look at, the walk stops and says which state and thread; Python works it out, tells, and
 * calls again. So the order of states is that of the plain search, and nothing here knows what a heap is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef uint8_t u8;
typedef int32_t i32;

#define THREADS 8
#define BATCH 16
#define NONE UINT32_MAX
#define RECENT_BITS 16

enum { ENDED_WELL, NEEDS, DEADLOCK, PAUSE, NO_MEMORY, TOO_MANY, NAMES };
enum { MOVES, BLOCKED, ENDS };

typedef struct {
	i32 target;
	u32 updates, watches; /* where they begin */
	u16 n_updates, n_watches;
	u8 kind;
} leaf_t;

/* A cell that is looked at, and where its characters lead: a piece of the children. */
typedef struct {
	u32 cell;
	u16 room;
	u64 children;
} branch_t;

/* Strings of bytes, each once. */
typedef struct {
	u64 *hash;
	u32 *begin, *index, n, room, mask;
	u8 *pool;
	u64 used, pool_room;
} strings_t;

typedef struct {
	u64 key, target;
	u32 who;
	u8 kind, thread; /* kind 0: empty; else MOVES, BLOCKED, ENDS, plus one */
} recent_t;

/* What Python has told of a character; key 0: empty. */
typedef struct {
	u64 key, value;
} told_t;

typedef struct {
	int threads, cells, shift[THREADS], memory_shift, judges_deadlock;
	/* where a cell's byte is in a row; cells that nobody has written have none, and are 0 */
	u32 *place, *cell_at, width, stride;
	u64 field[THREADS], mine[THREADS]; /* a thread's bits; the memory's and the thread's */
	/* memories */
	u8 *rows;
	u64 *row_hash;
	u32 memories, row_room, *row_index, row_mask, most_memories;
	/* states */
	u64 *states;
	u32 *parents, n, room, *index, mask;
	/* trees: above 0 a branch, below a leaf, 0 unknown */
	i32 *roots[THREADS];
	u32 n_roots[THREADS];
	branch_t *branches;
	u32 n_branches, branch_room;
	i32 *children;
	u64 n_children, child_room;
	leaf_t *leaves;
	u32 n_leaves, leaf_room;
	u16 *update_cells, *watched;
	u8 *update_chars;
	u32 n_updates, update_room, n_watched, watched_room;
	/* invariants: their cells, and what they were found to hold of */
	u32 n_judges, *judge_begin;
	u16 *judge_cells;
	strings_t good;
	recent_t *recent;
	/* the walk */
	u32 at, level_end, levels, *alone, n_alone, alone_room;
	u64 transitions, level_transitions;
	u32 level_states;
	/* threads that are not told apart (../../reducing/alike.py): the kind of each, 0 for those of which there is one; the
	 * one before it of its kind; the cells that name threads, and those that each thread has of its own */
	u8 n_kinds, kind[THREADS], before[THREADS], *ties; /* per memory: who may change places with the one before it */
	u32 n_naming, n_own, n_told, told_mask;
	u16 *naming, *own;
	u8 *flags, *raw, *other;
	told_t *told;
	/* what is asked */
	u64 asked_key;
	u32 asked_state;
	int asked_thread, failed;
	u8 *scratch;
} walk_t;

static u64 mixed(u64 z) {
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A row's hash is a sum over its cells, so that a change of one moves it by a difference; a 0 adds nothing. */
static u64 of_cell(u32 cell, u8 c) { return c == 0 ? 0 : mixed((u64)cell << 8 | c); }

static void *grown(void *old, u64 n, size_t size, int *failed) {
	void *new = realloc(old, n * size);
	if (new == NULL)
		*failed = 1;
	return new == NULL ? old : new;
}

/* ---- states ---- */

static u32 *new_index(u64 slots, int *failed) {
	u32 *index = malloc(slots * sizeof(u32));
	if (index == NULL)
		*failed = 1;
	else
		memset(index, 0xff, slots * sizeof(u32));
	return index;
}

static u32 slot_of(u64 hash, u32 mask) { return (u32)(hash >> 32) & mask; }

static u32 state_slot(const walk_t *w, u64 state) { return slot_of(state * 0x9e3779b97f4a7c15u, w->mask); }

static void more_states(walk_t *w) {
	if (w->n == w->room) {
		u64 room = (u64)w->room + w->room / 10;
		w->states = grown(w->states, room, sizeof(u64), &w->failed);
		w->parents = grown(w->parents, room, sizeof(u32), &w->failed);
		if (w->failed)
			return;
		w->room = (u32)room;
	}
	if ((u64)w->n * 4 < ((u64)w->mask + 1) * 3)
		return;
	u32 *index = new_index(((u64)w->mask + 1) * 2, &w->failed);
	if (index == NULL)
		return;
	free(w->index);
	w->index = index;
	w->mask = w->mask * 2 + 1;
	for (u32 i = 0; i < w->n; i++) {
		u32 s = state_slot(w, w->states[i]);
		while (w->index[s] != NONE)
			s = (s + 1) & w->mask;
		w->index[s] = i;
	}
}

/* The number of a state, which may be new. */
static u32 reached(walk_t *w, u64 state, u32 parent) {
	u32 s = state_slot(w, state);
	for (; w->index[s] != NONE; s = (s + 1) & w->mask)
		if (w->states[w->index[s]] == state)
			return w->index[s];
	w->index[s] = w->n;
	w->states[w->n] = state;
	w->parents[w->n] = parent;
	w->n++;
	more_states(w);
	return w->n - 1;
}

/* ---- memories ---- */

static u8 *row_of(const walk_t *w, u32 memory) { return w->rows + (u64)memory * w->stride; }

static u8 char_of(const walk_t *w, const u8 *row, u32 cell) {
	return w->place[cell] == NONE ? 0 : row[w->place[cell]];
}

/* Every cell that is written has a place. Rows are made longer when there are too many. */
static void give_place(walk_t *w, u32 cell) {
	if (w->place[cell] != NONE)
		return;
	if (w->width == w->stride) {
		u32 stride = w->stride + 8;
		u8 *rows = calloc((u64)w->row_room, stride);
		if (rows == NULL) {
			w->failed = 1;
			return;
		}
		for (u32 m = 0; m < w->memories; m++)
			memcpy(rows + (u64)m * stride, row_of(w, m), w->stride);
		free(w->rows);
		w->rows = rows;
		w->stride = stride;
	}
	w->place[cell] = w->width;
	w->cell_at[w->width++] = cell;
}

static u32 known_row(const walk_t *w, u64 hash, const u8 *row) {
	for (u32 s = slot_of(hash, w->row_mask); w->row_index[s] != NONE; s = (s + 1) & w->row_mask) {
		u32 m = w->row_index[s];
		if (w->row_hash[m] == hash && memcmp(row_of(w, m), row, w->stride) == 0)
			return m;
	}
	return NONE;
}

static void put_row(walk_t *w, u32 memory) {
	u32 s = slot_of(w->row_hash[memory], w->row_mask);
	while (w->row_index[s] != NONE)
		s = (s + 1) & w->row_mask;
	w->row_index[s] = memory;
}

static u32 new_row(walk_t *w, u64 hash, const u8 *row) {
	if (w->memories == w->row_room) {
		u64 room = (u64)w->row_room + w->row_room / 8;
		w->rows = grown(w->rows, room * w->stride, 1, &w->failed);
		w->row_hash = grown(w->row_hash, room, sizeof(u64), &w->failed);
		w->ties = grown(w->ties, room, 1, &w->failed);
		if (w->failed)
			return NONE;
		w->row_room = (u32)room;
	}
	if ((u64)w->memories * 2 > w->row_mask) {
		u32 *index = new_index(((u64)w->row_mask + 1) * 2, &w->failed);
		if (index == NULL)
			return NONE;
		free(w->row_index);
		w->row_index = index;
		w->row_mask = w->row_mask * 2 + 1;
		for (u32 m = 0; m < w->memories; m++)
			put_row(w, m);
	}
	memcpy(row_of(w, w->memories), row, w->stride);
	w->row_hash[w->memories] = hash;
	put_row(w, w->memories);
	return w->memories++;
}

/* ---- strings ---- */

static u32 string_slot(const strings_t *s, u64 hash, const u8 *bytes, u32 n, int *there) {
	u32 at = slot_of(hash, s->mask);
	for (; s->index[at] != NONE; at = (at + 1) & s->mask) {
		u32 i = s->index[at];
		if (s->hash[i] == hash && s->begin[i + 1] - s->begin[i] == n && memcmp(s->pool + s->begin[i], bytes, n) == 0) {
			*there = 1;
			return at;
		}
	}
	*there = 0;
	return at;
}

static void put_string(strings_t *s, u64 hash, const u8 *bytes, u32 n, int *failed) {
	int there;
	u32 at = string_slot(s, hash, bytes, n, &there);
	if (there)
		return;
	if (s->n + 2 > s->room) {
		s->room *= 2;
		s->hash = grown(s->hash, s->room, sizeof(u64), failed);
		s->begin = grown(s->begin, s->room, sizeof(u32), failed);
	}
	if (s->used + n > s->pool_room) {
		s->pool_room = s->pool_room * 2 + n;
		s->pool = grown(s->pool, s->pool_room, 1, failed);
	}
	if (*failed)
		return;
	memcpy(s->pool + s->used, bytes, n);
	s->hash[s->n] = hash;
	s->begin[s->n] = (u32)s->used;
	s->used += n;
	s->begin[s->n + 1] = (u32)s->used;
	s->index[at] = s->n++;
	if ((u64)s->n * 2 <= s->mask)
		return;
	u32 *index = new_index(((u64)s->mask + 1) * 2, failed);
	if (index == NULL)
		return;
	free(s->index);
	s->index = index;
	s->mask = s->mask * 2 + 1;
	for (u32 i = 0; i < s->n; i++) {
		u32 slot = slot_of(s->hash[i], s->mask);
		while (s->index[slot] != NONE)
			slot = (slot + 1) & s->mask;
		s->index[slot] = i;
	}
}

/* What an invariant looks at in a row: its number, and the bytes of its cells. */
static u64 looked_at(walk_t *w, u32 judge, const u8 *row, u32 *n) {
	u64 hash = mixed(judge);
	u32 k = 0;
	w->scratch[k++] = (u8)judge;
	w->scratch[k++] = (u8)(judge >> 8);
	for (u32 i = w->judge_begin[judge]; i < w->judge_begin[judge + 1]; i++) {
		u32 cell = w->judge_cells[i];
		u8 c = char_of(w, row, cell);
		w->scratch[k++] = c;
		hash += of_cell(cell, c);
	}
	*n = k;
	return mixed(hash);
}

static int is_good(walk_t *w, const leaf_t *leaf, const u8 *row) {
	for (u32 i = 0; i < leaf->n_watches; i++) {
		u32 n;
		int there;
		u64 hash = looked_at(w, w->watched[leaf->watches + i], row, &n);
		string_slot(&w->good, hash, w->scratch, n, &there);
		if (!there)
			return 0;
	}
	return 1;
}

/* ---- trees ---- */

static i32 found(const walk_t *w, int t, u32 node, const u8 *row) {
	i32 tree = node < w->n_roots[t] ? w->roots[t][node] : 0;
	while (tree > 0) {
		const branch_t *branch = &w->branches[tree];
		u8 c = char_of(w, row, branch->cell);
		tree = c < branch->room ? w->children[branch->children + c] : 0;
	}
	return tree;
}

/* ---- threads that are alike ---- */

#define SAME 0xfac688u /* each thread is itself: three bits for each, 0 first */
#define WHO_BITS 24

static u32 told_slot(const walk_t *w, u64 key) {
	u32 s = slot_of(mixed(key), w->told_mask);
	while (w->told[s].key != 0 && w->told[s].key != key)
		s = (s + 1) & w->told_mask;
	return s;
}

/* What Python says of a key; if it has not yet, it is asked. */
static int is_told(walk_t *w, u64 key, u64 *value) {
	u32 s = told_slot(w, key);
	*value = w->told[s].value;
	if (w->told[s].key == 0)
		w->asked_key = key;
	return w->told[s].key != 0;
}

/* Which threads a character names, four bits for each, 15 at the end; and what it becomes where threads are renamed. */
static u64 names_key(u32 cell, u8 c) { return (u64)1 << 62 | (u64)cell << 32 | (u64)c << WHO_BITS; }
static u64 renamed_key(u32 cell, u8 c, u32 who) { return (u64)1 << 61 | (u64)cell << 32 | (u64)c << WHO_BITS | who; }

static u32 own_cell(const walk_t *w, int t, u32 k) { return w->own[t * w->n_own + k]; }

static int compare_own(const walk_t *w, const u8 *row, int t, int u) {
	for (u32 k = 0; k < w->n_own; k++) {
		int a = char_of(w, row, own_cell(w, t, k)), b = char_of(w, row, own_cell(w, u, k));
		if (a != b)
			return a - b;
	}
	return 0;
}

/* The threads that a row names, in the order in which its cells do; 0: something is asked. */
static int named_in(walk_t *w, const u8 *row, u8 *named, int *n) {
	u32 seen = 0;
	*n = 0;
	for (u32 i = 0; i < w->n_naming; i++) {
		u8 c = char_of(w, row, w->naming[i]);
		u64 names;
		if (c == 0)
			continue;
		if (!is_told(w, names_key(w->naming[i], c), &names))
			return 0;
		for (; (names & 15) != 15; names >>= 4)
			if (w->kind[names & 15] != 0 && (seen >> (names & 15) & 1) == 0) {
				seen |= 1u << (names & 15);
				named[(*n)++] = names & 15;
			}
	}
	return 1;
}

/* Which place each thread takes, and who may then change places with the one before it of its kind. */
static u32 places(walk_t *w, const u8 *row, const u8 *named, int n, u8 *ties) {
	u32 who = SAME, is_named = 0;
	*ties = 0;
	for (int i = 0; i < n; i++)
		is_named |= 1u << named[i];
	for (int kind = 1; kind <= w->n_kinds; kind++) {
		u8 members[THREADS];
		int m = 0, first;
		for (int i = 0; i < n; i++)
			if (w->kind[named[i]] == kind)
				members[m++] = named[i];
		first = m;
		for (int t = 0; t < w->threads; t++) {
			if (w->kind[t] != kind || (is_named >> t & 1))
				continue;
			int at = m++;
			for (; at > first && compare_own(w, row, members[at - 1], t) > 0; at--)
				members[at] = members[at - 1];
			members[at] = (u8)t;
		}
		for (int t = 0, i = 0; t < w->threads; t++) {
			if (w->kind[t] != kind)
				continue;
			who = (who & ~(7u << 3 * members[i])) | (u32)t << 3 * members[i];
			if (i > first && compare_own(w, row, members[i - 1], members[i]) == 0)
				*ties |= (u8)(1u << t);
			i++;
		}
	}
	return who;
}

static void put_char(walk_t *w, u8 *row, u32 cell, u8 c, u64 *hash) {
	u8 *at = &row[w->place[cell]];
	*hash += of_cell(cell, c) - of_cell(cell, *at);
	*at = c;
}

/* A row with its threads renamed, as it is kept; 0: something is asked. */
static int arrange_row(walk_t *w, u8 *row, u64 *hash, u32 *who, u8 *ties) {
	u8 named[THREADS];
	int n;
	if (!named_in(w, row, named, &n))
		return 0;
	*who = places(w, row, named, n, ties);
	if (*who == SAME)
		return 1;
	memcpy(w->other, row, w->stride);
	for (u32 i = 0; i < w->n_naming; i++) {
		u8 c = char_of(w, row, w->naming[i]);
		u64 renamed;
		if (c == 0)
			continue;
		if (!is_told(w, renamed_key(w->naming[i], c, *who), &renamed))
			return 0;
		put_char(w, row, w->naming[i], (u8)renamed, hash);
	}
	for (int t = 0; t < w->threads; t++) {
		int to = *who >> 3 * t & 7;
		for (u32 k = 0; to != t && k < w->n_own; k++)
			if (w->place[own_cell(w, t, k)] != NONE)
				put_char(w, row, own_cell(w, to, k), char_of(w, w->other, own_cell(w, t, k)), hash);
	}
	return 1;
}

/* The nodes of a state in the places that their threads take, sorted where those may change. */
static u64 arranged(const walk_t *w, u64 state, u32 who) {
	u8 ties = w->ties[state >> w->memory_shift];
	u32 nodes[THREADS];
	u64 kept = state >> w->memory_shift << w->memory_shift;
	for (int t = 0; t < w->threads; t++)
		nodes[who >> 3 * t & 7] = (u32)((state & w->field[t]) >> w->shift[t]);
	for (int t = 0; t < w->threads; t++)
		for (int at = t; (ties >> at & 1) && nodes[w->before[at]] > nodes[at]; at = w->before[at]) {
			u32 node = nodes[at];
			nodes[at] = nodes[w->before[at]];
			nodes[w->before[at]] = node;
		}
	for (int t = 0; t < w->threads; t++)
		kept |= (u64)nodes[t] << w->shift[t];
	return kept;
}

/* ---- a step ---- */

enum { UNKNOWN = -1 };

/* What thread t does from a state: MOVES with the target, BLOCKED, ENDS, or UNKNOWN. */
static int step(walk_t *w, u64 state, int t, u64 *target) {
	u32 node = (u32)((state & w->field[t]) >> w->shift[t]);
	if (node == 0)
		return BLOCKED; /* it is done */
	u64 key = state & w->mine[t];
	recent_t *recent = &w->recent[(key * 0x9e3779b97f4a7c15u >> (64 - RECENT_BITS)) ^ (u64)t << (RECENT_BITS - 3)];
	if (recent->kind != 0 && recent->key == key && recent->thread == t) {
		*target = state + recent->target;
		if (w->n_kinds && recent->kind == MOVES + 1)
			*target = arranged(w, *target, recent->who);
		return recent->kind - 1;
	}
	u32 memory = (u32)(state >> w->memory_shift);
	const u8 *row = row_of(w, memory);
	i32 tree = found(w, t, node, row);
	if (tree == 0)
		return UNKNOWN;
	const leaf_t *leaf = &w->leaves[~tree];
	u64 difference = 0;
	u32 who = SAME;
	int kind = leaf->kind;
	if (kind == MOVES) {
		u32 to = memory;
		if (leaf->n_updates > 0) {
			u8 *new = w->scratch + w->cells + 2;
			u64 hash = w->row_hash[memory];
			u8 names = 0, ties = w->ties[memory];
			memcpy(new, row, w->stride);
			for (u32 i = leaf->updates; i < leaf->updates + leaf->n_updates; i++) {
				u32 cell = w->update_cells[i];
				u8 *at = &new[w->place[cell]];
				hash += of_cell(cell, w->update_chars[i]) - of_cell(cell, *at);
				*at = w->update_chars[i];
				names |= w->flags[cell];
			}
			u8 *reached = new;
			if (names) {
				reached = w->raw;
				memcpy(reached, new, w->stride);
				if (!arrange_row(w, new, &hash, &who, &ties))
					return UNKNOWN;
			}
			to = known_row(w, hash, new);
			if (to == NONE) {
				if (!is_good(w, leaf, reached))
					return UNKNOWN;
				to = new_row(w, hash, new);
				if (w->failed)
					return UNKNOWN;
				w->ties[to] = ties;
			}
		}
		difference = ((u64)to << w->memory_shift) - ((u64)memory << w->memory_shift);
		difference += ((u64)leaf->target << w->shift[t]) - ((u64)node << w->shift[t]);
		if (difference == 0)
			kind = BLOCKED; /* it stays where it is */
	}
	recent->key = key;
	recent->thread = (u8)t;
	recent->target = difference;
	recent->who = who;
	recent->kind = (u8)(kind + 1);
	*target = state + difference;
	if (w->n_kinds && kind == MOVES)
		*target = arranged(w, *target, who);
	return kind;
}

static void is_alone(walk_t *w, u32 state, u32 target) {
	if (w->n_alone + 2 > w->alone_room) {
		w->alone_room = w->alone_room * 2 + 1024;
		w->alone = grown(w->alone, w->alone_room, sizeof(u32), &w->failed);
		if (w->failed)
			return;
	}
	w->alone[w->n_alone++] = state;
	w->alone[w->n_alone++] = target;
}

typedef struct {
	u32 parent;
	int able;
	u64 targets[THREADS];
} expanded_t;

/* Put the targets of a batch among the states, in the order in which they were found. */
static void put(walk_t *w, const expanded_t *batch, int n) {
	for (int i = 0; i < n && !w->failed; i++) {
		u32 target = NONE;
		for (int k = 0; k < batch[i].able; k++)
			target = reached(w, batch[i].targets[k], batch[i].parent);
		if (batch[i].able == 1)
			is_alone(w, batch[i].parent, target);
	}
}

/* Go on, until all is seen or something is to be said. most: states to expand before a pause. */
int walk_on(walk_t *w, u32 most) {
	expanded_t batch[BATCH];
	int n = 0, code = ENDED_WELL;
	u32 expanded = 0;
	u64 nodes = ((u64)1 << w->memory_shift) - 1;
	while (code == ENDED_WELL) {
		if (w->at == w->level_end || n == BATCH) {
			put(w, batch, n);
			n = 0;
			if (w->failed) {
				code = NO_MEMORY;
				break;
			}
			if (w->memories >= w->most_memories) {
				code = TOO_MANY;
				break;
			}
			if (w->at == w->level_end) {
				if (w->at == w->n)
					break;
				w->level_end = w->n;
				w->levels++;
				w->level_states = w->n;
				w->level_transitions = w->transitions;
			}
			if (expanded >= most) {
				code = PAUSE;
				break;
			}
		}
		u64 state = w->states[w->at];
		expanded_t *e = &batch[n];
		int ended = 0, t = 0;
		e->parent = w->at;
		e->able = 0;
		for (; t < w->threads; t++) {
			u64 target;
			int kind = step(w, state, t, &target);
			if (kind == UNKNOWN)
				break;
			ended |= kind == ENDS;
			if (kind == MOVES) {
				e->targets[e->able++] = target;
				__builtin_prefetch(&w->index[state_slot(w, target)]);
			}
		}
		if (t < w->threads) {
			w->asked_state = w->at;
			w->asked_thread = t;
			code = w->failed ? NO_MEMORY : w->asked_key ? NAMES : NEEDS;
		} else if (e->able == 0 && (state & nodes) != 0 && !ended && w->judges_deadlock) {
			w->asked_state = w->at;
			code = DEADLOCK;
		} else {
			w->transitions += e->able;
			n += e->able > 0;
			w->at++;
			expanded++;
		}
	}
	put(w, batch, n);
	return w->failed ? NO_MEMORY : code;
}

/* ---- what Python tells ---- */

/* Where a character leads. */
static i32 *child(walk_t *w, branch_t *branch, u8 c) {
	if (c >= branch->room) {
		u32 room = c < 4 ? 4 : (u32)c * 2;
		if (w->n_children + room > w->child_room) {
			w->child_room = w->child_room * 2 + room;
			w->children = grown(w->children, w->child_room, sizeof(i32), &w->failed);
			if (w->failed)
				return w->children;
		}
		i32 *new = w->children + w->n_children;
		memset(new, 0, room * sizeof(i32));
		memcpy(new, w->children + branch->children, branch->room * sizeof(i32));
		branch->children = w->n_children;
		branch->room = (u16)room;
		w->n_children += room;
	}
	return &w->children[branch->children + c];
}

enum { NAMING = 1, OWN = 2 };

static int is_own(const walk_t *w, u32 cell, u32 k) {
	for (int t = 0; t < w->threads; t++)
		if (own_cell(w, t, k) == cell)
			return 1;
	return 0;
}

/* A walk that is new: which threads are not told apart, the cells that name them, n_own cells of each thread's own, and
 * who may change places at the start. 0: there is no memory. */
int walk_alike(walk_t *w, const u8 *kinds, u32 n_naming, const u16 *naming, u32 n_own, const u16 *own, u8 ties) {
	w->naming = malloc(n_naming * sizeof(u16) + 1);
	w->own = malloc((u64)w->threads * n_own * sizeof(u16) + 1);
	w->told_mask = 1023;
	w->told = calloc((u64)w->told_mask + 1, sizeof(told_t));
	if (w->naming == NULL || w->own == NULL || w->told == NULL)
		return 0;
	memcpy(w->naming, naming, n_naming * sizeof(u16));
	memcpy(w->own, own, (u64)w->threads * n_own * sizeof(u16));
	w->n_naming = n_naming;
	w->n_own = n_own;
	w->ties[0] = ties;
	for (u32 i = 0; i < n_naming; i++)
		w->flags[naming[i]] = NAMING;
	for (u32 i = 0; i < (u32)w->threads * n_own; i++)
		w->flags[own[i]] = OWN;
	for (int t = 0; t < w->threads; t++) {
		w->kind[t] = kinds[t];
		if (kinds[t] > w->n_kinds)
			w->n_kinds = kinds[t];
		for (int u = 0; u < t; u++)
			if (kinds[u] == kinds[t])
				w->before[t] = (u8)u;
	}
	return 1;
}

u64 walk_asked(const walk_t *w) { return w->asked_key; }

/* What was asked of a character. 0: there is no memory. */
int walk_tell(walk_t *w, u64 key, u64 value) {
	if ((u64)w->n_told * 2 > w->told_mask) {
		told_t *old = w->told;
		u32 slots = w->told_mask + 1;
		told_t *new = calloc((u64)slots * 2, sizeof(told_t));
		if (new == NULL)
			return 0;
		w->told = new;
		w->told_mask = slots * 2 - 1;
		for (u32 s = 0; s < slots; s++)
			if (old[s].key != 0)
				w->told[told_slot(w, old[s].key)] = old[s];
		free(old);
	}
	w->told[told_slot(w, key)] = (told_t){key, value};
	w->n_told++;
	w->asked_key = 0;
	return 1;
}

/* A path of a tree, and what the step does at its end. 0: there is no memory. */
int walk_learn(walk_t *w, int t, u32 node, const u16 *cells, const u8 *chars, u32 length, int kind, i32 target,
	       const u16 *update_cells, const u8 *update_chars, u32 n_updates, const u16 *watched, u32 n_watched) {
	if (node >= w->n_roots[t]) {
		u32 room = node * 2 + 64;
		w->roots[t] = grown(w->roots[t], room, sizeof(i32), &w->failed);
		if (w->failed)
			return 0;
		memset(w->roots[t] + w->n_roots[t], 0, (room - w->n_roots[t]) * sizeof(i32));
		w->n_roots[t] = room;
	}
	if (w->n_leaves == w->leaf_room) {
		w->leaf_room *= 2;
		w->leaves = grown(w->leaves, w->leaf_room, sizeof(leaf_t), &w->failed);
	}
	while (w->n_branches + length + 1 > w->branch_room) {
		w->branch_room *= 2;
		w->branches = grown(w->branches, w->branch_room, sizeof(branch_t), &w->failed);
	}
	while (w->n_updates + n_updates > w->update_room) {
		w->update_room *= 2;
		w->update_cells = grown(w->update_cells, w->update_room, sizeof(u16), &w->failed);
		w->update_chars = grown(w->update_chars, w->update_room, 1, &w->failed);
	}
	while (w->n_watched + n_watched > w->watched_room) {
		w->watched_room *= 2;
		w->watched = grown(w->watched, w->watched_room, sizeof(u16), &w->failed);
	}
	if (w->failed)
		return 0;
	leaf_t *leaf = &w->leaves[w->n_leaves];
	leaf->target = target;
	leaf->kind = (u8)kind;
	leaf->updates = w->n_updates;
	leaf->n_updates = (u16)n_updates;
	leaf->watches = w->n_watched;
	leaf->n_watches = (u16)n_watched;
	memcpy(w->update_cells + w->n_updates, update_cells, n_updates * sizeof(u16));
	memcpy(w->update_chars + w->n_updates, update_chars, n_updates);
	memcpy(w->watched + w->n_watched, watched, n_watched * sizeof(u16));
	w->n_updates += n_updates;
	w->n_watched += n_watched;
	for (u32 i = 0; i < n_updates; i++) {
		give_place(w, update_cells[i]);
		for (u32 k = 0; w->flags[update_cells[i]] == OWN && k < w->n_own; k++)
			for (int u = 0, of = is_own(w, update_cells[i], k); of && u < w->threads; u++)
				give_place(w, own_cell(w, u, k));
	}
	i32 *here = &w->roots[t][node];
	for (u32 i = 0; i < length && !w->failed; i++) {
		if (*here == 0) {
			*here = (i32)w->n_branches;
			w->branches[w->n_branches++] = (branch_t){cells[i], 0, 0};
		}
		here = child(w, &w->branches[*here], chars[i]);
	}
	if (w->failed)
		return 0;
	*here = ~(i32)w->n_leaves++;
	return 1;
}

/* An invariant holds of what it looks at in a row, which is given whole: a byte for every cell. */
int walk_good(walk_t *w, u32 judge, const u8 *whole) {
	u32 n;
	u8 *row = w->scratch + w->cells + 2;
	for (u32 i = 0; i < w->width; i++)
		row[i] = whole[w->cell_at[i]];
	u64 hash = looked_at(w, judge, row, &n);
	put_string(&w->good, hash, w->scratch, n, &w->failed);
	return !w->failed;
}

/* Where thread t's step leads, or UINT64_MAX; for schedules, once all is known. */
u64 walk_step(walk_t *w, u64 state, int t) {
	u64 target;
	return step(w, state, t, &target) == MOVES ? target : UINT64_MAX;
}

u32 walk_number(const walk_t *w, u64 state) {
	for (u32 s = state_slot(w, state); w->index[s] != NONE; s = (s + 1) & w->mask)
		if (w->states[w->index[s]] == state)
			return w->index[s];
	return NONE;
}

void walk_free(walk_t *w) {
	if (w == NULL)
		return;
	for (int t = 0; t < THREADS; t++)
		free(w->roots[t]);
	void *all[] = {w->rows, w->row_hash, w->row_index, w->states, w->parents, w->index, w->branches, w->place,
		       w->cell_at, w->children, w->leaves, w->update_cells, w->watched, w->update_chars, w->judge_begin,
		       w->judge_cells, w->good.hash, w->good.begin, w->good.index, w->good.pool, w->recent, w->alone,
		       w->ties, w->naming, w->own, w->flags, w->raw, w->other, w->told, w->scratch};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	free(w);
}

/* A walk that is to begin in a row, at these nodes. widths: of a thread's field. begins: of each invariant's cells. */
walk_t *walk_new(int threads, int cells, const int *widths, const u8 *row, const u32 *nodes, u32 n_judges,
		 const u32 *begins, const u16 *judge_cells, int judges_deadlock) {
	walk_t *w = threads > THREADS ? NULL : calloc(1, sizeof(walk_t));
	if (w == NULL)
		return NULL;
	int f = 0;
	w->threads = threads;
	w->cells = cells;
	w->judges_deadlock = judges_deadlock;
	for (int t = 0; t < threads; t++) {
		w->shift[t] = w->memory_shift;
		w->field[t] = (((u64)1 << widths[t]) - 1) << w->shift[t];
		w->memory_shift += widths[t];
	}
	for (int t = 0; t < threads; t++)
		w->mine[t] = w->field[t] | ~(((u64)1 << w->memory_shift) - 1);
	w->most_memories = w->memory_shift > 32 ? (u32)(((u64)1 << (64 - w->memory_shift)) - 1) : NONE - 1;
	w->row_room = 1024;
	w->stride = 16;
	w->rows = calloc(w->row_room, w->stride);
	w->place = malloc(cells * sizeof(u32));
	w->cell_at = malloc(cells * sizeof(u32));
	w->row_hash = malloc(w->row_room * sizeof(u64));
	w->row_mask = 4095;
	w->row_index = new_index(w->row_mask + 1, &f);
	w->room = 4096;
	w->states = malloc(w->room * sizeof(u64));
	w->parents = malloc(w->room * sizeof(u32));
	w->mask = 8191;
	w->index = new_index(w->mask + 1, &f);
	w->branch_room = w->leaf_room = w->update_room = w->watched_room = 1024;
	w->branches = malloc(w->branch_room * sizeof(branch_t));
	w->n_branches = 1; /* 0 is unknown */
	w->child_room = 4096;
	w->children = malloc(w->child_room * sizeof(i32));
	w->leaves = malloc(w->leaf_room * sizeof(leaf_t));
	w->update_cells = malloc(w->update_room * sizeof(u16));
	w->update_chars = malloc(w->update_room);
	w->watched = malloc(w->watched_room * sizeof(u16));
	w->n_judges = n_judges;
	w->judge_begin = malloc((n_judges + 1) * sizeof(u32));
	w->judge_cells = malloc((begins[n_judges] + 1) * sizeof(u16));
	w->good.room = 1024;
	w->good.pool_room = 16384;
	w->good.mask = 4095;
	w->good.hash = malloc(w->good.room * sizeof(u64));
	w->good.begin = malloc(w->good.room * sizeof(u32));
	w->good.index = new_index(w->good.mask + 1, &f);
	w->good.pool = malloc(w->good.pool_room);
	w->recent = calloc((u64)1 << RECENT_BITS, sizeof(recent_t));
	w->scratch = calloc((u64)cells * 2 + 64, 1);
	w->raw = calloc((u64)cells + 64, 1);
	w->other = calloc((u64)cells + 64, 1);
	w->flags = calloc((u64)cells + 1, 1);
	w->ties = calloc(w->row_room, 1);
	if (f || !w->rows || !w->row_hash || !w->states || !w->parents || !w->branches || !w->place ||
	    !w->cell_at || !w->children || !w->leaves || !w->update_cells || !w->update_chars || !w->watched || !w->judge_begin ||
	    !w->judge_cells || !w->good.hash || !w->good.begin || !w->good.pool || !w->recent || !w->scratch ||
	    !w->raw || !w->other || !w->flags || !w->ties) {
		walk_free(w);
		return NULL;
	}
	memcpy(w->judge_begin, begins, (n_judges + 1) * sizeof(u32));
	memcpy(w->judge_cells, judge_cells, begins[n_judges] * sizeof(u16));
	u64 hash = 0, state = 0;
	memset(w->place, 0xff, cells * sizeof(u32));
	for (int c = 0; c < cells; c++)
		if (row[c] != 0)
			give_place(w, c);
	for (u32 i = 0; i < w->width; i++) {
		w->scratch[i] = row[w->cell_at[i]];
		hash += of_cell(w->cell_at[i], w->scratch[i]);
	}
	new_row(w, hash, w->scratch);
	for (int t = 0; t < threads; t++)
		state |= (u64)nodes[t] << w->shift[t];
	reached(w, state, NONE);
	w->level_end = 0;
	return w;
}

/* A walk that is new goes on from where another one was, which knew what this one was told. rows: memories, a byte for
 * every cell. far: states that were gone on from, levels, transitions, states and transitions when the level began.
 * What is read lies within the arrays; RESTORED, NO_ROOM, or TWICE: something is there twice, or nobody wrote it. */
enum { RESTORED, NO_ROOM, TWICE };

int walk_restore(walk_t *w, u32 memories, const u8 *rows, u32 n, const u64 *states, const u32 *parents, u32 pairs,
		 const u32 *alone, const u64 *far) {
	u8 *row = w->scratch;
	for (u32 m = 0; m < memories; m++) {
		const u8 *whole = rows + (u64)m * w->cells;
		u64 hash = 0;
		for (int c = 0; c < w->cells; c++)
			if (whole[c] != 0 && w->place[c] == NONE)
				return TWICE;
		memset(row, 0, w->stride);
		for (u32 i = 0; i < w->width; i++) {
			row[i] = whole[w->cell_at[i]];
			hash += of_cell(w->cell_at[i], row[i]);
		}
		if (known_row(w, hash, row) != (m == 0 ? 0 : NONE))
			return TWICE;
		if (m > 0)
			new_row(w, hash, row);
		if (w->failed)
			return NO_ROOM;
	}
	for (u32 i = 0; i < n; i++) {
		if (reached(w, states[i], parents[i]) != i)
			return TWICE;
		if (w->failed)
			return NO_ROOM;
	}
	for (u32 i = 0; i < pairs; i++) {
		is_alone(w, alone[2 * (u64)i], alone[2 * (u64)i + 1]);
		if (w->failed)
			return NO_ROOM;
	}
	w->at = (u32)far[0];
	w->levels = (u32)far[1];
	w->transitions = far[2];
	w->level_end = w->level_states = (u32)far[3];
	w->level_transitions = far[4];
	return RESTORED;
}

/* ---- what Python looks at ---- */

const u64 *walk_states(const walk_t *w) { return w->states; }
const u32 *walk_parents(const walk_t *w) { return w->parents; }
const u8 *walk_rows(const walk_t *w) { return w->rows; }
const u32 *walk_alone(const walk_t *w) { return w->alone; }
/* A memory, a byte for every cell. */
void walk_row(const walk_t *w, u32 memory, u8 *whole) {
	const u8 *row = row_of(w, memory);
	memset(whole, 0, w->cells);
	for (u32 i = 0; i < w->width; i++)
		whole[w->cell_at[i]] = row[i];
}

const u32 *walk_cells(const walk_t *w) { return w->cell_at; }

/* states, transitions, memories, levels, states and transitions at the level's beginning, asked state and thread, pairs
 * of states with one thread that can go on, bytes, cells that a row has, bytes from one row to the next, states that
 * were gone on from. */
void walk_counts(const walk_t *w, u64 *counts) {
	u64 bytes = (u64)w->room * 12 + ((u64)w->mask + 1) * 4 + (u64)w->row_room * (w->stride + 8) +
		    ((u64)w->row_mask + 1) * 4 + w->child_room * 4 + w->branch_room * sizeof(branch_t) + w->good.pool_room +
		    ((u64)1 << RECENT_BITS) * sizeof(recent_t) + (u64)w->alone_room * 4;
	u64 all[] = {w->n, w->transitions, w->memories, w->levels, w->level_states, w->level_transitions,
		     w->asked_state, (u64)w->asked_thread, w->n_alone / 2, bytes, w->width, w->stride, w->at};
	memcpy(counts, all, sizeof all);
}
