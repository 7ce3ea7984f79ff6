package rigor_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"autonoma/internal/rigor"
	"autonoma/internal/workspace/workspacetest"
)

// A verification is done again on both commits of a source, each in a clean checkout
// with what the base installs; where the base is gone, on the result alone.
func TestAgain(t *testing.T) {
	s := open(t, "-- greet.txt --\nhello wrold\n-- test.sh --\ntest -f made/dep && grep -q world greet.txt && echo '2 passed in 0.1s'\n-- .gitignore --\nmade\n")
	base := workspacetest.Git(t, s.repo, "rev-parse", "HEAD")
	workspacetest.Write(t, s.repo, "-- greet.txt --\nhello world\n")
	head := workspacetest.Commit(t, s.repo, "mend")
	r := rigor.Rerun{
		Source: s.repo, Base: base, Head: head, Commands: []string{"sh test.sh", "test ! -e left && touch left"},
		Setup: []string{"mkdir made && touch made/dep"},
	}
	got, err := s.engine.Again(t.Context(), r)
	if err != nil || got.Problem != "" || len(got.Base) != 2 || len(got.Head) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.Base[0].ExitCode != 1 || got.Base[0].Tests != nil || got.Base[1].ExitCode != 0 {
		t.Errorf("on the base: %+v", got.Base)
	}
	if got.Head[0].ExitCode != 0 || got.Head[0].Tests == nil || got.Head[0].Tests.Passed != 2 || got.Head[1].ExitCode != 0 {
		t.Errorf("on the result: %+v", got.Head)
	}
	if left, err := s.engine.Workspaces.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	r.Base = strings.Repeat("1", 40)
	got, err = s.engine.Again(t.Context(), r)
	if err != nil || got.Base != nil || len(got.Head) != 2 || got.Head[0].ExitCode != 0 {
		t.Errorf("without the base: %+v, %v", got, err)
	}
	r.Head = strings.Repeat("2", 40)
	if _, err := s.engine.Again(t.Context(), r); err == nil {
		t.Error("what is not there was verified")
	}
}

// The digest and the size are of all that a command prints, on both streams, however
// much of it is left out of what is shown.
func TestPrinted(t *testing.T) {
	s := open(t, "-- a --\n")
	head := workspacetest.Git(t, s.repo, "rev-parse", "HEAD")
	const many = 9_000_000
	got, err := s.engine.Again(t.Context(), rigor.Rerun{Source: s.repo, Base: head, Head: head, Commands: []string{
		"printf abc; printf def >&2", fmt.Sprintf("head -c %d /dev/zero; exit 1", many), "true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{[]byte("abcdef"), make([]byte, many), nil} {
		c := got.Head[i]
		if c.Digest != fmt.Sprintf("%x", sha256.Sum256(want)) || c.Bytes != int64(len(want)) || c.Tests != nil || len(c.Output) > 20_000 {
			t.Errorf("%s: %d bytes with the digest %s, tests %v, shown %d", c.Command, c.Bytes, c.Digest, c.Tests, len(c.Output))
		}
	}
}
