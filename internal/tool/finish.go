package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"autonoma"
)

// Finish is the tool with which an agent ends its work. It calls done with what
// the agent says of it; if that returns an error, the agent has to go on.
func Finish(yields autonoma.Yield, done func(autonoma.Result) error) Tool {
	switch yields {
	case autonoma.Document:
		return finish(done, func(in finishDocument) (autonoma.Result, error) {
			r := in.result()
			if r.Document = strings.TrimSpace(in.Document); r.Document == "" {
				return r, errors.New("the document is empty")
			}
			return r, nil
		})
	case autonoma.Judgment:
		return finish(done, func(in finishJudgment) (autonoma.Result, error) {
			r := in.result()
			r.Verdict = autonoma.Verdict(in.Verdict)
			if r.Verdict != autonoma.Approve && r.Verdict != autonoma.Changes {
				return r, fmt.Errorf("the verdict must be %s or %s", autonoma.Approve, autonoma.Changes)
			}
			return r, nil
		})
	case autonoma.Change:
	}
	return finish(done, func(in finishChange) (autonoma.Result, error) { return in.result(), nil })
}

type finishChange struct {
	Summary    string   `json:"summary" jsonschema:"what was done and why, in a few sentences"`
	Confidence float64  `json:"confidence" jsonschema:"0 to 1: how sure you are that it is right and complete"`
	Decisions  []string `json:"decisions,omitempty" jsonschema:"choices you made that others should know, with the reason"`
}

type finishDocument struct {
	finishChange
	Document string `json:"document" jsonschema:"the whole document, in Markdown"`
}

type finishJudgment struct {
	finishChange
	Verdict string `json:"verdict" jsonschema:"approve, or changes if something must be mended first"`
}

func (f finishChange) result() autonoma.Result {
	return autonoma.Result{
		Summary:    strings.TrimSpace(f.Summary),
		Confidence: min(1, max(0, f.Confidence)),
		Decisions:  f.Decisions,
	}
}

func finish[In any](done func(autonoma.Result) error, read func(In) (autonoma.Result, error)) Tool {
	return New("finish", func(_ context.Context, in In) (string, error) {
		r, err := read(in)
		if err == nil && r.Summary == "" {
			err = errors.New("the summary is empty")
		}
		if err == nil {
			err = done(r)
		}
		if err != nil {
			return "", err
		}
		return "finished", nil
	})
}
