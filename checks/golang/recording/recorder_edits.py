"""Where the recorder is called in Go's runtime: one table for all releases, and which files it changes.

Everything that is done under the heap lock takes its ticket there, so that the order of records is the order in which
each page changes hands; an allocated span is recorded when allocSpan is done with it, a freed one before its pages are
free. Read next: recorder/recorder.go.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files

from spanproof.checks.golang.reading.sources import GoFile, GoSourceError, nodes, read
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.golang.recording.patching import BEGINNING, Edit, edited

RECORDER = files("spanproof.checks.golang.recording") / "recorder" / "recorder.go"
ADDED = "spanproof_recorder_linux_amd64.go"
"""What our file is called among those of the runtime; the ending tells Go where it is for."""
IMPORTS_OF = "os_linux.go"
"""The file whose imports tell where this release has the packages that the recorder needs."""
PACKAGES = {"atomic": "internal/runtime/atomic", "syscall": "internal/runtime/syscall/linux"}
"""The paths in our own file, each to be replaced by the release's."""


def _told(kind: str, page: str, npages: str, a: str = "0", b: str = "0", c: str = "0") -> str:
    """The call that records. Addresses become pages; whatever it is, it becomes a uint64."""
    values = ", ".join(f"uint64({value})" for value in (f"{page}/pageSize", npages, a, b, c))
    return f"spanproofRecord(spanproof{kind}, {values})"


def _unless_test(call: str) -> str:
    """Page allocators that a test of the runtime makes are not the heap's."""
    return f"if !p.test {{ {call} }}"


_SEARCH = "p.searchAddr.addr()/pageSize"
_SPAN = "spanproofKindOfSpan(s, typ)"

EDITS = (
    Edit("malloc.go", "mallocinit", BEGINNING, after="spanproofBegin()"),
    Edit(
        "mheap.go",
        "mheap.allocSpan",
        "*c = h.pages.allocToCache()",
        after=_told("CacheRefill", "c.base", "64", "c.cache", "c.scav", "pp.id"),
    ),
    Edit("mheap.go", "mheap.allocSpan", "return s", before="spanproofSpan(s, typ, scav)"),
    Edit(
        "mheap.go",
        "mheap.freeSpanLocked",
        "h.pages.free(s.base(), s.npages)",
        before=_told("FreeSpan", "s.base()", "s.npages", _SPAN, c="s.sweepgen"),
    ),
    Edit(
        "mheap.go",
        "mheap.grow",
        "h.pages.grow(h.curArena.base, size)",
        before=_told("Grow", "h.curArena.base", "size/pageSize"),
    ),
    Edit("mheap.go", "mheap.grow", "h.pages.grow(v, nBase-v)", before=_told("Grow", "v", "(nBase-v)/pageSize")),
    Edit(
        "mheap.go",
        "mheap.grow",
        "h.pages.markRandomPaddingPages(v, randNumPages)",
        before=_told("Padding", "v", "randNumPages"),
        since=(1, 26),
    ),
    Edit(
        "mheap.go",
        "mheap.allocNeedsZero",
        "arenaBase := base % heapArenaBytes",
        after="spanproofLoaded, spanproofFailed := zeroedBase, 0",
    ),
    Edit(
        "mheap.go",
        "mheap.allocNeedsZero",
        "zeroedBase = atomic.Loaduintptr(&ha.zeroedBase)",
        before="spanproofFailed++",
    ),
    Edit(
        "mheap.go",
        "mheap.allocNeedsZero",
        "base += arenaLimit - arenaBase",
        before=_told(
            "AllocNeedsZero",
            "base",
            "(arenaLimit-arenaBase)/pageSize",
            "spanproofLoaded",
            "spanproofFailed",
            "spanproofBit(needZero)",
        ),
    ),
    Edit(
        "mheap.go",
        "mheap.reclaimChunk",
        "return nFreed",
        before="spanproofRecord(spanproofReclaimChunk, uint64(pageIdx-n0), uint64(n0), uint64(nFreed), 0, 0)",
    ),
    Edit(
        "mpagealloc.go",
        "pageAlloc.alloc",
        "return addr, scav",
        before=_unless_test(_told("PagesAlloc", "addr", "npages", "scav", _SEARCH)),
    ),
    Edit(
        "mpagealloc.go",
        "pageAlloc.alloc",
        "return 0, 0",
        before=_unless_test(_told("PagesAlloc", "0", "npages", b=_SEARCH)),
        times=2,
    ),
    Edit(
        "mpagealloc.go",
        "pageAlloc.free",
        BEGINNING,
        after=_unless_test(_told("PagesFree", "base", "npages", b=_SEARCH)),
    ),
    Edit(
        "mgcscavenge.go",
        "pageAlloc.scavengeOne",
        "p.update(addr, uintptr(npages), true, true)",
        after=_unless_test(_told("ScavengeBegin", "addr", "npages")),
    ),
    Edit(
        "mgcscavenge.go",
        "pageAlloc.scavengeOne",
        "p.chunkOf(ci).free(base, npages)",
        before=_unless_test(_told("ScavengeEnd", "addr", "npages")),
    ),
    Edit(
        "mpagecache.go",
        "pageCache.flush",
        "ci := chunkIndex(c.base)",
        before=_unless_test(_told("CacheFlush", "c.base", "64", "c.cache", "c.scav")),
    ),
    Edit("mgc.go", "gcSweep", "mheap_.sweepgen += 2", after=_told("GcCycle", "0", "0", "mheap_.sweepgen")),
)
"""The table. Objects come apart, as what was asked for has another name in older releases."""


