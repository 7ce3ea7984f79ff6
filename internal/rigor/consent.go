package rigor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/effect"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/scan"
	"autonoma/internal/workspace"
)

// Effects are what a change does that a human may want to know of: the data of an
// [autonoma.EventWork]. They are told of in any mode, for the record.
type Effects struct {
	What    string            `json:"what"` // effects
	Commit  string            `json:"commit"`
	Risk    autonoma.Risk     `json:"risk"`
	Effects []autonoma.Effect `json:"effects"`
}

// Key implements [journal.Entry].
func (e Effects) Key() string { return e.What }

// Answer is what came of a question to a human: the data of an [autonoma.EventWork].
type Answer struct {
	What     string                  `json:"what"` // as in answer.change
	Approval autonoma.ApprovalID     `json:"approvalId"`
	Status   autonoma.ApprovalStatus `json:"status"`
	Why      string                  `json:"why,omitempty"`
}

// Key implements [journal.Entry].
func (a Answer) Key() string { return a.What }

// askHuman returns what a human answered to a question, which is asked if it was not. It
// returns an [autonoma.Unanswered] until there is an answer, or none in time.
func (x *execution) askHuman(ctx context.Context, q autonoma.Question) (Answer, error) {
	what := "answer." + q.Topic
	return work(ctx, x, what, func(ctx context.Context) (Answer, error) {
		a, err := x.Human(ctx, q)
		if err != nil {
			return Answer{}, err
		}
		said := Answer{What: what, Approval: a.ID, Status: a.Status}
		if a.Decision != nil {
			said.Why = a.Decision.Why
		}
		return said, nil
	})
}

// consent finds out what the change of this execution does and, where its agent may
// not go that far by itself, asks a human before it is taken over.
func (x *execution) consent(ctx context.Context) error {
	if !x.result.Changed {
		return nil
	}
	if x.Journal.Replaying() && !journal.Comes[Effects](x.Journal, autonoma.EventWork, "effects") {
		return nil // an earlier version took it over
	}
	found, err := work(ctx, x, "effects", x.effects)
	if err != nil {
		return err
	}
	x.result.Effects = found.Effects
	if x.Step.Candidate != "" { // it is asked about once it is chosen
		return nil
	}
	from, asks := x.Policy.Consent[x.Execution.Mode]
	if !asks || found.Risk.Or(from) != found.Risk {
		return nil
	}
	evidence, err := json.Marshal(struct {
		Asks         string                 `json:"asks"`
		Summary      string                 `json:"summary"`
		Effects      []autonoma.Effect      `json:"effects"`
		Verification *autonoma.Verification `json:"verification,omitempty"`
		Gates        []autonoma.Gate        `json:"gates,omitempty"`
	}{clip(x.Run.Request.Task, 1000), autonoma.Visible(clip(x.result.Summary, 2000)), found.Effects, x.result.Verification, x.result.Gates})
	if err != nil {
		return err
	}
	said, err := x.askHuman(ctx, autonoma.Question{
		Topic: "change", Kind: autonoma.AskChange, Risk: found.Risk, Evidence: evidence, From: x.base.Commit, To: found.Commit,
		Text:   fmt.Sprintf("May the change that %s made in the step %s be taken over?", x.Agent.ID, x.Step.ID),
		Reason: reason(x.Execution.Mode, found),
	})
	if err != nil {
		return err
	}
	return x.refused(said)
}

// refused returns the failure of a change that nobody agreed to.
func (x *execution) refused(said Answer) error {
	message := fmt.Sprintf("the change of step %s was not approved", x.Step.ID)
	switch said.Status {
	case autonoma.ApprovalApproved:
		return nil
	case autonoma.ApprovalRejected:
		if said.Why != "" {
			message += ": " + said.Why
		}
		return &autonoma.Failure{Code: autonoma.FailRejected, Message: message}
	case autonoma.ApprovalPending, autonoma.ApprovalExpired, autonoma.ApprovalWithdrawn:
	}
	return &autonoma.Failure{Code: autonoma.FailExpired, Message: fmt.Sprintf("nobody answered in time whether the change of step %s may be taken over", x.Step.ID)}
}

// reason says why a human is asked about a change.
func reason(m autonoma.Mode, found Effects) string {
	if m == autonoma.Learning {
		return fmt.Sprintf("The agent is in mode %s: a human agrees to all that it changes.", m)
	}
	const most = 5
	var grave []string
	for _, e := range found.Effects {
		if e.Risk == found.Risk && len(grave) < most {
			grave = append(grave, fmt.Sprintf("%s (%s: %s)", e.What, e.Kind, e.Why))
		}
	}
	return fmt.Sprintf("In mode %s a human agrees to what is %s: %s.", m, found.Risk, strings.Join(grave, "; "))
}

