package workspace

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"autonoma/internal/reclaim"
)

// A Handover says what became of a result.
type Handover string

// The ways in which a result is handed over.
const (
	HandoverBranch    Handover = "branch"    // a branch in the source repository
	HandoverPush      Handover = "push"      // a branch pushed to the source's URL
	HandoverArtifacts Handover = "artifacts" // nothing but patch and bundle
)

// A Delivery is what [Store.Deliver] did.
type Delivery struct {
	How    Handover
	Branch string // empty if there is none
	Commit string
	Why    string // there is no branch
}

var branchForm = regexp.MustCompile(`^autonoma/[A-Za-z0-9](?:[A-Za-z0-9_-]|\.[A-Za-z0-9_-])*$`)

func checkBranch(branch string) error {
	if len(branch) > 100 || !branchForm.MatchString(branch) || strings.HasSuffix(branch, ".lock") {
		return fmt.Errorf("branch %q: must be autonoma/ and letters, digits, - and _", branch)
	}
	return nil
}

// Deliver hands a commit of a run over as a branch autonoma/… of the source.
//
// A source on this machine gets a pack with the new objects and one reference,
// and is not touched otherwise: not its working tree, index, HEAD,
// configuration, logs or other references. Neither its hooks nor its
// configuration are read, let alone run. What is added belongs to the owner of
// the repository. A source that is a URL is pushed to if the store allows it.
// In all other cases nothing is done, and the answer says why.
//
// A branch that points elsewhere is never overwritten: [ErrBranchTaken]. When
// repeated, Deliver finds what it did before and answers the same.
func (s *Store) Deliver(ctx context.Context, run, commit, branch string) (Delivery, error) {
	repo, err := s.pair(run, commit, commit)
	if err != nil {
		return Delivery{}, err
	}
	if err := checkBranch(branch); err != nil {
		return Delivery{}, err
	}
	base, err := readBase(s.place(run))
	if err != nil {
		return Delivery{}, err
	}
	unlock, err := s.runs.lock(ctx, run)
	if err != nil {
		return Delivery{}, err
	}
	defer unlock()
	d := Delivery{How: HandoverBranch, Branch: branch, Commit: commit}
	switch {
	case base.Kind == SourceRepository:
		err = s.deliverBranch(ctx, repo, base, commit, branch)
	case base.Kind == SourceURL && s.push:
		d.How, err = HandoverPush, s.deliverPush(ctx, repo, base, commit, run, branch)
	case base.Kind == SourceURL:
		return Delivery{How: HandoverArtifacts, Commit: commit, Why: "pushing is not allowed by the operator"}, nil
	default:
		return Delivery{How: HandoverArtifacts, Commit: commit, Why: "the source is no repository"}, nil
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver %s: %w", branch, err)
	}
	return d, nil
}

func (s *Store) deliverBranch(ctx context.Context, repo bare, base Base, commit, branch string) error {
	// Between the check of the source and now somebody may have put a link in
	// its place. Below the root we open here, none can lead away.
	if real, err := filepath.EvalSymlinks(base.Common); err != nil || real != base.Common {
		return fmt.Errorf("the source repository is no longer at %s", base.Common)
	}
	v, err := s.look(Source{Kind: SourceRepository, Location: base.Source, gitDir: base.GitDir, commonDir: base.Common})
	if err != nil {
		return err
	}
	defer v.close()
	there, err := s.standing(ctx, v, "refs/heads/"+branch, "refs/heads/autonoma", base.Commit)
	if err != nil {
		return err
	}
	switch at := there["refs/heads/"+branch]; {
	case at == commit:
		return nil
	case at != "":
		return fmt.Errorf("%w: to %s", ErrBranchTaken, at)
	case there["refs/heads/autonoma"] != "":
		return fmt.Errorf("%w: a branch called autonoma leaves no room for %s", ErrBranchTaken, branch)
	case v.head == "ref: refs/heads/"+branch:
		return fmt.Errorf("%w: it is checked out, without commits", ErrBranchTaken)
	}
	root, err := os.OpenRoot(base.Common)
	if err != nil {
		return err
	}
	defer root.Close()
	g := giver{root}
	exclude := base.Commit
	if base.Empty || there[base.Commit] == "" { // history was rewritten and cleaned up since
		exclude = ""
	}
	if err := s.givePack(ctx, repo, g, commit, exclude); err != nil {
		return err
	}
	return g.ref("refs/heads/"+branch, commit)
}

