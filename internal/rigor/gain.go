package rigor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"autonoma"
)

// Measured are the figures that the commands of an agent showed on a commit: the data
// of an [autonoma.EventWork].
type Measured struct {
	What    string   `json:"what"` // measured.base or measured.head
	Commit  string   `json:"commit"`
	Figures []Figure `json:"figures"`
}

// Key implements [journal.Entry].
func (m Measured) Key() string { return m.What }

// A Figure is what a command showed.
type Figure struct {
	Command string   `json:"command"`
	Value   *float64 `json:"value"` // nil: the command failed
	Runs    int      `json:"runs"`
}

// measureRuns is how often each command runs; its figure is the median.
const measureRuns = 3

// gains finds out what a change has gained, by the commands that its agent named: on
// the base and on the result, each in a clean checkout. An agent's own figures are not
// taken.
func (x *execution) gains(ctx context.Context) error {
	named := x.result.Measurements
	if !x.result.Changed || len(named) == 0 {
		return nil
	}
	var figures [2]Measured
	for i, at := range []struct{ what, commit string }{{"measured.base", x.base.Commit}, {"measured.head", x.result.Commit}} {
		var err error
		if figures[i], err = work(ctx, x, at.what, func(ctx context.Context) (Measured, error) {
			return x.figures(ctx, at.what, at.commit, named)
		}); err != nil {
			return err
		}
	}
	x.result.Measurements = slices.Clone(named)
	for i := range x.result.Measurements {
		m := &x.result.Measurements[i]
		m.Before, m.After, m.Runs = figures[0].Figures[i].Value, figures[1].Figures[i].Value, figures[1].Figures[i].Runs
	}
	return nil
}

// figures runs the commands on a commit.
func (x *execution) figures(ctx context.Context, what, commit string, named []autonoma.Measurement) (Measured, error) {
	m := Measured{What: what, Commit: commit}
	b, gone, err := x.clean(ctx, what, commit)
	if err != nil {
		return m, err
	}
	defer gone()
	for _, n := range named {
		f := Figure{Command: n.Command}
		var values []float64
		for range measureRuns {
			out := &excerpt{keep: checkOutput}
			ran, err := x.timed(ctx, b, n.Command, out)
			if err != nil {
				return m, err
			}
			if f.Runs++; !ran.OK() {
				break // it will not do better
			}
			values = append(values, figure(out.String(), ran))
		}
		if len(values) == measureRuns {
			slices.Sort(values)
			f.Value = &values[len(values)/2]
		}
		m.Figures = append(m.Figures, f)
	}
	return m, nil
}

// number is a figure as programs print it, with the unit behind it or not.
var number = regexp.MustCompile(`[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?`)

// figure returns what a command showed: the last number of the last line that has one
// or, if there is none, how many milliseconds it took.
func figure(output string, ran Check) float64 {
	lines := strings.Split(output, "\n")
	for _, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		found := number.FindAllString(line, -1)
		if len(found) == 0 {
			break
		}
		if v, err := strconv.ParseFloat(found[len(found)-1], 64); err == nil {
			return v
		}
		break
	}
	return float64(ran.Duration)
}

// gain says in a line what was measured.
func gain(all []autonoma.Measurement) string {
	var texts []string
	for _, m := range all {
		texts = append(texts, fmt.Sprintf("%s: %s before, %s now", m.Name, value(m.Before, m.Unit), value(m.After, m.Unit)))
	}
	return strings.Join(texts, "; ")
}

// measured is what the platform measured of the earlier steps' changes.
func (j Job) measured() []autonoma.Measurement {
	var all []autonoma.Measurement
	for _, e := range j.Earlier {
		all = append(all, e.Result.Measurements...)
	}
	return all
}

func value(v *float64, unit string) string {
	if v == nil {
		return "not measurable"
	}
	return strings.TrimSpace(strconv.FormatFloat(*v, 'g', 6, 64) + " " + unit)
}
