package autonoma_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
)

// A walk is an agent on its way, with a clock that goes on by a second for each task.
type walk struct {
	t  *testing.T
	at time.Time
	m  autonoma.Maturity
}

func from(t *testing.T, mode autonoma.Mode) *walk {
	t.Helper()
	w := &walk{t: t, at: time.Date(2026, 2, 23, 12, 0, 0, 0, time.UTC)}
	w.m.Begin(mode)
	return w
}

// count counts n successes or failures, of which none may change the mode.
func (w *walk) count(n int, success bool, confidence float64) {
	w.t.Helper()
	for range n {
		if c := w.next(success, confidence); c != nil {
			w.t.Fatalf("task %d of %s: goes to %s", c.Shown.Tasks, c.Shown.Mode, c.To)
		}
	}
}

func (w *walk) next(success bool, confidence float64) *autonoma.ModeChange {
	w.at = w.at.Add(time.Second)
	return w.m.Count(success, confidence, w.at)
}

// An agent walks from the first mode to the last. In each it gains the next with the
// very task with which it has shown all that is asked for, and counts from nothing there.
func TestWalkUp(t *testing.T) {
	w := from(t, autonoma.Observe)
	for i, p := range autonoma.Promotions {
		failures := p.Tasks - int(float64(p.Tasks)*p.SuccessRate)
		for range failures {
			w.count(1, false, 0)
			w.count(1, true, p.Confidence)
		}
		for range int(float64(p.Tasks) * p.OverrideRate) {
			w.m.Override()
		}
		w.count(p.Tasks-2*failures-1, true, p.Confidence)
		if lacks, _ := w.m.Lacks(); lacks.Tasks != 1 {
			t.Errorf("one before: %+v", lacks)
		}
		c := w.next(true, p.Confidence)
		if c == nil {
			t.Fatalf("%s does not go on: %+v", p.From, w.m)
		}
		next := autonoma.Modes[i+1]
		if c.To != next || !c.Gained() || c.Shown.Mode != p.From || c.Shown.Tasks != p.Tasks || !c.At.Equal(w.at) {
			t.Errorf("%+v", c)
		}
		if diff := cmp.Diff(autonoma.Maturity{Mode: next, Since: w.at}, w.m); diff != "" {
			t.Errorf("%s is not counted anew:\n%s", next, diff)
		}
	}
	w.count(2000, true, 1)
	if _, ok := w.m.Lacks(); ok || w.m.Mode != autonoma.Autonomous || w.m.Tasks != 2000 {
		t.Errorf("beyond the last: %+v", w.m)
	}
}

// Each of the five is asked for by itself: what misses one of them by the least that
// there is gains nothing, and what just meets it does.
func TestEveryBoundary(t *testing.T) {
	for _, p := range autonoma.Promotions {
		meets := autonoma.Maturity{
			Mode: p.From, Tasks: 1000, Successes: int(1000 * p.SuccessRate), SuccessesInARow: p.Successes, Overrides: int(1000 * p.OverrideRate),
		}
		meets.Confidence = int64(float64(meets.Successes) * p.Confidence * 1e6)
		few := meets
		few.Tasks, few.Successes, few.Overrides, few.Confidence = p.Tasks, p.Tasks, 0, int64(p.Tasks)*1e6
		for name, tt := range map[string]struct {
			m    autonoma.Maturity
			miss func(*autonoma.Maturity)
			want autonoma.Lacking
		}{
			"success rate":       {meets, func(m *autonoma.Maturity) { m.Successes--; m.Confidence -= int64(p.Confidence * 1e6) }, autonoma.Lacking{SuccessRate: 0.001}},
			"tasks":              {few, func(m *autonoma.Maturity) { m.Tasks--; m.Successes-- }, autonoma.Lacking{Tasks: 1}},
			"successes in a row": {meets, func(m *autonoma.Maturity) { m.SuccessesInARow-- }, autonoma.Lacking{Successes: 1}},
			"override rate":      {meets, func(m *autonoma.Maturity) { m.Overrides++ }, autonoma.Lacking{OverrideRate: 0.001}},
			"confidence":         {meets, func(m *autonoma.Maturity) { m.Confidence-- }, autonoma.Lacking{Confidence: 0.0001}},
		} {
			if lacks, ok := tt.m.Lacks(); !ok || lacks != (autonoma.Lacking{}) {
				t.Errorf("%s, %s: met, and yet lacks %+v", p.From, name, lacks)
			}
			tt.miss(&tt.m)
			if lacks, _ := tt.m.Lacks(); lacks != tt.want {
				t.Errorf("%s, %s: missed by one lacks %+v, want %+v", p.From, name, lacks, tt.want)
			}
		}
	}
}

