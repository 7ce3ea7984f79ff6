package autonoma

import "slices"

// A Report is a kind of things that an agent's work has to name one by one, so that
// programs can read them.
type Report string

// The reports.
const (
	Findings     Report = "findings"
	Measurements Report = "measurements"
)

// Reports are all reports.
var Reports = []Report{Findings, Measurements}

// A Finding is something wrong, where it is, and how bad that is.
type Finding struct {
	Severity Risk   `json:"severity"`
	Title    string `json:"title"`
	Path     string `json:"path,omitempty"` // from the top of the repository; empty: it is nowhere in particular
	Line     int    `json:"line,omitempty"`
	Rule     string `json:"rule,omitempty"` // what it breaks
	Detail   string `json:"detail"`
}

// A Measurement is what a command showed on the base of a run and on a change. The
// agent says how to measure; the figures are the platform's.
type Measurement struct {
	Name    string   `json:"name"`
	Command string   `json:"command"`
	Unit    string   `json:"unit,omitempty"`
	Before  *float64 `json:"before,omitempty"` // on the base; nil: the command fails there
	After   *float64 `json:"after,omitempty"`  // on the change; likewise
	Runs    int      `json:"runs,omitempty"`   // of which these are the medians
}

// SortFindings puts the worst first.
func SortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return slices.Index(Risks, b.Severity) - slices.Index(Risks, a.Severity) })
}
