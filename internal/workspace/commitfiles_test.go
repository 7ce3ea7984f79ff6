package workspace_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// opened returns a workspace with the files of the txtar archive, and its store.
func opened(t *testing.T, files string) (*workspace.Store, *workspace.Workspace) {
	t.Helper()
	store := workspacetest.Store(t)
	base := workspacetest.Prepare(t, store, workspacetest.Run, workspacetest.Repo(t, files))
	w, err := store.Workspace(t.Context(), workspacetest.Run, "main", base.Commit)
	must(t, err)
	t.Cleanup(func() { w.Close() })
	return store, w
}

// The files of a commit are a file system as any other, and stay what they were
// whatever becomes of the checkout.
func TestFilesOfACommit(t *testing.T) {
	store, w := opened(t, "-- a.txt --\none\n-- dir/b.txt --\ntwo\n-- dir/deep/c.txt --\n")
	if err := w.Write("dir/new.txt", []byte("three\n")); err != nil {
		t.Fatal(err)
	}
	at, _, err := w.Checkpoint(t.Context(), "More")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write("dir/new.txt", []byte("changed afterwards\n")); err != nil {
		t.Fatal(err)
	}
	files, err := store.Files(t.Context(), workspacetest.Run, at.Commit)
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Fetch("a.txt", "dir/new.txt", "dir", "missing", "../up"); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(files, "a.txt", "dir/b.txt", "dir/deep/c.txt", "dir/new.txt"); err != nil {
		t.Error(err)
	}
	if b, err := fs.ReadFile(files, "dir/new.txt"); err != nil || string(b) != "three\n" {
		t.Errorf("dir/new.txt is %q, %v", b, err)
	}
	if info, err := files.Stat("dir/new.txt"); err != nil || info.Size() != 6 || info.IsDir() {
		t.Errorf("dir/new.txt is %+v, %v", info, err)
	}
	if _, err := files.Stat("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// What cannot be read says so: links, and files beyond the limit.
func TestFilesThatCannotBeRead(t *testing.T) {
	store, w := opened(t, "-- a.txt --\none\n")
	big := strings.Repeat("x", workspace.MaxRead)
	must(t, os.WriteFile(filepath.Join(w.Dir(), "big"), []byte(big), 0o644))
	must(t, os.WriteFile(filepath.Join(w.Dir(), "bigger"), []byte(big+"x"), 0o644))
	must(t, os.Symlink("a.txt", filepath.Join(w.Dir(), "ln")))
	at, _, err := w.Checkpoint(t.Context(), "More")
	if err != nil {
		t.Fatal(err)
	}
	files, err := store.Files(t.Context(), workspacetest.Run, at.Commit)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(files, "big"); err != nil || len(b) != workspace.MaxRead {
		t.Errorf("big: %d bytes, %v", len(b), err)
	}
	if _, err := fs.ReadFile(files, "bigger"); !errors.Is(err, workspace.ErrTooLarge) {
		t.Errorf("bigger: %v", err)
	}
	if _, err := files.Open("ln"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a link: %v", err)
	}
	if _, err := store.Files(t.Context(), workspacetest.Run, strings.Repeat("0", 40)); !errors.Is(err, workspace.ErrUnknownCommit) {
		t.Errorf("a commit that is not there: %v", err)
	}
}

// Links are told with where they lead, and none of them is followed.
func TestLinksOfACommit(t *testing.T) {
	store, w := opened(t, "-- dir/a.txt --\none\n")
	want := map[string]string{"up": "../../etc/passwd", "dir/b": "a.txt", "away": "/etc/passwd"}
	for at, to := range want {
		must(t, os.Symlink(to, filepath.Join(w.Dir(), at)))
	}
	at, _, err := w.Checkpoint(t.Context(), "Links")
	must(t, err)
	files, err := store.Files(t.Context(), workspacetest.Run, at.Commit)
	must(t, err)
	links, err := files.Links()
	if err != nil || !maps.Equal(links, want) {
		t.Errorf("%v, %v", links, err)
	}
}
