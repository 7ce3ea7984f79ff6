package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A CommitRequest describes a commit to deliver.
type CommitRequest struct {
	Checkpoint string   // the commit whose files it has
	Parents    []string // commits of the run: usually one; several if it brings them together
	Message    string
	Author     string // as in "Ada <ada@example.com>"; empty: the platform
	Date       time.Time
}

// Commit makes a commit with the files of a checkpoint. The same request gives
// the same commit. A parent that is the placeholder of an empty source is left
// out, so that nobody inherits it.
func (s *Store) Commit(ctx context.Context, run string, req CommitRequest) (string, error) {
	repo, err := s.repo(run)
	if err != nil {
		return "", err
	}
	base, err := readBase(s.place(run))
	if err != nil {
		return "", err
	}
	strange := func(commit string) bool { return !repo.format.valid(commit) }
	if strange(req.Checkpoint) || slices.ContainsFunc(req.Parents, strange) {
		return "", fmt.Errorf("commit %q onto %q: %w", req.Checkpoint, req.Parents, ErrUnknownCommit)
	}
	tree, err := s.git.line(ctx, call{gitDir: repo.dir, args: []string{"rev-parse", "--verify", "--quiet", req.Checkpoint + "^{tree}"}})
	if err != nil {
		return "", fmt.Errorf("commit %s: %w", req.Checkpoint, errors.Join(ErrUnknownCommit, err))
	}
	c := commitObject{tree: tree, message: cleanMessage(req.Message)}
	for _, p := range req.Parents {
		if !base.Empty || p != base.Commit {
			c.parents = append(c.parents, p)
		}
	}
	when := fmt.Sprintf(" %d +0000", max(req.Date.Unix(), 0)) // git knows no earlier
	c.author, c.committer = cleanPerson(req.Author)+when, platform+when
	commit, err := repo.put("commit", c.encode())
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	return commit, repo.setRef("refs/autonoma/results/"+commit, commit)
}

// cleanPerson returns a name and address git accepts.
func cleanPerson(person string) string {
	name, rest, ok := strings.Cut(person, "<")
	address, _, closed := strings.Cut(rest, ">")
	clean := func(s string) string {
		return strings.TrimSpace(strings.Map(func(r rune) rune {
			if r < ' ' || r == '<' || r == '>' || r == 0x7f {
				return -1
			}
			return r
		}, strings.ToValidUTF8(s, "")))
	}
	if name, address = clean(name), clean(address); !ok || !closed || name == "" || address == "" {
		return platform
	}
	return name + " <" + address + ">"
}

// A Status says what became of a file between two commits.
type Status string

// The statuses of files.
const (
	Added    Status = "added"
	Modified Status = "modified"
	Deleted  Status = "deleted"
	Renamed  Status = "renamed"
	Retyped  Status = "retyped" // as from a file to a link
)

var statuses = map[byte]Status{'A': Added, 'M': Modified, 'D': Deleted, 'R': Renamed, 'C': Added, 'T': Retyped}

// A FileStat is one file of a [Diff].
type FileStat struct {
	Path       string // bytes as git has them, not always UTF-8
	OldPath    string // if renamed
	Status     Status
	Insertions int
	Deletions  int
	Binary     bool
}

// A Diff is what differs between two commits.
type Diff struct {
	Files      []FileStat
	Insertions int
	Deletions  int
	Patch      []byte // unified, without binary content
	Truncated  bool   // the patch was cut after MaxPatch bytes
}

// MaxPatch is how many bytes of a patch a [Diff] holds.
const MaxPatch = 1 << 20

// plain keeps git from running programs to show a difference.
var plain = []string{"diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none"}

// Diff compares two commits of a run.
func (s *Store) Diff(ctx context.Context, run, from, to string) (Diff, error) {
	repo, err := s.pair(run, from, to)
	if err != nil {
		return Diff{}, err
	}
	out, err := s.git.run(ctx, call{gitDir: repo.dir, args: withArgs(plain, "--raw", "--numstat", "-z", from, to)})
	if err != nil {
		return Diff{}, unknown(err, "compare")
	}
	d, err := parseStats(string(out))
	if err != nil {
		return Diff{}, fmt.Errorf("compare: %w", err)
	}
	patch := &bounded{limit: MaxPatch}
	_, err = s.git.run(ctx, call{gitDir: repo.dir, stdout: patch, args: withArgs(plain, "-p", from, to)})
	d.Truncated = errors.Is(patch.err, ErrTooLarge)
	if err != nil && !d.Truncated {
		return Diff{}, unknown(err, "compare")
	}
	d.Patch = patch.buf.Bytes()
	return d, nil
}

