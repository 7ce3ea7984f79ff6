package rigor

import (
	"context"
	"fmt"
	"strings"

	"autonoma"
)

// Candidate is one of several tries at the step of a job, and what came of it.
type Candidate struct {
	Step   string
	Used   autonoma.Usage
	Result *autonoma.Result  // nil: it failed
	Error  *autonoma.Failure // nil: it did not
}

// Choice is which candidate was chosen: the data of an [autonoma.EventWork].
type Choice struct {
	What string `json:"what"` // choice
	autonoma.Choice
}

// Key implements [journal.Entry].
func (c Choice) Key() string { return c.What }

// choosing are the phases of a step that has candidates. They did the work; what is
// left is to say which of it is taken over, and that is a review.
func (x *execution) choosing() []part {
	idle := func(context.Context) (string, error) { return "nothing to do in a choice", nil }
	return []part{
		{autonoma.Research, func(context.Context) (string, error) {
			return fmt.Sprintf("%d of %d candidates came to a result", results(x.standing()), len(x.Candidates)), nil
		}},
		{autonoma.Inspect, idle}, {autonoma.Generate, idle}, {autonoma.OptimizePhase, idle},
		{autonoma.Review, x.choose},
	}
}

// choose takes one of the candidates over: by evidence first, and among those that are
// equally good by a judge, unless they made the same change.
func (x *execution) choose(ctx context.Context) (string, error) {
	made := autonoma.Choice{Candidates: x.standing()}
	best := autonoma.Best(made.Candidates)
	if len(best) == 0 {
		return "", fmt.Errorf("step %s chooses among candidates of which none came to a result", x.Step.ID)
	}
	made.Step = best[0].Step
	switch {
	case len(best) > 1:
		if err := x.prefer(ctx, &made, best); err != nil {
			return "", err
		}
	case results(made.Candidates) == 1:
		made.By, made.Why = autonoma.ByDefault, "No other candidate came to a result."
	default:
		made.By, made.Why = autonoma.ByEvidence, "By what the platform found out it is better than any other."
	}
	c, err := work(ctx, x, "choice", func(context.Context) (Choice, error) { return Choice{"choice", made}, nil })
	if err != nil {
		return "", err
	}
	for _, o := range x.Candidates {
		if o.Step == c.Step {
			x.result = *o.Result
		}
	}
	x.result.Choice = &c.Choice
	return fmt.Sprintf("%s is chosen among %d by %s", c.Step, len(c.Candidates), c.By), x.consent(ctx)
}

// standing is what the platform found out about each candidate.
func (x *execution) standing() []autonoma.Candidate {
	all := make([]autonoma.Candidate, len(x.Candidates))
	for i, c := range x.Candidates {
		switch {
		case c.Result != nil:
			all[i] = autonoma.NewCandidate(c.Step, *c.Result, c.Used)
		case c.Error != nil:
			all[i] = autonoma.Candidate{Step: c.Step, Failure: c.Error.Code, Usage: c.Used}
		default:
			all[i] = autonoma.Candidate{Step: c.Step, Failure: autonoma.FailInternal, Usage: c.Used}
		}
	}
	return all
}

func results(all []autonoma.Candidate) int {
	n := 0
	for _, c := range all {
		if c.Failure == "" {
			n++
		}
	}
	return n
}

// prefer decides among candidates that are equally good by evidence.
func (x *execution) prefer(ctx context.Context, made *autonoma.Choice, best []autonoma.Candidate) error {
	var names, patches []string
	seen := map[string]bool{}
	for _, c := range best {
		diff, err := x.Workspaces.Diff(ctx, string(x.Run.ID), x.start, c.Commit)
		if err != nil {
			return err
		}
		if patch := string(diff.Patch); diff.Truncated || !seen[patch] {
			seen[patch] = true
			names, patches = append(names, c.Step), append(patches, patch)
		}
	}
	if len(names) == 1 {
		made.By, made.Why = autonoma.ByLikeness, fmt.Sprintf("The %d best candidates made the same change.", len(best))
		return nil
	}
	said, err := x.judge(ctx, names, patches)
	if why, gaveUp := failure(err); gaveUp {
		// What passed its checks does not fail for want of a preference.
		made.By, made.Why = autonoma.ByOrder, fmt.Sprintf("It is the first of %d that are equally good by evidence; the judge came to no end: %s.", len(best), why.Message)
		return nil
	}
	if err != nil {
		return err
	}
	made.Step, made.By, made.Why = said.Step, autonoma.ByJudge, said.Why
	return nil
}

// judge has a model name the best of several changes. It sees nothing else of them: not
// what their agents say, and not what they cost.
func (x *execution) judge(ctx context.Context, names, patches []string) (autonoma.Choice, error) {
	a := x.agent("judge", autonoma.Review, autonoma.Pick, nil)
	a.Cause = autonoma.CauseChoice
	a.Accepts = func(r autonoma.Result) error {
		for _, name := range names {
			if r.Choice.Step == name {
				return nil
			}
		}
		return fmt.Errorf("candidate must be one of %s", strings.Join(names, ", "))
	}
	var b brief
	x.request(&b)
	for i, name := range names {
		b.data("Candidate "+name, name, patches[i], x.Policy.Prompt.Diff)
	}
	said, err := a.Work(ctx, system(x.Agent, autonoma.Review, text("judge")), b.String())
	if err == nil && said.Choice == nil {
		err = &autonoma.Failure{Code: autonoma.FailTurns, Message: "it named no candidate"}
	}
	if err != nil {
		return autonoma.Choice{}, err
	}
	return *said.Choice, nil
}

// request tells what was asked for, and what the steps before wrote about it.
func (x *execution) request(b *brief) {
	b.part("Task", x.Run.Request.Task)
	b.part("The part of it", x.asked())
	for _, e := range x.Earlier {
		said := e.Result.Document
		if e.Result.Verdict == autonoma.Changes { // what sent the work back
			said = e.Result.Summary
		}
		if e.Step.ID != x.Step.ID {
			b.data(fmt.Sprintf("From the step %s", e.Step.ID), string(e.Step.Agent), said, x.Policy.Prompt.Document)
		}
	}
}

// hint says in which spirit a candidate works, so that they differ; nothing for other
// steps.
func (x *execution) hint() string {
	if x.Step.Candidate == "" {
		return ""
	}
	hints := strings.Split(text("candidates"), "\n\n")
	at := 0
	for i, c := range x.Run.Candidates(x.Step.Candidate) {
		if c.ID == x.Step.ID {
			at = i
		}
	}
	return hints[at%len(hints)]
}
