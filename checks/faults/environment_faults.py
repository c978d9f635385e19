"""Faults that show only where the system misbehaves: what it refuses is used, what it gives is taken for refused.

Read next: planting.py.
"""

from spanproof.checks.faults.fault import Origin, fault

_UNCHECKED = """
if not await self.os.sys_alloc(g.pages_per_chunk // 4 << g.chunks_l2_bits):
    raise Throw("pageAlloc: out of memory")
"""

ENVIRONMENT_FAULTS = (
    fault(
        "bitmaps_without_memory", "growing does not look whether it was given memory for bitmaps", "refused_memory_ends_the_run",
        "C13: issue 41827, CL 305911, up to Go 1.16", "no_memory_for_bitmaps",
        ("PageAlloc.grow", _UNCHECKED, "await self.os.sys_alloc(g.pages_per_chunk // 4 << g.chunks_l2_bits)"),
        origin=Origin.HISTORY, release="go1.16",
    ),
    fault(
        "granted_memory_refused", "memory that was given is taken for refused", "out_of_memory_only_where_refused",
        "made up: mem_linux.go, sysMapOS", "no_memory_for_pages",
        (
            "OsMemory.sys_map_os", "self.mappings != ALWAYS and not await self.mappings_left.update(grant)",
            "self.mappings != ALWAYS and await self.mappings_left.update(grant)",
        ),
    ),
    fault(
        "refused_addresses_used", "the addresses that were asked for are used, whatever the system said", "refines_the_abstract_heap",
        "made up: malloc.go, sysAlloc", "addresses_refused",
        ("Growth.sys_alloc", "if v == 0:\n    return 0, 0", "v = self.geometry.arena_base(first)"),
    ),
)  # fmt: skip