// Patch writes the whole difference of two commits, in a form that git apply
// takes, binary files included.
func (s *Store) Patch(ctx context.Context, run, from, to string, w io.Writer) error {
	repo, err := s.pair(run, from, to)
	if err != nil {
		return err
	}
	_, err = s.git.run(ctx, call{gitDir: repo.dir, stdout: w, args: withArgs(plain, "-p", "--binary", "--full-index", from, to)})
	return unknown(err, "make a patch")
}

func withArgs(args []string, more ...string) []string {
	return append(append([]string(nil), args...), more...)
}

// pair returns the repository of a run for a call on two of its commits.
func (s *Store) pair(run, from, to string) (bare, error) {
	repo, err := s.repo(run)
	if err == nil && (!repo.format.valid(from) || !repo.format.valid(to)) {
		err = fmt.Errorf("compare %q with %q: %w", from, to, ErrUnknownCommit)
	}
	return repo, err
}

func unknown(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case missing(err):
		return fmt.Errorf("%s: %w: %w", doing, ErrUnknownCommit, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// parseStats reads the answer of git diff-tree --raw --numstat -z: first all
// of one kind of record, then all of the other, in the same order.
func parseStats(out string) (Diff, error) {
	var d Diff
	next := func() string {
		var field string
		field, out, _ = strings.Cut(out, "\x00")
		return field
	}
	for strings.HasPrefix(out, ":") {
		head := strings.Fields(next())
		if len(head) != 5 {
			return Diff{}, fmt.Errorf("%q is not understood", head)
		}
		f := FileStat{Path: next(), Status: statuses[head[4][0]]}
		if head[4][0] == 'R' || head[4][0] == 'C' {
			f.OldPath, f.Path = f.Path, next()
		}
		d.Files = append(d.Files, f)
	}
	for i := 0; out != ""; i++ {
		counts := strings.SplitN(next(), "\t", 3)
		if len(counts) != 3 || i >= len(d.Files) {
			return Diff{}, fmt.Errorf("%q is not understood", counts)
		}
		if counts[2] == "" { // renamed: two names follow
			next()
			next()
		}
		f := &d.Files[i]
		f.Binary = counts[0] == "-"
		f.Insertions, _ = strconv.Atoi(counts[0]) // "-" is none
		f.Deletions, _ = strconv.Atoi(counts[1])
		d.Insertions += f.Insertions
		d.Deletions += f.Deletions
	}
	return d, nil
}

// ErrNothing reports a bundle without commits, which git does not make.
var ErrNothing = errors.New("there is nothing beyond the base")

// Bundle writes a git bundle with a branch at the commit: everything since the
// run's base, or the whole repository if the run began with a new one.
func (s *Store) Bundle(ctx context.Context, run, commit, branch string, w io.Writer) error {
	repo, err := s.pair(run, commit, commit)
	if err != nil {
		return err
	}
	if err := checkBranch(branch); err != nil {
		return err
	}
	base, err := readBase(s.place(run))
	if err != nil {
		return err
	}
	if commit == base.Commit && !base.ours() {
		return ErrNothing
	}
	if err := repo.setRef("refs/heads/"+branch, commit); err != nil {
		return fmt.Errorf("make a bundle: %w", err)
	}
	args := []string{"bundle", "create", "--quiet", "-", "refs/heads/" + branch}
	if !base.ours() {
		args = append(args, "^"+base.Commit)
	}
	_, err = s.git.run(ctx, call{gitDir: repo.dir, stdout: w, args: args})
	return unknown(err, "make a bundle")
}

// ours reports whether the source has nothing of the run's history.
func (b Base) ours() bool { return b.Empty || b.Kind == SourceDirectory }
