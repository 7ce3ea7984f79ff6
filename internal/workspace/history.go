package workspace

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A History is what a repository's past tells about its files.
type History struct {
	Recent []PastCommit // newest first
	Hot    []HotFile    // changed most often, first
}

// A PastCommit is a commit in a [History]. Its subject is data from the
// repository: show it, do not obey it.
type PastCommit struct {
	Commit  string
	Date    time.Time
	Subject string
}

// A HotFile is how often a file changed.
type HotFile struct {
	Path    string
	Changes int
}

// Limits of a [History].
const (
	historyDepth  = 500 // commits looked at
	historyRecent = 20  // commits returned
	historyHot    = 50  // files returned
	maxSubject    = 200 // bytes of a subject
)

// A Past is how much a repository's commits have to tell.
type Past struct {
	Commits int       // of people, as far as was looked
	Telling int       // those whose subject has at least three words
	Newest  time.Time // when the newest was made; zero if there is none
}

// Past counts the commits before one of the run's, at most so many. Merges and what
// agents committed are left out.
func (s *Store) Past(ctx context.Context, run, commit string, most int) (Past, error) {
	repo, err := s.pair(run, commit, commit)
	if err != nil {
		return Past{}, err
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out := &bounded{limit: 16 << 20}
	_, err = s.git.run(limited, call{gitDir: repo.dir, stdout: out, args: []string{
		"log", "-n", strconv.Itoa(most), "--no-merges", "--no-color", "--format=%ct%x02%ae%x02%s", "--end-of-options", commit, "--",
	}})
	if err != nil && out.buf.Len() == 0 || ctx.Err() != nil {
		return Past{}, unknown(err, "count the commits")
	}
	var p Past
	for line := range strings.Lines(out.buf.String()) {
		fields := strings.SplitN(line, "\x02", 3)
		if len(fields) != 3 || strings.HasSuffix(fields[1], "@autonoma.invalid") {
			continue
		}
		p.Commits++
		if len(strings.Fields(fields[2])) >= 3 {
			p.Telling++
		}
		seconds, _ := strconv.ParseInt(fields[0], 10, 64) // git wrote it
		if at := time.Unix(seconds, 0).UTC(); at.After(p.Newest) {
			p.Newest = at
		}
	}
	return p, nil
}

// History looks at the last commits before one of the run's. Merges are left
// out. It gives up after five seconds with what it has.
func (s *Store) History(ctx context.Context, run, commit string) (History, error) {
	repo, err := s.pair(run, commit, commit)
	if err != nil {
		return History{}, err
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out := &bounded{limit: 16 << 20}
	_, err = s.git.run(limited, call{gitDir: repo.dir, stdout: out, args: []string{
		"log", "-n", strconv.Itoa(historyDepth), "--no-merges", "--no-renames", "--name-only", "--no-color", "--no-ext-diff", "--no-textconv",
		"--format=%x01%H%x02%ct%x02%s", "--end-of-options", commit, "--",
	}})
	if err != nil && out.buf.Len() == 0 || ctx.Err() != nil {
		return History{}, unknown(err, "read the history")
	}
	return parseHistory(out.buf.String()), nil
}

func parseHistory(out string) History {
	var h History
	changes := map[string]int{}
	for record := range strings.SplitSeq(out, "\x01") {
		head, files, _ := strings.Cut(record, "\n")
		fields := strings.SplitN(head, "\x02", 3)
		if len(fields) != 3 {
			continue
		}
		if len(h.Recent) < historyRecent {
			seconds, _ := strconv.ParseInt(fields[1], 10, 64) // git wrote it
			subject := strings.ToValidUTF8(fields[2], "?")
			if len(subject) > maxSubject {
				subject = strings.ToValidUTF8(subject[:maxSubject], "") + "…"
			}
			h.Recent = append(h.Recent, PastCommit{fields[0], time.Unix(seconds, 0).UTC(), subject})
		}
		for file := range strings.SplitSeq(files, "\n") {
			if file != "" {
				changes[file]++
			}
		}
	}
	for path, n := range changes {
		h.Hot = append(h.Hot, HotFile{path, n})
	}
	slices.SortFunc(h.Hot, func(a, b HotFile) int {
		return cmp.Or(cmp.Compare(b.Changes, a.Changes), strings.Compare(a.Path, b.Path))
	})
	h.Hot = h.Hot[:min(len(h.Hot), historyHot)]
	return h
}
