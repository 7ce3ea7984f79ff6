package gate_test

import (
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

// What was measured is not forgotten when later nothing could be.
func TestMerge(t *testing.T) {
	of := func(s autonoma.GateStatus) []autonoma.Gate { return []autonoma.Gate{{ID: "lint", Status: s}} }
	for _, tt := range []struct{ earlier, later, want autonoma.GateStatus }{
		{autonoma.GateFailed, autonoma.GateSkipped, autonoma.GateFailed},
		{autonoma.GateFailed, autonoma.GatePassed, autonoma.GatePassed},
		{autonoma.GateSkipped, autonoma.GateWarning, autonoma.GateWarning},
		{autonoma.GateSkipped, autonoma.GateSkipped, autonoma.GateSkipped},
	} {
		if got := gate.Merge(of(tt.earlier), of(tt.later)); len(got) != 1 || got[0].Status != tt.want {
			t.Errorf("%s and then %s: %+v", tt.earlier, tt.later, got)
		}
	}
}
