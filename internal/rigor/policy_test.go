package rigor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/rigor"
)

// What the guide says of tiers is what the policy says.
func TestTiersGuide(t *testing.T) {
	p, err := rigor.DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../docs/guide/tiers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range autonoma.Intelligences {
		if row := fmt.Sprintf("| `%s` | %d | %d |", i, p.Tiers[i].SelfReview, p.Candidates(i)); !strings.Contains(string(guide), row) {
			t.Errorf("the guide has no row %s", row)
		}
	}
}