// A task that meets four of the five changes nothing, whichever the fifth is; the one
// that brings the fifth does.
func TestAllAtOnce(t *testing.T) {
	w := from(t, autonoma.Observe)
	w.count(94, true, 0.9)
	w.count(4, false, 0)
	w.count(19, true, 0.9) // 113 of 117: enough of all but in a row
	if c := w.next(true, 0.9); c == nil || c.Shown.SuccessesInARow != 20 {
		t.Errorf("with the 20th in a row: %+v, %+v", c, w.m)
	}
	w = from(t, autonoma.Observe)
	w.count(99, true, 0.84)
	w.count(24, true, 0.89)
	if c := w.next(true, 0.89); c == nil || c.Shown.Tasks != 124 { // 0.85008 on average
		t.Errorf("when it is confident enough: %+v, %+v", c, w.m)
	}
}

// Five failures in a row cost a mode, again and again, down to the first: there the
// count goes on.
func TestRegression(t *testing.T) {
	w := from(t, autonoma.Autonomous)
	w.count(3, true, 1)
	w.count(autonoma.MaxFailures-1, false, 0)
	w.count(1, true, 1) // which ends the row
	for i := len(autonoma.Modes) - 1; i > 0; i-- {
		w.m.Override()
		w.count(autonoma.MaxFailures-1, false, 0)
		c := w.next(false, 0)
		if c == nil || c.To != autonoma.Modes[i-1] || c.Gained() || c.Shown.FailuresInARow != autonoma.MaxFailures || c.Shown.Overrides != 1 {
			t.Fatalf("from %s: %+v", autonoma.Modes[i], c)
		}
		if diff := cmp.Diff(autonoma.Maturity{Mode: c.To, Since: w.at}, w.m); diff != "" {
			t.Errorf("%s is not counted anew:\n%s", c.To, diff)
		}
	}
	w.count(20, false, 0)
	if w.m.Mode != autonoma.Observe || w.m.FailuresInARow != 20 {
		t.Errorf("at the bottom: %+v", w.m)
	}
}

// Who is overridden has not failed, but begins a new row.
func TestOverride(t *testing.T) {
	w := from(t, autonoma.Assisted)
	w.count(4, false, 0)
	w.m.Override()
	if w.m.FailuresInARow != 4 || w.m.Tasks != 4 || w.m.OverrideRate() != 0.25 {
		t.Errorf("%+v", w.m)
	}
	w.count(1, true, 1)
	w.m.Override()
	if w.m.SuccessesInARow != 0 || w.m.SuccessRate() != 0.2 {
		t.Errorf("%+v", w.m)
	}
}

// Sums of what cannot be written in binary are exact: an agent that was always just
// confident enough is.
func TestConfidenceIsExact(t *testing.T) {
	w := from(t, autonoma.Assisted)
	w.count(499, true, 0.9)
	if w.next(true, 0.9) == nil {
		t.Errorf("its confidence is %v", w.m.AverageConfidence())
	}
	w = from(t, autonoma.Assisted)
	w.count(1000, true, 0.899999)
	if lacks, _ := w.m.Lacks(); lacks != (autonoma.Lacking{Confidence: 0.0001}) {
		t.Errorf("lacks %+v", lacks)
	}
	w = from(t, autonoma.Assisted)
	w.count(1, true, 7) // more than all counts as all
	if w.m.AverageConfidence() != 1 {
		t.Error(w.m.AverageConfidence())
	}
}

