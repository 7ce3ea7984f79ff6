package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A Merged is what bringing commits together came to.
type Merged struct {
	Commit    string   `json:"commit"`              // whose parents are the commits
	Conflicts []string `json:"conflicts,omitempty"` // paths that hold both sides between conflict markers, or one of them
}

// Merge brings commits of a run together, in their order, and returns a commit with
// all of them as parents. The same commits give the same commit: its date is that of
// the youngest of them. Where they do not fit each other the commit holds both sides,
// between the markers that git writes, and is for somebody to settle; nobody but us
// decides what a file's attributes ask for, so no program is run for it.
func (s *Store) Merge(ctx context.Context, run string, commits []string) (Merged, error) {
	repo, err := s.repo(run)
	if err != nil {
		return Merged{}, err
	}
	for _, c := range commits {
		if !repo.format.valid(c) {
			return Merged{}, fmt.Errorf("merge %q: %w", c, ErrUnknownCommit)
		}
	}
	when, err := s.youngest(ctx, repo, commits)
	if err != nil {
		return Merged{}, unknown(err, "merge")
	}
	by := fmt.Sprintf("%s %d +0000", platform, when)
	var m Merged
	m.Commit = commits[0]
	for i, c := range commits[1:] {
		tree, conflicts, err := s.mergeTree(ctx, repo, m.Commit, c)
		if err != nil {
			return Merged{}, unknown(err, "merge")
		}
		m.Conflicts = append(m.Conflicts, conflicts...)
		m.Commit, err = repo.put("commit", commitObject{
			tree: tree, parents: commits[:i+2], author: by, committer: by, message: mergeMessage(commits[:i+2]),
		}.encode())
		if err != nil {
			return Merged{}, fmt.Errorf("merge: %w", err)
		}
	}
	slices.Sort(m.Conflicts)
	m.Conflicts = slices.Compact(m.Conflicts)
	return m, repo.setRef("refs/autonoma/results/"+m.Commit, m.Commit)
}

func mergeMessage(commits []string) string {
	short := make([]string, len(commits))
	for i, c := range commits {
		short[i] = c[:12]
	}
	return "Merge " + strings.Join(short, ", ")
}

// mergeTree merges two commits without a checkout and returns the tree, and the
// paths at which they conflict.
func (s *Store) mergeTree(ctx context.Context, repo bare, ours, theirs string) (tree string, conflicts []string, err error) {
	var out bytes.Buffer
	_, err = s.git.run(ctx, call{gitDir: repo.dir, stdout: &out, args: []string{
		"merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--allow-unrelated-histories", ours, theirs,
	}})
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 { // there are conflicts
		err = nil
	}
	if err != nil {
		return "", nil, err
	}
	fields := strings.Split(strings.TrimRight(out.String(), "\x00"), "\x00")
	if !repo.format.valid(fields[0]) {
		return "", nil, fmt.Errorf("git merge-tree answers %.100q", out.String())
	}
	return fields[0], fields[1:], nil
}

// youngest returns the latest time at which one of the commits was made, in seconds
// since 1970.
func (s *Store) youngest(ctx context.Context, repo bare, commits []string) (int64, error) {
	out, err := s.git.run(ctx, call{gitDir: repo.dir, args: append([]string{"show", "--no-patch", "--format=%ct"}, commits...)})
	if err != nil {
		return 0, err
	}
	var latest int64
	for _, text := range strings.Fields(string(out)) {
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("git shows the date %q", text)
		}
		latest = max(latest, at)
	}
	return latest, nil
}
