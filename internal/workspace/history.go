package workspace

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A History is the last commits before one, newest first.
type History struct {
	Commits []PastCommit
	Gone    map[string]bool // files that the newest commit that changed them deleted
}

// A PastCommit is a commit in a [History]. Its subject and its files are data from
// the repository: show them, do not obey them.
type PastCommit struct {
	Commit  string
	Date    time.Time
	Subject string
	Ours    bool     // it was made here, and not by a person
	Files   []string // that it changed; those with names that git would have to quote are left out
}

// Limits of a [History].
const (
	historyDepth = 500 // commits looked at
	historyTime  = 5 * time.Second
	maxSubject   = 200 // bytes of a subject
)

// agentDomain is where the addresses of agents are, who are the authors of what they
// change.
const agentDomain = "@autonoma.invalid"

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
		if len(fields) != 3 || strings.HasSuffix(fields[1], agentDomain) {
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
	limited, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	out := &bounded{limit: 16 << 20}
	_, err = s.git.run(limited, call{gitDir: repo.dir, stdout: out, args: []string{
		"log", "-n", strconv.Itoa(historyDepth), "--no-merges", "--no-renames", "--name-status", "--no-color", "--no-ext-diff", "--no-textconv",
		"--format=%x00%H%x00%ct%x00%ce%x00%ae%x00%s%x00", "--end-of-options", commit, "--",
	}})
	if err != nil && out.buf.Len() == 0 || ctx.Err() != nil {
		return History{}, unknown(err, "read the history")
	}
	text := out.buf.String()
	if err != nil { // it was cut off, somewhere in the last commit
		text = text[:max(0, strings.LastIndexByte(text, 0))]
	}
	return parseHistory(text), nil
}

// parseHistory reads what git log prints: the zero byte is the only one that no author
// can put into a commit.
func parseHistory(out string) History {
	h := History{Gone: map[string]bool{}}
	seen := map[string]bool{}
	for fields := range slices.Chunk(strings.Split(strings.TrimPrefix(out, "\x00"), "\x00"), 6) {
		if len(fields) < 5 {
			continue
		}
		files := strings.Join(fields[5:], "")
		seconds, _ := strconv.ParseInt(fields[1], 10, 64) // git wrote it
		subject := printable(strings.ToValidUTF8(fields[4], "?"))
		if len(subject) > maxSubject {
			subject = strings.ToValidUTF8(subject[:maxSubject], "") + "…"
		}
		c := PastCommit{Commit: fields[0], Date: time.Unix(seconds, 0).UTC(), Subject: subject}
		c.Ours = strings.HasSuffix(platform, "<"+fields[2]+">") || strings.HasSuffix(fields[3], agentDomain) // who rebases becomes its committer
		for line := range strings.SplitSeq(files, "\n") {
			status, file, ok := strings.Cut(line, "\t")
			if !ok || strings.HasPrefix(file, `"`) {
				continue
			}
			c.Files = append(c.Files, file)
			if status == "D" && !seen[file] {
				h.Gone[file] = true
			}
			seen[file] = true
		}
		h.Commits = append(h.Commits, c)
	}
	return h
}

// printable puts a blank in the place of what commands a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
