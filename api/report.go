package api

import "autonoma"

// A Finding is something wrong that an agent found.
type Finding struct {
	Severity autonoma.Risk `json:"severity" doc:"How bad it is."`
	Title    string        `json:"title" doc:"What it is, in a line."`
	Path     *string       `json:"path" doc:"The file, from the top of the repository; null if it is nowhere in particular."`
	Line     *int          `json:"line" doc:"The line, if there is one."`
	Rule     *string       `json:"rule" doc:"What it breaks, as in CWE-89 or the name of a policy."`
	Detail   string        `json:"detail" doc:"How it shows, what follows from it, and what would mend it."`
}

// A Measurement is what a command showed before and after a change.
type Measurement struct {
	Name    string   `json:"name" doc:"What is measured."`
	Command string   `json:"command" doc:"The command, which an agent named and the platform ran."`
	Unit    string   `json:"unit" doc:"Of the figures, by the agent's word. Without one, of a command that prints no number, milliseconds."`
	Before  *float64 `json:"before" doc:"The figure on the base, the median of several runs in a clean checkout; null if the command fails there."`
	After   *float64 `json:"after" doc:"The figure on the result, likewise."`
	Runs    int      `json:"runs" doc:"How many runs the figure after is the median of."`
}

func findingsOf(all []autonoma.Finding) []Finding {
	views := make([]Finding, len(all))
	for i, f := range all {
		views[i] = Finding{Severity: f.Severity, Title: f.Title, Path: orNull(f.Path), Line: orNull(f.Line), Rule: orNull(f.Rule), Detail: f.Detail}
	}
	return views
}

func measurementsOf(all []autonoma.Measurement) []Measurement {
	views := make([]Measurement, len(all))
	for i, m := range all {
		views[i] = Measurement(m)
	}
	return views
}
