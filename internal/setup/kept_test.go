package setup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Where packages are looked for, no link that one of them made leads out of what was
// installed.
func TestKeptLeadsNowhereElse(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	in := New(dir, nil, nil, nil, func(string) string { return "" })
	tree := filepath.Join(dir, "key", "tree")
	packages := filepath.Join("lib", "python3", "site-packages")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(tree, "good", packages), 0o700),
		os.Symlink("lib", filepath.Join(tree, "good", "lib64")),
		os.MkdirAll(filepath.Join(outside, packages), 0o700),
		os.Symlink(outside, filepath.Join(tree, "whole")),
		os.MkdirAll(filepath.Join(tree, "part", "lib", "python3"), 0o700),
		os.Symlink("/", filepath.Join(tree, "part", packages)),
	); err != nil {
		t.Fatal(err)
	}
	got := in.Kept(Installed{Key: "key"})
	if want := []string{tree, filepath.Join(tree, "good", packages)}; !slices.Equal(got, want) {
		t.Errorf("packages are looked for in %v, want %v", got, want)
	}
}
