package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Mount is a directory of this machine to show to commands.
type Mount struct {
	Source   string // here
	Target   string // where commands see it
	Writable bool
}

// AgentGit returns what a sandbox has to add so that git works for commands in
// the workspace: status, diff and log against the commit the run began with,
// and even commits, which stay in a git directory of the agent's own and mean
// nothing to us. We never run git on that directory.
//
// The environment is for commands that see the workspace at workTree, and the
// mounts at their targets, which lie below root: as in "/workspace" and
// "/run/autonoma". A sandbox that cannot show one directory as another passes
// [Workspace.Dir] and an empty root; the targets are then the sources.
func (w *Workspace) AgentGit(workTree, root string) (mounts []Mount, env []string) {
	base := w.store.dir
	if root == "" {
		root = base
	}
	at := func(dir string) string {
		rel, err := filepath.Rel(base, dir)
		if err != nil {
			return dir // cannot be: both are below base
		}
		return filepath.Join(root, rel)
	}
	own := w.agentDir()
	mounts = append(mounts, Mount{own, at(own), true})
	for _, repo := range []string{w.repo.dir, w.store.borrowed(w.repo)} {
		if repo != "" {
			objects := filepath.Join(repo, "objects")
			mounts = append(mounts, Mount{objects, at(objects), false})
		}
	}
	return mounts, []string{"GIT_DIR=" + at(own), "GIT_WORK_TREE=" + workTree, "GIT_CEILING_DIRECTORIES=/", "GIT_TERMINAL_PROMPT=0", "GIT_PAGER=cat"}
}

func (w *Workspace) agentDir() string { return filepath.Join(filepath.Dir(w.dir), "git") }

// borrowed returns the repository that b borrows objects from, or "".
func (s *Store) borrowed(b bare) string {
	objects := filepath.Join(b.dir, "objects")
	data, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if err != nil {
		return ""
	}
	return filepath.Dir(filepath.Join(objects, strings.TrimSpace(string(data))))
}

// agentConfig is for programs of the agent, in the sandbox. The inode, owner
// and change time of a file may look different from there.
const agentConfig = `[core]
	repositoryformatversion = %d
	filemode = true
	bare = false
	checkStat = minimal
	trustctime = false
	hooksPath = /dev/null
[user]
	name = Agent
	email = agent@localhost
[gc]
	auto = 0
[safe]
	directory = *
%s`

// prepareAgentGit makes the agent's git directory, on a branch at the commit
// the run began with.
func (w *Workspace) prepareAgentGit(ctx context.Context) error {
	base, err := readBase(w.store.place(w.run))
	if err != nil {
		return err
	}
	dir := w.agentDir()
	agent, err := initBare(dir, w.repo.format)
	if err != nil {
		return err
	}
	version, extension := 0, ""
	if agent.format == sha256Format {
		version, extension = 1, "[extensions]\n\tobjectformat = sha256\n"
	}
	branch := base.Branch
	if branch == "" {
		branch = "main"
	}
	err = errors.Join(
		replaceFile(filepath.Join(dir, "config"), fmt.Appendf(nil, agentConfig, version, extension), 0o600),
		replaceFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/"+branch+"\n"), 0o600),
		agent.borrow(w.repo.dir),
		copySmall(filepath.Join(w.repo.dir, "shallow"), filepath.Join(dir, "shallow")),
		replaceFile(filepath.Join(dir, "packed-refs"), []byte(base.Commit+" refs/heads/"+branch+"\n"), 0o600),
	)
	if err != nil {
		return err
	}
	index := filepath.Join(filepath.Dir(w.dir), "index") // of the checkout
	if w.head != base.Commit {
		// Nothing of the agent is in dir yet, but our own repository does as well.
		if _, err := w.store.git.run(ctx, call{gitDir: w.repo.dir, index: index, args: []string{"read-tree", base.Commit}}); err != nil {
			return err
		}
	}
	return os.Rename(index, filepath.Join(dir, "index"))
}
