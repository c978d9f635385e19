"""Go's text as declarations: by name, whatever stands around them."""

import pytest

pytest.importorskip("tree_sitter_go", reason="the extra `go` is not installed")

from spanproof.checks.golang.reading.sources import GoFile, GoSourceError  # after the extra is known to be there

TEXT = b"""package runtime

import "unsafe"

const (
	first = 1
	second
)

var one, other int

type pages struct{ n int }

// find looks.
func (p *pages) find(npages uintptr) int {
	var inside int
	return inside + first
}

func find() {}
"""


def file_of(text: bytes = TEXT) -> GoFile:
    """A file of this text."""
    return GoFile("go1.27", "pages.go", text)


def test_declarations_have_their_names() -> None:
    """A method that of its type; each name of a group; nothing that stands inside a function."""
    found = file_of().declarations
    assert set(found) == {"first", "second", "one", "other", "pages", "pages.find", "find"}
    assert found["first"].text == found["second"].text
    assert found["pages.find"].receiver == "pages"


def test_a_declaration_that_is_missing_is_named() -> None:
    """With the version and the file."""
    with pytest.raises(GoSourceError, match=r"go1\.27: pages\.go has no declaration of pages\.free"):
        file_of().declaration("pages.free")


def test_what_is_no_go_is_refused() -> None:
    """In one line."""
    with pytest.raises(GoSourceError, match=r"pages\.go cannot be read as Go"):
        _ = file_of(b"package runtime\n\nfunc (").declarations


def test_a_digest_is_of_what_is_said() -> None:
    """Not of comments and layout; of anything else."""
    digest = file_of().declarations["pages.find"].digest()
    laid_out = TEXT.replace(b"	return inside", b"\n\n	// a comment\n	return  inside").replace(
        b"looks", b"seeks"
    )
    assert file_of(laid_out).declarations["pages.find"].digest() == digest
    assert file_of(TEXT.replace(b"inside + first", b"inside - first")).declarations["pages.find"].digest() != digest


def test_names_and_fields_are_told_apart() -> None:
    """A field brings no function of the same name along."""
    declaration = file_of(b"package p\n\nfunc f(x *T) { x.find() }\n").declarations["f"]
    assert "find" in declaration.fields()
    assert "find" not in declaration.names()
    assert "T" in declaration.names()
