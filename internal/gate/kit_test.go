package gate_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/gate"
	"autonoma/internal/workspace/workspacetest"
)

// facts are those of a change between two sets of files, which are commits of a real
// repository. What is in the second set alone is new; a file of no content is gone.
func facts(t testing.TB, base, head string) *gate.Facts {
	t.Helper()
	if base == "" {
		base = "-- README --\nhello\n"
	}
	return factsBy(t, base, func(repo string) {
		workspacetest.Write(t, repo, head)
		for _, name := range emptied(t, repo) {
			if err := os.Remove(filepath.Join(repo, name)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// factsBy are those of a change that is made by hand.
func factsBy(t testing.TB, base string, change func(repo string)) *gate.Facts {
	t.Helper()
	repo := workspacetest.Repo(t, base)
	store := workspacetest.Store(t)
	from := workspacetest.Git(t, repo, "rev-parse", "HEAD")
	change(repo)
	to := workspacetest.Commit(t, repo, "Change")
	workspacetest.Prepare(t, store, workspacetest.Run, repo)
	tree := func(commit string) func(context.Context) (gate.Tree, error) {
		return gate.Once(func(context.Context) (gate.Tree, error) { return store.Files(t.Context(), workspacetest.Run, commit) })
	}
	return &gate.Facts{
		Scope: autonoma.Production, Agent: autonoma.Agent{ID: "coder-ai"}, Mode: autonoma.Assisted, Allowed: autonoma.Assisted,
		Base: tree(from), Head: tree(to),
		Patch: gate.Once(func(ctx context.Context) ([]byte, error) { return store.Text(ctx, workspacetest.Run, from, to) }),
	}
}

// emptied returns the files of a repository without content.
func emptied(t testing.TB, repo string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(repo), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return fs.SkipDir
		}
		if info, e := d.Info(); e == nil && d.Type().IsRegular() && info.Size() == 0 {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// measured returns what one gate came to, and what is to be mended of it.
func measured(t testing.TB, id autonoma.GateID, at gate.Moment, f *gate.Facts) (autonoma.Gate, []string) {
	t.Helper()
	policy, err := gate.Default()
	if err != nil {
		t.Fatal(err)
	}
	out, err := policy.Measure(t.Context(), at, f)
	if err != nil {
		t.Fatal(err)
	}
	var mend []string
	for _, m := range out.Mend {
		if strings.HasPrefix(m, string(id)+": ") {
			mend = append(mend, m)
		}
	}
	for _, g := range out.Gates {
		if g.ID == id {
			return g, mend
		}
	}
	t.Fatalf("%s was not measured; %+v were", id, out.Gates)
	return autonoma.Gate{}, nil
}

// A tried is a change or a piece of work, and what a gate has to say about it.
type tried struct {
	name       string
	base, head string
	with       func(*gate.Facts)
	status     autonoma.GateStatus
	says       string
}

// try measures a gate for each.
func try(t *testing.T, id autonoma.GateID, at gate.Moment, all []tried) {
	t.Helper()
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := facts(t, tt.base, tt.head)
			if tt.with != nil {
				tt.with(f)
			}
			g, _ := measured(t, id, at, f)
			if g.Status != tt.status || !strings.Contains(g.Message, tt.says) {
				t.Errorf("%s: %s\nwant %s: …%s…", g.Status, g.Message, tt.status, tt.says)
			}
		})
	}
}
