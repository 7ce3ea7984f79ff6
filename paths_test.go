package autonoma_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPathsAreOurOwn keeps the packages that have to do with workspaces from using the
// file system by paths, which strangers may lead elsewhere: what agents and packages
// write is reached by package reclaim, by [os.Root] and by descriptors. The files
// where it is done all the same are listed, with whose the paths are.
func TestPathsAreOurOwn(t *testing.T) {
	ours := map[string]string{
		"internal/deps/osv.go":             "the operator's advisories, opened as a root",
		"internal/gate/deps.go":            "directories of packages, opened as roots",
		"internal/gate/policy.go":          "the operator's policy",
		"internal/rigor/bench.go":          "the directory that holds a home, and what set-up kept; the home is opened as a root",
		"internal/rigor/limits.go":         "a file of the operator's",
		"internal/setup/caches.go":         "caches of the operator, and what set-up kept, which nobody writes any more",
		"internal/setup/kept.go":           "what set-up kept, looked at after its links were followed to their end",
		"internal/setup/network.go":        "settings of the operator, and copies of them",
		"internal/setup/setup.go":          "the place of what is kept; the checkout is opened as a root once its commands have ended",
		"internal/workspace/agentgit.go":   "a git directory in the making, which no agent has seen",
		"internal/workspace/bare.go":       "our repositories",
		"internal/workspace/cache.go":      "our repositories",
		"internal/workspace/convert.go":    "staging, where nobody but us writes",
		"internal/workspace/deliver.go":    "our pack; the source is opened as a root",
		"internal/workspace/discard.go":    "the mark beside a workspace",
		"internal/workspace/inherit.go":    "our repositories",
		"internal/workspace/notice.go":     "the index of a source, and our notes of it",
		"internal/workspace/object.go":     "our repositories",
		"internal/workspace/prepare.go":    "our repositories, and the directory of a source",
		"internal/workspace/remove.go":     "the mark beside a workspace, and names of our directories",
		"internal/workspace/restore.go":    "staging, where nobody but us writes",
		"internal/workspace/source.go":     "sources, judged after their links were followed to their end",
		"internal/workspace/sourcerepo.go": "sources, judged after their links were followed to their end",
		"internal/workspace/standing.go":   "sources, judged after their links were followed to their end",
		"internal/workspace/store.go":      "our own directory",
		"internal/workspace/view.go":       "views of sources, which we make",
		"internal/workspace/workspace.go":  "the top of a workspace, opened as a root",
	}
	seen := map[string]bool{}
	for _, dir := range []string{"deps", "gate", "knowledge", "project", "rigor", "setup", "tool", "worker", "workspace"} {
		err := filepath.WalkDir("internal/"+dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			for _, call := range byPath(t, path) {
				seen[path] = true
				if slices.Contains([]string{"os.RemoveAll", "os.Chmod", "os.Chown", "os.Truncate", "os.CopyFS", "os.DirFS", "filepath.Walk", "filepath.WalkDir"}, call) {
					t.Errorf("%s calls %s, which nobody should on what strangers may have made: see package reclaim", path, call)
				}
				if ours[path] == "" {
					t.Errorf("%s calls %s: use os.Root or package reclaim, or list here whose the path is", path, call)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for path := range maps.Keys(ours) {
		if !seen[path] {
			t.Errorf("%s uses no paths; take it from the list", path)
		}
	}
}

// byPath returns the calls in a file that go to the file system by a path.
func byPath(t *testing.T, path string) (calls []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	harmless := []string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.Getpid", "os.Geteuid", "os.Getpagesize", "os.TempDir", "os.Executable",
		"os.IsNotExist", "os.NewFile", "os.NewSyscallError", "os.FileMode", "os.Hostname", "os.Pipe"}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok {
				name := pkg.Name + "." + s.Sel.Name
				onDisk := pkg.Name == "os" && !slices.Contains(harmless, name) ||
					slices.Contains([]string{"filepath.Walk", "filepath.WalkDir", "filepath.Glob", "filepath.EvalSymlinks"}, name)
				if onDisk {
					calls = append(calls, name)
				}
			}
		}
		return true
	})
	return calls
}
