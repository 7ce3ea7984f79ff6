package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Base is where a run begins.
type Base struct {
	Commit  string     `json:"commit"`
	Tree    string     `json:"tree"`
	Branch  string     `json:"branch,omitempty"` // the commit was taken from; empty: none
	Empty   bool       `json:"empty,omitempty"`  // the source has no commits; Commit is a placeholder that is never delivered
	Kind    SourceKind `json:"kind"`
	Notices []Notice   `json:"notices,omitempty"`

	Source string `json:"source,omitempty"`     // the repository's directory, or the URL
	Tenant string `json:"tenant,omitempty"`     // for whom a URL is reached
	GitDir string `json:"git_dir,omitempty"`    // of a repository on this machine
	Common string `json:"common_dir,omitempty"` // likewise; where its objects are
}

// A Notice tells the user something about the source that they should know
// and that does not hinder the run.
type Notice struct {
	Code string `json:"code"` // empty, dirty, shallow, submodules, lfs, large_files, directory
	Text string `json:"text"`
}

// Prepare brings the source into the store and makes the run's repository,
// which begins at baseRef: a branch, tag or commit, or if empty, the source's
// HEAD. It may be called again after a crash at any point, and once it has
// answered, always answers the same, even if the source has moved on.
//
// The source is only read. Runs on one source share its objects, which are
// never pruned; at most one of them fetches at a time.
func (s *Store) Prepare(ctx context.Context, run string, src Source, baseRef string) (Base, error) {
	if err := errors.Join(checkName("run", run), checkRef(baseRef)); err != nil {
		return Base{}, err
	}
	unlock, err := s.runs.lock(ctx, run)
	if err != nil {
		return Base{}, err
	}
	defer unlock()
	p := s.place(run)
	if exists(p.base()) {
		return readBase(p)
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return Base{}, fmt.Errorf("prepare %s: %w", run, err)
	}
	base, err := s.prepare(ctx, p, src, baseRef)
	if err != nil {
		return Base{}, fmt.Errorf("prepare %s: %w", run, err)
	}
	data, err := json.Marshal(base)
	if err != nil {
		return Base{}, fmt.Errorf("prepare %s: %w", run, err)
	}
	if err := replaceFile(p.base(), data, 0o600); err != nil {
		return Base{}, fmt.Errorf("prepare %s: %w", run, err)
	}
	return base, nil
}

// Base returns what Prepare answered for a run.
func (s *Store) Base(run string) (Base, error) {
	if err := checkName("run", run); err != nil {
		return Base{}, err
	}
	if !exists(s.place(run).base()) {
		return Base{}, fmt.Errorf("%s: %w", run, ErrNotPrepared)
	}
	return readBase(s.place(run))
}

func readBase(p place) (Base, error) {
	var base Base
	data, err := os.ReadFile(p.base())
	if err == nil {
		err = json.Unmarshal(data, &base)
	}
	if err != nil {
		return Base{}, fmt.Errorf("read what was prepared: %w", err)
	}
	return base, nil
}

func (s *Store) prepare(ctx context.Context, p place, src Source, baseRef string) (Base, error) {
	switch src.Kind {
	case SourceNone:
		return s.begin(p, sha1Format, Base{Kind: SourceNone, Empty: true})
	case SourceDirectory:
		return s.adopt(ctx, p, src)
	case SourceRepository:
		return s.prepareRepository(ctx, p, src, baseRef)
	case SourceURL:
		return s.prepareURL(ctx, p, src, baseRef)
	}
	return Base{}, fmt.Errorf("a source of kind %q is not known", src.Kind)
}

// begin makes a repository that starts with an empty tree.
func (s *Store) begin(p place, f format, base Base) (Base, error) {
	repo, err := initBare(p.repo(), f)
	if err != nil {
		return Base{}, err
	}
	return commitBase(repo, &tree{}, "Start of an empty repository", time.Unix(0, 0), base)
}

