package autonoma_test

import (
	"slices"
	"testing"
	"time"

	"autonoma"
)

// chain is a run of three steps, the last of which may send the work back to the
// second.
func chain() autonoma.Run {
	step := func(id string, weight float64, needs ...string) autonoma.Step {
		return autonoma.Step{ID: id, Pace: autonoma.Pace{autonoma.Generate: weight}, Needs: needs, Status: autonoma.StepPending, Round: 1, Delivers: id}
	}
	r := autonoma.Run{Steps: []autonoma.Step{step("plan", 1), step("code", 4, "plan"), step("review", 1, "code")}}
	r.Steps[2].Back = &autonoma.Back{To: "code", Rounds: 1}
	return r
}

// ready returns the names of the steps that may begin.
func ready(r autonoma.Run) []string {
	names := []string{}
	for _, s := range r.Ready() {
		names = append(names, s.ID)
	}
	return names
}

func TestReady(t *testing.T) {
	r := chain()
	for _, want := range []string{"plan", "code", "review"} {
		if got := ready(r); !slices.Equal(got, []string{want}) {
			t.Fatalf("ready are %v, want %s", got, want)
		}
		next := r.Step(want)
		next.Status = autonoma.StepRunning
		if got := ready(r); len(got) > 0 {
			t.Errorf("%v may begin while %s is under way", got, want)
		}
		if next.Status = autonoma.StepCompleted; r.Done() != (want == "review") {
			t.Errorf("done after %s: %v", want, r.Done())
		}
	}
	if got := ready(r); len(got) > 0 {
		t.Errorf("%v are ready at the end", got)
	}
	if got := r.CompletedPhases(); !slices.Equal(got, []string{"plan", "code", "review"}) {
		t.Errorf("completed: %v", got)
	}
}

// Sending the work back makes steps pending that were done, and yet the progress
// never goes back.
func TestSendBack(t *testing.T) {
	r := chain()
	for i := range r.Steps {
		r.Steps[i].Status, r.Steps[i].Progress, r.Steps[i].Execution = autonoma.StepCompleted, 100, "exec_1"
	}
	r.Advance()
	if r.Progress != 99 {
		t.Errorf("progress %d before the end", r.Progress)
	}
	if dropped := r.SendBack("code", "c1"); len(dropped) > 0 {
		t.Errorf("dropped %+v", dropped)
	}
	r.Advance()
	if got := ready(r); !slices.Equal(got, []string{"code"}) {
		t.Errorf("ready are %v", got)
	}
	if code, review := r.Step("code").From, r.Step("review").From; code != "c1" || review != "" {
		t.Errorf("code goes on at %q, review at %q", code, review)
	}
	for _, s := range r.Steps[1:] {
		if s.Status != autonoma.StepPending || s.Round != 2 || s.Progress != 0 || s.Execution != "" {
			t.Errorf("step %+v", s)
		}
	}
	if r.Steps[0].Round != 1 || r.Progress != 99 {
		t.Errorf("plan is in round %d, progress is %d", r.Steps[0].Round, r.Progress)
	}
}

func TestAdvance(t *testing.T) {
	r := chain()
	for _, tt := range []struct {
		plan, code, review, want int
	}{
		{0, 0, 0, 0},
		{50, 0, 0, 8},
		{100, 0, 0, 16},
		{100, 50, 0, 50},
		{100, 25, 0, 50}, // never back
		{100, 100, 100, 99},
	} {
		r.Steps[0].Progress, r.Steps[1].Progress, r.Steps[2].Progress = tt.plan, tt.code, tt.review
		if r.Advance(); r.Progress != tt.want {
			t.Errorf("progress %d, want %d, for %+v", r.Progress, tt.want, tt)
		}
	}
}

func TestEstimatedCompletion(t *testing.T) {
	const expected = 30 * time.Minute
	for _, tt := range []struct {
		name     string
		started  time.Duration // after noon; 0: not yet
		progress int
		now      time.Duration
		want     time.Duration
	}{
		{name: "queued", now: time.Minute, want: expected},
		{name: "queued for long", now: time.Hour, want: time.Hour},
		{name: "just begun", started: time.Minute, progress: 2, now: 2 * time.Minute, want: 31 * time.Minute},
		{name: "half way, as expected", started: time.Minute, progress: 50, now: 16 * time.Minute, want: 31 * time.Minute},
		{name: "half way, slowly", started: time.Minute, progress: 50, now: 31 * time.Minute, want: time.Minute + 45*time.Minute},
		{name: "overdue", started: time.Minute, progress: 2, now: 2 * time.Hour, want: 2 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := autonoma.Run{CreatedAt: noon, Expected: expected, Progress: tt.progress}
			if tt.started > 0 {
				r.StartedAt = noon.Add(tt.started)
			}
			if got := r.EstimatedCompletion(noon.Add(tt.now)).Sub(noon); got != tt.want {
				t.Errorf("in %v, want %v", got, tt.want)
			}
		})
	}
	done := autonoma.Run{CreatedAt: noon, CompletedAt: noon.Add(time.Second)}
	if got := done.EstimatedCompletion(noon.Add(time.Hour)); !got.Equal(done.CompletedAt) {
		t.Errorf("a run that is over is estimated for %v", got)
	}
}

// A step comes as far as its phases have come, by the time they are expected to
// take, and to the end only when it is completed.
func TestEnter(t *testing.T) {
	s := autonoma.Step{Pace: autonoma.Pace{autonoma.Research: 1, autonoma.Generate: 7, autonoma.Review: 2}}
	for _, tt := range []struct {
		phase  autonoma.Phase
		status autonoma.StepStatus
		want   int
	}{
		{autonoma.Research, autonoma.StepRunning, 0},
		{autonoma.Research, autonoma.StepCompleted, 10},
		{autonoma.Inspect, autonoma.StepCompleted, 10},
		{autonoma.Generate, autonoma.StepRunning, 10},
		{autonoma.Generate, autonoma.StepCompleted, 80},
		{autonoma.Review, autonoma.StepCompleted, 100},
	} {
		s.Enter(autonoma.PhaseChanged{Phase: tt.phase, Status: tt.status})
		if s.Progress != tt.want || s.Phase != tt.phase {
			t.Errorf("%s %s: %d, want %d", tt.phase, tt.status, s.Progress, tt.want)
		}
	}
}