// Credits lower how many tasks it takes, and nothing else: by half at most.
func TestCreditsLowerTasks(t *testing.T) {
	for _, tt := range []struct {
		credits float64
		want    int
	}{{0, 500}, {0.1, 450}, {0.29, 355}, {0.3001, 350}, {0.5, 250}, {17, 250}} {
		w := from(t, autonoma.Assisted)
		w.m.Credits = tt.credits
		w.count(tt.want-1, true, 1)
		if c := w.next(true, 1); c == nil || w.m.Credits != tt.credits {
			t.Errorf("%v credits: not with %d tasks", tt.credits, tt.want)
		}
	}
}

// The formula of credits, and what its factors are here.
func TestCredits(t *testing.T) {
	now := time.Date(2026, 2, 23, 12, 0, 0, 0, time.UTC)
	days := func(n int) time.Time { return now.AddDate(0, 0, -n) }
	for _, tt := range []struct {
		h    autonoma.History
		c    autonoma.Capability
		want float64
	}{
		{autonoma.History{}, autonoma.Build, 0},
		{autonoma.History{Commits: 100, Telling: 100, Newest: now}, autonoma.Build, 0.2},
		{autonoma.History{Commits: 100, Telling: 100, Newest: now.Add(time.Hour)}, autonoma.Build, 0.2}, // a clock that is wrong gives no more
		{autonoma.History{Commits: 100, Telling: 50, Newest: now}, autonoma.Evolve, 0.1},
		{autonoma.History{Commits: 100, Telling: 50, Newest: days(90)}, autonoma.Evolve, 0.05},
		{autonoma.History{Commits: 1000, Telling: 1000, Newest: days(180)}, autonoma.Build, 0.5},
		{autonoma.History{Commits: 1000, Telling: 1000, Newest: now}, autonoma.Operate, 0},
		{autonoma.History{Commits: 1000, Telling: 1000, Newest: now}, autonoma.Secure, 0},
	} {
		if got := tt.h.Credits(tt.c, now); fmt.Sprintf("%.9f", got) != fmt.Sprintf("%.9f", tt.want) {
			t.Errorf("%+v for %s: %v, want %v", tt.h, tt.c, got, tt.want)
		}
	}
}