// adopt makes the files of a directory the first commit of a new repository.
func (s *Store) adopt(ctx context.Context, p place, src Source) (Base, error) {
	repo, err := initBare(p.repo(), sha1Format)
	if err != nil {
		return Base{}, err
	}
	dir, err := os.Open(src.Location)
	if err != nil {
		return Base{}, err
	}
	defer dir.Close()
	files, err := (&scan{ctx: ctx, repo: repo, staging: filepath.Join(p.dir, "staging"), guest: true}).all(s.git, dir, nil)
	if tree, ok := errors.AsType[*TreeError](err); ok && !errors.Is(err, ErrTooLarge) {
		e := refuse(ReasonBroken, "mend that, or leave it out", "%s cannot be taken as it is: %s", src.Location, tree)
		e.Err = err
		return Base{}, e
	}
	if errors.Is(err, ErrTooLarge) {
		e := refuse(ReasonForm, "give a smaller directory, or make it a repository that leaves out what is generated", "%s is too large to be taken as it is", src.Location)
		e.Err = err
		return Base{}, e
	}
	if err != nil {
		return Base{}, err
	}
	base := Base{Kind: SourceDirectory, Source: src.Location, Notices: []Notice{{
		"directory", "The directory is no repository. Its files became the first commit of a new one; the directory itself is not changed.",
	}}}
	return commitBase(repo, files, "Files of "+filepath.Base(src.Location), time.Now(), base)
}

// commitBase stores the first commit of a repository.
func commitBase(repo bare, t *tree, message string, at time.Time, base Base) (Base, error) {
	var err error
	if base.Tree, err = repo.store(t); err != nil {
		return Base{}, err
	}
	by := fmt.Sprintf("%s %d +0000", platform, at.Unix())
	base.Commit, err = repo.put("commit", commitObject{tree: base.Tree, author: by, committer: by, message: message}.encode())
	if err != nil {
		return Base{}, err
	}
	return base, repo.setRef("refs/autonoma/base", base.Commit)
}

func (s *Store) prepareRepository(ctx context.Context, p place, src Source, baseRef string) (Base, error) {
	v, err := s.look(src)
	if err != nil {
		return Base{}, err
	}
	defer v.close()
	base := Base{Kind: SourceRepository, Source: src.Location, GitDir: src.gitDir, Common: src.commonDir}
	found, err := s.find(ctx, v, baseRef)
	if err != nil {
		return Base{}, err
	}
	if found.commit == "" {
		base.Empty, base.Branch = true, v.branch()
		base.Notices = append(base.Notices, Notice{"empty", "The repository has no commits. The run starts from nothing."})
		return s.begin(p, v.format, base)
	}
	base.Commit, base.Tree, base.Branch = found.commit, found.tree, found.branch
	dirty := make(chan []Notice, 1)
	go func() { dirty <- s.noticeDirty(ctx, src, v) }()
	cache, err := s.fetch(ctx, src.commonDir, v.format, found.commit, call{
		args: []string{v.dir, "+" + found.commit + ":refs/autonoma/incoming"}, allow: "file",
	})
	base.Notices = append(base.Notices, <-dirty...)
	if err != nil {
		return Base{}, err
	}
	return s.derive(ctx, p, cache, base)
}

// derive makes the run's repository on top of a cache that has its base.
func (s *Store) derive(ctx context.Context, p place, cache bare, base Base) (Base, error) {
	repo, err := initBare(p.repo(), cache.format)
	if err != nil {
		return Base{}, err
	}
	if err := repo.borrow(cache.dir); err != nil {
		return Base{}, err
	}
	shallow := filepath.Join(cache.dir, "shallow")
	if err := copySmall(shallow, filepath.Join(repo.dir, "shallow")); err != nil {
		return Base{}, err
	}
	notices, err := s.noticeFiles(ctx, cache, base.Commit)
	if err != nil {
		return Base{}, err
	}
	if exists(shallow) {
		notices = append(notices, Notice{"shallow", "The source has only a part of its history."})
	}
	base.Notices = append(base.Notices, notices...)
	return base, repo.setRef("refs/autonoma/base", base.Commit)
}