def _objects(source: GoFile) -> Edit:
    """The end of mallocgc. Up to 1.23 it rounds `size` up to the block's, which others may have filled."""
    names = source.declaration("mallocgc").names()
    size = "userSize" if "userSize" in names else "size"
    return Edit("malloc.go", "mallocgc", "return x", before=f"spanproofObject(x, {size}, needzero)", last=True)


def traced(toolchain: Toolchain, more: Iterable[Edit] = ()) -> dict[str, bytes]:
    """The files of the runtime that differ, by name. more: other edits, such as a fault.

    Raises:
        GoSourceError: an anchor is not there, or too often.

    """
    edits = [edit for edit in (*EDITS, *more) if edit.since <= _version(toolchain)]
    sources = {name: read(toolchain, name) for name in dict.fromkeys(edit.file for edit in edits)}
    edits.append(_objects(sources["malloc.go"]))
    written = {name: edited(source, [edit for edit in edits if edit.file == name]) for name, source in sources.items()}
    return {**dict(toolchain.laid), **written, ADDED: _recorder(toolchain)}


def _version(toolchain: Toolchain) -> tuple[int, int]:
    """(1, 27) of go1.27.3, and of go1.27rc1."""
    first, _, rest = toolchain.release.name.removeprefix("go").partition(".")
    return int(first), int(rest)


def _recorder(toolchain: Toolchain) -> bytes:
    """Our own file, with the paths of this release."""
    text = RECORDER.read_bytes()
    here = _paths(read(toolchain, IMPORTS_OF))
    for name, path in PACKAGES.items():
        if name not in here:
            raise GoSourceError(f"{toolchain.version}: {IMPORTS_OF} imports no package {name}")
        text = text.replace(f'"{path}"'.encode(), f'"{here[name]}"'.encode())
    return text


def _paths(source: GoFile) -> Mapping[str, str]:
    """Which of the packages a file imports, by what they are for: .../syscall/linux is the syscall of 1.26."""
    found = dict[str, str]()
    for node in nodes(source.root):
        if node.type == "import_spec":
            path = node.child_by_field_name("path").text.decode().strip('"')
            for name in PACKAGES:
                if name in path.split("/"):
                    found[name] = path
    return found