// effects tells what the change of this execution does, and what its agent tried.
func (x *execution) effects(ctx context.Context) (Effects, error) {
	if x.chooses() { // the candidate's, with what its agent tried
		return Effects{What: "effects", Commit: x.result.Commit, Risk: autonoma.RiskOf(x.result.Effects), Effects: x.result.Effects}, nil
	}
	diff, err := x.Workspaces.Diff(ctx, string(x.Run.ID), x.start, x.result.Commit)
	if err != nil {
		return Effects{}, err
	}
	links, err := x.links(ctx)
	if err != nil {
		return Effects{}, err
	}
	files := make([]effect.File, len(diff.Files))
	for i, f := range diff.Files {
		files[i] = effect.File{Path: f.Path, OldPath: f.OldPath, Deleted: f.Status == workspace.Deleted, Lines: f.Insertions + f.Deletions}
	}
	if diff.Truncated { // what is behind the cut counts too
		diff.Patch, err = x.Workspaces.Text(ctx, string(x.Run.ID), x.start, x.result.Commit)
		if err != nil && !errors.Is(err, workspace.ErrTooLarge) {
			return Effects{}, err
		}
	}
	files = effect.Through(files, links)
	found := slices.Concat(effect.Of(files, diff.Patch), effect.OfChecks(files, x.commands()), x.tried)
	if err != nil {
		found = append(found, autonoma.Effect{Kind: "large", What: "the change", Why: "it is more than can be looked through", Risk: autonoma.CriticalRisk})
	}
	return Effects{What: "effects", Commit: x.result.Commit, Risk: autonoma.RiskOf(found), Effects: found}, nil
}

// links are the symbolic links of what this execution left.
func (x *execution) links(ctx context.Context) (map[string]string, error) {
	all, err := x.Workspaces.Files(ctx, string(x.Run.ID), x.result.Commit)
	if err != nil {
		return nil, err
	}
	return all.Links()
}

// called keeps in mind what an agent tried that would have had effects, had the
// sandbox let it.
func (x *execution) called(c model.Call) {
	const most = 20
	if c.Name != "bash" {
		return
	}
	var in struct{ Command string }
	if json.Unmarshal([]byte(c.Args), &in) != nil {
		return
	}
	for _, e := range effect.OfCommand(scan.Redact(in.Command)) { // it is told to many
		if !slices.Contains(x.tried, e) {
			x.tried = append(x.tried, e)
		}
	}
	x.tried = effect.Gravest(x.tried, most)
}

// asks reports whether the agent of the step may ask a human: one that works by itself
// does, and one that only proposes has nothing that could wait. Candidates would each
// ask the same: what is open, each decides in its own way.
func (x *execution) asks() bool {
	return x.Step.Candidate == "" && (x.Execution.Mode == autonoma.Assisted || x.Execution.Mode == autonoma.Learning)
}

// plain is what an agent wrote, as it is told to many: without secrets, and with all that
// would not be seen.
func plain(text string) string { return scan.Redact(autonoma.Visible(text)) }

// person asks a human on behalf of an agent, and returns what the agent is told.
func (x *execution) person(ctx context.Context, question, why string) (string, error) {
	// The same question has the same answer, however often it is asked.
	sum := sha256.Sum256([]byte(question))
	evidence, err := json.Marshal(struct {
		Asks string `json:"asks"`
	}{clip(x.Run.Request.Task, 1000)})
	if err != nil {
		return "", err
	}
	a, err := x.Human(ctx, autonoma.Question{
		Topic: "ask." + hex.EncodeToString(sum[:8]), Kind: autonoma.AskPerson, Text: plain(question), Reason: plain(why),
		Risk: autonoma.LowRisk, Evidence: evidence,
	})
	if err != nil {
		return "", err
	}
	said := ""
	if a.Decision != nil {
		said = a.Decision.Why
	}
	switch {
	case a.Status == autonoma.ApprovalApproved && said == "":
		return "A human answered: yes.", nil
	case a.Status == autonoma.ApprovalApproved:
		return "A human answered: " + said, nil
	case a.Status == autonoma.ApprovalRejected && said == "":
		return "A human answered: no.", nil
	case a.Status == autonoma.ApprovalRejected:
		return "A human answered no: " + said, nil
	}
	return "Nobody answered in time. That is neither a yes nor a no: take the most sensible assumption that can be taken back, and name it among your decisions.", nil
}
