package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"autonoma"
)

// Finish is the tool with which an agent ends its work. It calls done with what
// the agent says of it; if that returns an error, the agent has to go on. What can be
// said depends on what the agent yields, and on the reports it owes.
func Finish(yields autonoma.Yield, reports []autonoma.Report, done func(autonoma.Result) error) Tool {
	names := []string{"summary", "confidence", "decisions"}
	switch yields {
	case autonoma.Document:
		names = append(names, "document")
	case autonoma.Judgment:
		names = append(names, "verdict")
	case autonoma.Pick:
		names = append(names, "candidate")
	case autonoma.Change:
	}
	for _, r := range reports {
		names = append(names, string(r))
	}
	return of("finish", only(schemaOf[finishArgs](), names), func(_ context.Context, in finishArgs) (string, error) {
		if name := in.beyond(names); name != "" {
			return "", fmt.Errorf("unknown field %q; there are %s", name, strings.Join(names, ", "))
		}
		r, err := in.result(yields)
		if err == nil {
			err = done(r)
		}
		if err != nil {
			return "", err
		}
		return "finished", nil
	})
}

// finishArgs are all things that can be said at the end.
type finishArgs struct {
	Summary      string        `json:"summary" jsonschema:"what was done and why, in a few sentences"`
	Confidence   float64       `json:"confidence" jsonschema:"0 to 1: how sure you are that it is right and complete"`
	Decisions    []string      `json:"decisions,omitempty" jsonschema:"choices you made that others should know, with the reason"`
	Document     string        `json:"document" jsonschema:"the whole document, in Markdown"`
	Verdict      string        `json:"verdict" jsonschema:"approve, or changes if something must be mended first"`
	Candidate    string        `json:"candidate" jsonschema:"the name of the candidate that you choose, as it is given"`
	Findings     []finding     `json:"findings,omitempty" jsonschema:"what was found, worst first; none if nothing was"`
	Measurements []measurement `json:"measurements,omitempty" jsonschema:"the commands that show the gain: the platform runs each on the base and on your change"`
}

type finding struct {
	Severity string `json:"severity" jsonschema:"low, medium, high or critical"`
	Title    string `json:"title" jsonschema:"in a line"`
	Path     string `json:"path,omitempty" jsonschema:"the file, from the top of the repository"`
	Line     int    `json:"line,omitempty"`
	Rule     string `json:"rule,omitempty" jsonschema:"what it breaks, as in CWE-89 or the name of a policy"`
	Detail   string `json:"detail" jsonschema:"how it shows, what follows from it, and what would mend it"`
}

type measurement struct {
	Name    string `json:"name" jsonschema:"what is measured"`
	Command string `json:"command" jsonschema:"prints the figure as the last number of its last line; without a number its run time counts"`
	Unit    string `json:"unit,omitempty" jsonschema:"of the figure"`
}

// beyond returns the name of something that was said and is none of those asked for.
func (f finishArgs) beyond(names []string) string {
	for name, said := range map[string]bool{
		"document": f.Document != "", "verdict": f.Verdict != "", "candidate": f.Candidate != "", "findings": len(f.Findings) > 0, "measurements": len(f.Measurements) > 0,
	} {
		if said && !slices.Contains(names, name) {
			return name
		}
	}
	return ""
}

// The most that one agent may report.
const (
	maxFindings     = 100
	maxMeasurements = 5
)

func (f finishArgs) result(yields autonoma.Yield) (autonoma.Result, error) {
	r := autonoma.Result{
		Summary: strings.TrimSpace(f.Summary), Confidence: min(1, max(0, f.Confidence)), Decisions: f.Decisions,
		Document: strings.TrimSpace(f.Document), Verdict: autonoma.Verdict(f.Verdict),
	}
	switch {
	case yields == autonoma.Document && r.Document == "":
		return r, errors.New("the document is empty")
	case yields == autonoma.Judgment && r.Verdict != autonoma.Approve && r.Verdict != autonoma.Changes:
		return r, fmt.Errorf("the verdict must be %s or %s", autonoma.Approve, autonoma.Changes)
	case r.Summary == "":
		return r, errors.New("the summary is empty")
	case len(f.Findings) > maxFindings:
		return r, fmt.Errorf("there are %d findings; at most %d are kept: name the worst", len(f.Findings), maxFindings)
	case len(f.Measurements) > maxMeasurements:
		return r, fmt.Errorf("there are %d measurements; at most %d are made", len(f.Measurements), maxMeasurements)
	}
	if yields == autonoma.Pick {
		r.Choice = &autonoma.Choice{Step: strings.TrimSpace(f.Candidate), Why: r.Summary}
	}
	for i, m := range f.Measurements {
		if strings.TrimSpace(m.Name) == "" || strings.TrimSpace(m.Command) == "" || len(m.Command) > autonoma.MaxCommand {
			return r, fmt.Errorf("measurements[%d] needs a name and a command of at most %d bytes", i, autonoma.MaxCommand)
		}
		r.Measurements = append(r.Measurements, autonoma.Measurement{Name: m.Name, Command: m.Command, Unit: m.Unit})
	}
	for i, one := range f.Findings {
		if err := one.check(); err != nil {
			return r, fmt.Errorf("findings[%d] %w", i, err)
		}
		r.Findings = append(r.Findings, autonoma.Finding{
			Severity: autonoma.Risk(one.Severity), Title: one.Title, Path: one.Path, Line: one.Line, Rule: one.Rule, Detail: one.Detail,
		})
	}
	return r, nil
}

func (f finding) check() error {
	switch {
	case !slices.Contains(autonoma.Risks, autonoma.Risk(f.Severity)):
		return errors.New("needs a severity: low, medium, high or critical")
	case strings.TrimSpace(f.Title) == "" || strings.TrimSpace(f.Detail) == "":
		return errors.New("needs a title and a detail")
	case f.Line < 0 || f.Path != "" && (path.IsAbs(f.Path) || f.Path != path.Clean(f.Path) || strings.HasPrefix(f.Path, "..")):
		return errors.New("names a place that is none in the repository: give the path from its top, and the line")
	}
	return nil
}

// only returns the schema of an object with none but the named properties.
func only(schema json.RawMessage, names []string) json.RawMessage {
	var s jsonschema.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		panic(err) // it was made here
	}
	unwanted := func(name string) bool { return !slices.Contains(names, name) }
	maps.DeleteFunc(s.Properties, func(name string, _ *jsonschema.Schema) bool { return unwanted(name) })
	s.Required = slices.DeleteFunc(s.Required, unwanted)
	s.PropertyOrder = names
	text, err := json.Marshal(&s)
	if err != nil {
		panic(err)
	}
	return text
}
