package workspace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// noticeDirty tells whether a working tree has changes that are not committed
// and so not taken. It is a courtesy: when git cannot tell or takes long,
// nothing is said.
func (s *Store) noticeDirty(ctx context.Context, src Source, v view) []Notice {
	index := filepath.Join(src.gitDir, "index")
	if info, err := os.Stat(index); src.Bare() || err != nil || !info.Mode().IsRegular() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := s.git.run(ctx, call{
		gitDir: v.dir, workTree: src.Location, index: index, limit: 16 << 20,
		args: []string{"status", "--porcelain", "-z", "--ignore-submodules=all", "--untracked-files=normal", "--no-renames"},
	})
	if err != nil || len(out) == 0 {
		return nil
	}
	n := strings.Count(string(out), "\x00")
	return []Notice{{"dirty", fmt.Sprintf("The working tree has changes that are not committed (%d files). Only what is committed is taken.", n)}}
}

const largeFile = 50 << 20 // bytes; what forges warn about

// noticeFiles tells what is special about the files of a commit. The answer is
// kept beside the cache, as it is the same for every run.
func (s *Store) noticeFiles(ctx context.Context, cache bare, commit string) ([]Notice, error) {
	kept := filepath.Join(cache.dir, "notices", commit)
	if data, err := os.ReadFile(kept); err == nil {
		var notices []Notice
		if json.Unmarshal(data, &notices) == nil {
			return notices, nil
		}
	}
	list := &listing{most: s.maxFiles}
	_, err := s.git.run(ctx, call{gitDir: cache.dir, stdout: list, args: []string{"ls-tree", "-r", "-z", "-l", "--full-tree", commit}})
	if list.full {
		return nil, refuse(ReasonTooLarge, "give a smaller repository, or let the operator allow more", "the commit has more than %d files", s.maxFiles)
	}
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	var modules, large int
	var attributes string
	for record := range strings.SplitSeq(list.text.String(), "\x00") {
		head, path, _ := strings.Cut(record, "\t")
		fields := strings.Fields(head)
		if len(fields) != 4 {
			continue
		}
		if size, err := strconv.ParseInt(fields[3], 10, 64); err == nil && size > largeFile {
			large++
		}
		switch {
		case fields[0] == modeModule:
			modules++
		case path == ".gitattributes":
			attributes = fields[2]
		}
	}
	var notices []Notice
	if modules > 0 {
		notices = append(notices, Notice{"submodules", fmt.Sprintf("The repository has %d submodules. They are not fetched; their directories are empty.", modules)})
	}
	if large > 0 {
		notices = append(notices, Notice{"large_files", fmt.Sprintf("The repository has %d files above 50 MiB.", large)})
	}
	if attributes != "" {
		text, err := s.git.run(ctx, call{gitDir: cache.dir, args: []string{"cat-file", "blob", attributes}})
		if err == nil && strings.Contains(string(text), "filter=lfs") {
			notices = append(notices, Notice{"lfs", "The repository uses Git LFS. Its large files are not fetched; there are pointers in their place."})
		}
	}
	data, err := json.Marshal(notices)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return nil, err
	}
	return notices, replaceFile(kept, data, 0o600)
}

// A listing keeps what git ls-tree -z lists, and fails it when there are too many
// files: a few objects are enough to list more than there is memory.
type listing struct {
	text strings.Builder
	n    int
	most int
	full bool
}

func (l *listing) Write(p []byte) (int, error) {
	l.n += bytes.Count(p, []byte{0})
	if l.full = l.n > l.most || l.text.Len() > maxListing; l.full {
		return 0, ErrTooLarge
	}
	return l.text.Write(p)
}
