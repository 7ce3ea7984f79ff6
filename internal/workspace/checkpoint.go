package workspace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Checkpoint is the whole tree of a workspace as a commit.
type Checkpoint struct {
	Commit  string
	Tree    string
	Changed []string  // paths that differ from the checkpoint before, sorted
	Skipped []Skipped // what is there but not stored
}

// platform is whom checkpoints are by.
const platform = "Autonoma <autonoma@localhost>"

// Checkpoint stores the files as a commit on top of the last checkpoint, under
// refs/autonoma/checkpoints/ of the run's repository, and reports whether there
// was anything to store. If not, it returns the last checkpoint and has started
// no process and written nothing.
//
// Stored is what git add --all would store: tracked files, and untracked ones
// that the .gitignore files in the workspace do not exclude, converted as the
// .gitattributes files say, but through no filter program. It differs where
// git would lose files or store what it cannot check out again:
//   - A directory an agent made a repository of is stored file by file, not as
//     a link to a commit nobody has; its .git is left out, as is everything
//     with a name that some file system takes for .git.
//   - Files above 256 MiB, pipes, sockets and devices are left out. A tracked
//     file that grew beyond keeps its last stored content.
//   - Files that their owner may not read, and directories that it may not read,
//     write and enter, are opened to it.
//
// What was left out is in Skipped. Files that cannot be stored at all, or not be
// checked out again, are a [*TreeError]; they are left as they are, and Restore
// takes them away.
func (w *Workspace) Checkpoint(ctx context.Context, message string) (cp Checkpoint, changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &scan{}
	now, err := w.look(ctx, w.tree, s)
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("checkpoint: %w", err)
	}
	after, err := w.repo.store(now)
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("checkpoint: %w", err)
	}
	if s.encodes {
		if err := w.tryCheckout(ctx, after); err != nil {
			return Checkpoint{}, false, fmt.Errorf("checkpoint: %w", err)
		}
	}
	w.tree = now // stored, so it may be compared with, whatever becomes of the commit
	if after == w.headTree {
		return Checkpoint{Commit: w.head, Tree: after, Skipped: s.skipped}, false, nil
	}
	at := fmt.Sprintf("%s %d +0000", platform, time.Now().Unix())
	commit, err := w.repo.put("commit", commitObject{after, []string{w.head}, at, at, cleanMessage(message)}.encode())
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("checkpoint: %w", err)
	}
	if err := w.moveHead(commit, after); err != nil {
		return Checkpoint{}, false, fmt.Errorf("checkpoint: %w", err)
	}
	slices.Sort(s.changed)
	return Checkpoint{commit, after, slices.Compact(s.changed), s.skipped}, true, nil
}

// moveHead records where the workspace is. The checkpoint's own reference comes
// first: what the workspace points at is always kept.
func (w *Workspace) moveHead(commit, tree string) error {
	if err := w.repo.setRef("refs/autonoma/checkpoints/"+w.name+"/"+commit, commit); err != nil {
		return err
	}
	if err := w.repo.setRef(w.headRef(), commit); err != nil {
		return err
	}
	w.head, w.headTree = commit, tree
	return nil
}

// cleanMessage makes any text a commit message.
func cleanMessage(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "?")
	if text = strings.TrimSpace(text); text == "" {
		return "Checkpoint"
	}
	return text
}
