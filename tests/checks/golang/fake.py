"""Small Go toolchains of our own text: folders with a VERSION and a runtime, which nothing compiles."""

from collections.abc import Mapping
from pathlib import Path

from spanproof.checks.golang.reading.toolchains import Toolchain, at

TEXTS: Mapping[str, str] = {
    "mheap.go": """package runtime

type mheap struct{ pages int }

func (h *mheap) alloc(npages uintptr, class spanClass) *mspan {
	return h.allocSpan(npages)
}

func (h *mheap) allocManual(npages uintptr, typ spanAllocType) *mspan { return nil }

func (h *mheap) allocSpan(npages uintptr) *mspan {
	aligned := physPageAlignedStacks
	if aligned {
		return nil
	}
	return h.initSpan(npages)
}

func (h *mheap) initSpan(npages uintptr) *mspan {
	if needZeroAfterSysUnused() {
		return nil
	}
	publicationBarrier()
	return nil
}

func (h *mheap) grow() {
	h.pages.markRandomPaddingPages()
}

func (h *mheap) freeSpanLocked(s *mspan) {
	if s.isUserArenaChunk {
		return
	}
}
""",
    "malloc.go": """package runtime

func (h *mheap) enableMetadataHugePages() {}
""",
    "mpagealloc.go": """package runtime

func (p *pageAlloc) enableChunkHugePages() {}
""",
    "mgcscavenge.go": """package runtime

type scavengeIndex struct {
	chunks                        []int
	searchAddrBg, searchAddrForce int
}
""",
    "mgcsweep.go": """package runtime

type activeSweep struct{ state int }

func isSweepDone() bool { return sweep.active.isDone() }
""",
}
"""What the newest row of the release table says, in as few words as can be."""


Edits = Mapping[tuple[str, str], str]
"""(file, what is replaced) -> by what."""


def toolchain(folder: Path, version: str = "go1.27.3", edits: Edits | None = None) -> Toolchain:
    """A toolchain with these edits."""
    texts = dict(TEXTS)
    for (file, old), new in (edits or {}).items():
        assert texts[file].count(old) == 1, f"{old!r} does not stand once in {file}"
        texts[file] = texts[file].replace(old, new)
    runtime = folder / "src" / "runtime"
    runtime.mkdir(parents=True)
    (folder / "VERSION").write_text(f"{version}\ntime of no account\n", encoding="utf-8")
    for file, text in texts.items():
        (runtime / file).write_text(text, encoding="utf-8")
    return at(folder)
