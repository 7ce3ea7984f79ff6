package main

import (
	"context"
	"fmt"
	"time"

	"autonoma/internal/sandbox"
)

// doctorSandbox tries every level, and says at which one commands run.
func doctorSandbox(ctx context.Context, cfg *config, e *exam) bool {
	reports := sandbox.Probe(ctx)
	for _, r := range reports {
		if r.Level != sandbox.None {
			e.level(r)
		}
	}
	box, _, err := sandbox.OpenAtLeast(ctx, cfg.Sandbox, cfg.MinLevel)
	if err != nil {
		e.say(false, "no sandbox for %q: %v", cfg.Sandbox, err)
		return false
	}
	in := box.Level()
	for _, r := range reports {
		if r.OK && r.Level != in && r.Level.AtLeast(in) {
			e.note("a level stronger than %s is there: --sandbox %s takes it; auto prefers the strongest that costs commands little time", in, r.Level)
		}
	}
	if err := cfg.tooWeak(in, ""); err != nil {
		e.say(false, "%v", err)
		return false
	}
	if weak := in.Weakness(); weak != "" {
		e.warn("commands run at the level %s, a weak one: %s", in, weak)
		return true
	}
	e.say(true, "commands run at the level %s", in)
	return true
}

// level tells what trying a level has shown.
func (e *exam) level(r sandbox.Report) {
	switch weak := r.Level.Weakness(); {
	case !r.OK:
		e.note("sandbox %s: %s; to have it: %s", r.Level, r.Problem, r.Fix)
	case weak != "":
		e.say(true, "sandbox %s, tried in %v; a weak one: %s", r.Level, r.Took.Round(time.Millisecond), weak)
	default:
		e.say(true, "sandbox %s, tried in %v", r.Level, r.Took.Round(time.Millisecond))
	}
	for _, c := range r.Checks {
		mark := "proven"
		switch {
		case !c.OK && c.Optional:
			mark = "absent" // and not promised
		case !c.OK:
			mark = "not so"
		}
		fmt.Fprintf(e.out, "        %s  %s: %s\n", mark, c.Name, c.Detail)
	}
}
