package workspace

import (
	"context"
	"regexp"
	"strings"
)

// A found is what a reference of a source stands for.
type found struct{ commit, tree, branch string }

var (
	refForm = regexp.MustCompile(`^[^\x00-\x20~^:?*\[\\\x7f-][^\x00-\x20~^:?*\[\\\x7f]*$`)
	hexForm = regexp.MustCompile(`^[0-9a-f]{4,64}$`)
)

// checkRef refuses what cannot be the name of a branch, tag or commit.
func checkRef(ref string) error {
	if ref != "" && (len(ref) > 250 || !refForm.MatchString(ref) || strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.Contains(ref, "//") || strings.HasSuffix(ref, ".lock") || strings.HasSuffix(ref, "/")) {
		return refuse(ReasonRef, "name a branch, a tag or a commit", "%q is no proper name of one", ref)
	}
	return nil
}

// candidates are the full names a reference may stand for, best first.
func candidates(ref string) []string {
	if ref == "" || ref == "HEAD" {
		return []string{"HEAD"}
	}
	names := []string{"refs/heads/" + ref, "refs/tags/" + ref}
	if strings.HasPrefix(ref, "refs/") {
		names = []string{ref}
	} else {
		names = append(names, "refs/remotes/"+ref, "refs/remotes/origin/"+ref)
	}
	if hexForm.MatchString(ref) {
		names = append(names, ref)
	}
	return names
}

// find resolves a reference within a view. It finds nothing, and no error, if
// the source has no commits at all.
func (s *Store) find(ctx context.Context, v view, ref string) (found, error) {
	var ask strings.Builder
	names := candidates(ref)
	for _, name := range names {
		ask.WriteString(name + "^{commit}\n" + name + "^{tree}\n")
	}
	out, err := s.git.run(ctx, call{gitDir: v.dir, within: min(readTime, s.fetchTime), stdin: strings.NewReader(ask.String()), args: []string{"cat-file", "--batch-check"}})
	if err != nil {
		return found{}, unreachable(ctx, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, name := range names {
		if 2*i+1 >= len(lines) {
			break
		}
		commit, tree := strings.Fields(lines[2*i]), strings.Fields(lines[2*i+1])
		if len(commit) == 3 && commit[1] == "commit" && len(tree) == 3 {
			branch, isBranch := strings.CutPrefix(name, "refs/heads/")
			if name == "HEAD" {
				branch, isBranch = v.branch(), true
			}
			if !isBranch {
				branch = ""
			}
			return found{commit[0], tree[0], branch}, nil
		}
	}
	any, err := s.git.line(ctx, call{gitDir: v.dir, within: min(readTime, s.fetchTime), args: []string{"for-each-ref", "--count=1"}})
	switch {
	case err != nil:
		return found{}, unreachable(ctx, err)
	case any == "" && v.branch() != "" && (ref == "" || ref == "HEAD" || ref == v.branch()):
		return found{}, nil
	case ref == "":
		return found{}, refuse(ReasonRef, "name one as the base", "HEAD stands for no commit, though there are branches or tags")
	}
	return found{}, refuse(ReasonRef, "name one that exists", "it has no branch, tag or commit %q", ref)
}