// standing returns what each of some names stands for in a view, if anything.
func (s *Store) standing(ctx context.Context, v view, names ...string) (map[string]string, error) {
	out, err := s.git.run(ctx, call{gitDir: v.dir, within: min(readTime, s.fetchTime), stdin: strings.NewReader(strings.Join(names, "\n") + "\n"), args: []string{"cat-file", "--batch-check=%(objectname)"}})
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(names) {
		return nil, fmt.Errorf("git gave %d answers to %d questions", len(lines), len(names))
	}
	there := map[string]string{}
	for i, name := range names {
		if v.format.valid(lines[i]) {
			there[name] = lines[i]
		}
	}
	return there, nil
}

// givePack packs what a commit has beyond another and gives it to the source.
func (s *Store) givePack(ctx context.Context, repo bare, g giver, commit, exclude string) error {
	temp, err := os.MkdirTemp(repo.dir, "pack-")
	if err != nil {
		return err
	}
	defer func() { _ = reclaim.RemoveAll(temp) }()
	revs := commit + "\n"
	if exclude != "" {
		revs += "^" + exclude + "\n"
	}
	name, err := s.git.line(ctx, call{
		gitDir: repo.dir, stdin: strings.NewReader(revs),
		args: []string{"pack-objects", "--quiet", "--revs", "--delta-base-offset", "--no-reuse-delta", filepath.Join(temp, "pack")},
	})
	if err != nil {
		return err
	}
	// The index last: a pack without one is not seen.
	for _, ext := range []string{".pack", ".idx"} {
		if err := g.file(filepath.Join(temp, "pack-"+name+ext), "objects/pack/pack-"+name+ext); err != nil {
			return err
		}
	}
	return nil
}

// A giver adds things to somebody's repository. Its root keeps links in the
// repository from leading it away, and what it adds it gives to the owner.
type giver struct{ root *os.Root }

// file copies a file to a new place. One that is there already has the same
// content, as packs are named by theirs.
func (g giver) file(from, to string) error {
	if _, err := g.root.Lstat(to); err == nil {
		return nil
	}
	if err := g.mkdir(path.Dir(to)); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := path.Join(path.Dir(to), "tmp_"+rand.Text()+path.Ext(to)) // git gc removes such, should we die
	if err := g.create(temp, in, 0o444); err != nil {
		return err
	}
	return g.root.Rename(temp, to)
}

func (g giver) create(name string, content io.Reader, perm fs.FileMode) error {
	f, err := g.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Chmod(perm), f.Sync(), f.Close(), g.give(name)); err != nil {
		_ = g.root.Remove(name)
	}
	return err
}

// mkdir makes a directory and those above it.
func (g giver) mkdir(dir string) error {
	if info, err := g.root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if dir != "." {
		if err := g.mkdir(path.Dir(dir)); err != nil {
			return err
		}
	}
	err := g.root.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil // another delivery made it just now
	}
	if err != nil {
		return err
	}
	return g.give(dir)
}

// ref makes a reference that does not exist yet, in the way git itself does:
// whoever makes the lock file may write it.
func (g giver) ref(name, commit string) error {
	if err := g.mkdir(path.Dir(name)); err != nil {
		return err
	}
	lock := name + ".lock"
	if old, err := g.root.ReadFile(lock); err == nil && strings.HasPrefix(commit+"\n", string(old)) {
		_ = g.root.Remove(lock) // our own, from before we died
	}
	if err := g.create(lock, strings.NewReader(commit+"\n"), 0o644); err != nil {
		return err
	}
	if _, err := g.root.Lstat(name); err == nil {
		_ = g.root.Remove(lock)
		return ErrBranchTaken
	}
	return g.root.Rename(lock, name)
}

// deliverPush pushes to the run's own branch and to no other, which must not be there
// yet.
func (s *Store) deliverPush(ctx context.Context, repo bare, base Base, commit, run, branch string) error {
	if branch != "autonoma/"+run {
		return fmt.Errorf("branch %q: only autonoma/%s may be pushed for this run", branch, run)
	}
	ref := "refs/heads/" + branch
	access, err := s.access(ctx, base)
	if err != nil {
		return err
	}
	refs, _, err := s.remoteRefs(ctx, base.Source, access, []string{ref})
	if err != nil {
		return err
	}
	switch refs[ref] {
	case commit:
		return nil
	case "":
	default:
		return fmt.Errorf("%w: to %s", ErrBranchTaken, refs[ref])
	}
	_, err = s.git.run(ctx, call{gitDir: repo.dir, remote: base.Source, access: access, allow: remoteTransports, within: s.fetchTime, args: []string{
		"push", "--quiet", "--no-verify", "--force-with-lease=" + ref + ":", "--end-of-options", base.Source, commit + ":" + ref,
	}})
	if err != nil {
		return unreachable(ctx, err)
	}
	return nil
}
