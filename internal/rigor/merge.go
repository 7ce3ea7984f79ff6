package rigor

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"autonoma"
	"autonoma/internal/workspace"
)

// Merge is what bringing commits together came to: the data of an
// [autonoma.EventWork].
type Merge struct {
	What    string   `json:"what"` // merge
	Commits []string `json:"commits"`
	workspace.Merged
}

// Key implements [journal.Entry].
func (m Merge) Key() string { return m.What }

// Conflicts are the files that still hold both sides: the data of an
// [autonoma.EventWork].
type Conflicts struct {
	What  string   `json:"what"` // as in conflicts.0
	Paths []string `json:"paths"`
}

// Key implements [journal.Entry].
func (c Conflicts) Key() string { return c.What }

// bringTogether journals what git made of the commits that a step brings together.
func (x *execution) bringTogether(ctx context.Context) error {
	if len(x.Step.Merges) == 0 {
		return nil
	}
	m, err := work(ctx, x, "merge", func(context.Context) (Merge, error) {
		return Merge{What: "merge", Commits: x.Step.Merges, Merged: x.merged}, nil
	})
	x.merged, x.start = m.Merged, m.Commit
	return err
}

// reconcile has the agent settle what did not fit together. Where all did, there is
// nothing for a model to do: whether it works together is found out by the checks.
func (x *execution) reconcile(ctx context.Context) (string, error) {
	if len(x.merged.Conflicts) == 0 {
		x.keep(autonoma.Result{Summary: fmt.Sprintf("Bring together what %d steps left.", len(x.Step.Merges)), Confidence: 1})
		return "nothing was in conflict", nil
	}
	diff, err := x.Workspaces.Diff(ctx, string(x.Run.ID), x.Step.Merges[0], x.start)
	if err != nil {
		return "", err
	}
	var b brief
	x.introduce(&b)
	b.part("Conflicts", text("conflicts"))
	b.data("Files in conflict", "git", strings.Join(x.merged.Conflicts, "\n"), x.Policy.Prompt.Output)
	b.data("From the first side to both", "diff", string(diff.Patch), x.Policy.Prompt.Diff)
	for try := 0; ; try++ {
		if err := x.ask(ctx, b.String()); err != nil {
			return "", err
		}
		left, err := work(ctx, x, fmt.Sprintf("conflicts.%d", try), func(context.Context) (Conflicts, error) {
			return Conflicts{What: fmt.Sprintf("conflicts.%d", try), Paths: x.unsettled()}, nil
		})
		if err != nil {
			return "", err
		}
		if len(left.Paths) == 0 {
			return x.result.Summary, nil
		}
		if try > 0 {
			return "", &autonoma.Failure{Code: autonoma.FailConflict, Message: "conflicts are left in " + strings.Join(left.Paths, ", ")}
		}
		b = brief{}
		b.part("Not done yet", text("conflicts"))
		b.data("Files that still hold both sides", "git", strings.Join(left.Paths, "\n"), x.Policy.Prompt.Output)
	}
}

// marker is how git marks where a side begins or ends.
var marker = regexp.MustCompile(`(?m)^(<{7}|>{7}) [0-9a-f]{40,64}\r?$`)

// unsettled returns the files in conflict that still hold both sides.
func (x *execution) unsettled() []string {
	paths := []string{}
	for _, p := range x.merged.Conflicts {
		text, err := x.bench.files.Read(p)
		if err == nil && marker.Match(text) { // what is no file any more was settled by taking it away
			paths = append(paths, p)
		}
	}
	return paths
}