// Which executions tell something of their agent, and what.
func TestTells(t *testing.T) {
	failed := func(code autonoma.FailureCode) autonoma.Execution {
		return autonoma.Execution{Status: autonoma.StepFailed, Error: &autonoma.Failure{Code: code}}
	}
	done := func(r autonoma.Result) autonoma.Execution {
		return autonoma.Execution{Status: autonoma.StepCompleted, Result: &r}
	}
	red := &autonoma.Verification{Status: autonoma.NotVerified}
	gate := func(blocking bool, s autonoma.GateStatus) autonoma.Result {
		return autonoma.Result{Gates: []autonoma.Gate{{Status: autonoma.GatePassed, Blocking: true}, {Blocking: blocking, Status: s}}}
	}
	copied := done(autonoma.Result{})
	copied.CopyOf = "exec_1"
	const success, failure, nothing = "success", "failure", "nothing"
	for name, tt := range map[string]struct {
		e    autonoma.Execution
		want string
	}{
		"completed":                       {done(autonoma.Result{}), success},
		"verified":                        {done(autonoma.Result{Changed: true, Verification: &autonoma.Verification{Status: autonoma.Verified}}), success},
		"no checks":                       {done(autonoma.Result{Changed: true, Verification: &autonoma.Verification{Status: autonoma.NotApplicable}}), success},
		"its change fails":                {done(autonoma.Result{Changed: true, Verification: red}), failure},
		"what it brought together":        {done(autonoma.Result{Merged: []string{"a", "b"}, Verification: red}), failure},
		"somebody else's change fails":    {done(autonoma.Result{Verification: red}), success},
		"asked for changes":               {done(autonoma.Result{Verdict: autonoma.Changes}), success},
		"a gate blocks":                   {done(gate(true, autonoma.GateFailed)), failure},
		"a gate that does not block":      {done(gate(false, autonoma.GateFailed)), success},
		"a warning":                       {done(gate(true, autonoma.GateWarning)), success},
		"nothing measured":                {done(gate(true, autonoma.GateSkipped)), success},
		"taken over":                      {copied, nothing},
		"cancelled":                       {autonoma.Execution{Status: autonoma.StepCancelled}, nothing},
		"under way":                       {autonoma.Execution{Status: autonoma.StepRunning}, nothing},
		string(autonoma.FailTurns):        {failed(autonoma.FailTurns), failure},
		string(autonoma.FailLoop):         {failed(autonoma.FailLoop), failure},
		string(autonoma.FailStall):        {failed(autonoma.FailStall), failure},
		string(autonoma.FailSwing):        {failed(autonoma.FailSwing), failure},
		string(autonoma.FailVerification): {failed(autonoma.FailVerification), failure},
		string(autonoma.FailReview):       {failed(autonoma.FailReview), failure},
		string(autonoma.FailConflict):     {failed(autonoma.FailConflict), failure},
		string(autonoma.FailStepTime):     {failed(autonoma.FailStepTime), failure},
		"a code to come":                  {failed("gate_failed"), failure},
		string(autonoma.FailModel):        {failed(autonoma.FailModel), nothing},
		string(autonoma.FailContext):      {failed(autonoma.FailContext), nothing},
		string(autonoma.FailBudget):       {failed(autonoma.FailBudget), nothing},
		string(autonoma.FailSource):       {failed(autonoma.FailSource), nothing},
		string(autonoma.FailSetup):        {failed(autonoma.FailSetup), nothing},
		string(autonoma.FailDelivery):     {failed(autonoma.FailDelivery), nothing},
		string(autonoma.FailInternal):     {failed(autonoma.FailInternal), nothing},
		string(autonoma.FailStepRules):    {failed(autonoma.FailStepRules), nothing},
		string(autonoma.FailRejected):     {failed(autonoma.FailRejected), nothing},
		string(autonoma.FailExpired):      {failed(autonoma.FailExpired), nothing},
	} {
		got := nothing
		if ok, something := tt.e.Tells(); something && ok {
			got = success
		} else if something {
			got = failure
		}
		if got != tt.want {
			t.Errorf("%s tells %s, want %s", name, got, tt.want)
		}
	}
}

// A feedback on a run is about what changed the repository, or else the last word.
func TestSpoken(t *testing.T) {
	begun := time.Unix(1, 0)
	e := func(id autonoma.ExecutionID, s autonoma.StepStatus, changed bool) autonoma.Execution {
		e := autonoma.Execution{ID: id, Status: s, StartedAt: begun}
		if s == autonoma.StepCompleted {
			e.Result = &autonoma.Result{Changed: changed}
		}
		return e
	}
	waits := e("w", autonoma.StepCancelled, false)
	waits.StartedAt = time.Time{}
	for want, all := range map[string][]autonoma.Execution{
		"":     {waits},
		"b d ": {e("a", autonoma.StepCompleted, false), e("b", autonoma.StepCompleted, true), e("c", autonoma.StepFailed, false), e("d", autonoma.StepCompleted, true)},
		"c ":   {e("a", autonoma.StepCompleted, false), e("c", autonoma.StepFailed, false), waits},
	} {
		got := ""
		for _, e := range autonoma.Spoken(all) {
			got += string(e.ID) + " "
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The guide prints the thresholds as they are.
func TestMaturityIsDocumented(t *testing.T) {
	b, err := os.ReadFile("docs/guide/maturity.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "→") && strings.HasPrefix(line, "|") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	var want []string
	for i, p := range autonoma.Promotions {
		want = append(want, fmt.Sprintf("| `%s` → `%s` | %.0f %% | %d | %d | %.0f %% | %.0f %% |",
			p.From, autonoma.Modes[i+1], 100*p.SuccessRate, p.Tasks, p.Successes, 100*p.OverrideRate, 100*p.Confidence))
	}
	if !slices.Equal(rows, want) {
		t.Errorf("the guide has\n%s\nthe program\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}
